/** The sizes of thumbnails, smallest first: images are fitted into width and height, and never enlarged. */
export const thumbnailFormats = [
  { name: 'tiny', width: 96, height: 96 },
  { name: 'small', width: 640, height: 480 },
  { name: 'medium', width: 1280, height: 720 },
  { name: 'large', width: 1920, height: 1080 },
] as const

export type ThumbnailFormat = (typeof thumbnailFormats)[number]['name']

export function isThumbnailFormat(name: string): name is ThumbnailFormat {
  return thumbnailFormats.some((format) => format.name === name)
}

/** Bytes of the largest image that is drawn. */
export const maxImageBytes = 100_000_000
/** Larger ones would need more memory than a small machine has: four bytes per pixel, several times over. */
export const maxMegapixels = 40
