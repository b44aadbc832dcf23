/** The report of the drawing process about an image. */
import type { ThumbnailFormat } from './formats.ts'

/** The description of an image, sent before the bytes of its thumbnails. */
export interface Drawn {
  /** Of the image as it is to be seen. */
  readonly width: number
  readonly height: number
  readonly orientation: number
  readonly takenAt: string | undefined
  readonly gps: { readonly lat: number; readonly long: number } | undefined
  readonly thumbnails: readonly {
    readonly format: ThumbnailFormat
    readonly contentType: string
    readonly size: number
  }[]
}

/** The image cannot be drawn. The message contains nothing from it. */
export class DrawingError extends Error {
  override readonly name = 'DrawingError'
}
