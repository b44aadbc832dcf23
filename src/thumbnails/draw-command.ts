/** The hidden command of the process that draws thumbnails. */
export const drawCommand = 'draw-thumbnails'
/** Its exit code for an image that cannot be drawn. */
export const cannotDraw = 3
