/** From the bytes of an image to its thumbnails. Runs in a process of its own, which its parent may kill at any moment. */
import { decode, decodeCmyk, encode, shrink } from './codecs.ts'
import { DrawingError, type Drawn } from './drawn.ts'
import { readPhotoFacts } from './exif.ts'
import { maxMegapixels, type ThumbnailFormat, thumbnailFormats } from './formats.ts'
import { readImageHeader } from './image-header.ts'
import { fitted, halved, hasAlpha, isTurned, upright } from './pixels.ts'

/** @throws DrawingError, and whatever the codecs throw at an image that is broken */
export async function draw(
  image: Uint8Array,
): Promise<{ readonly drawn: Drawn; readonly contents: readonly Uint8Array[] }> {
  const header = readImageHeader(image)
  if (header === undefined) throw new DrawingError('not a JPEG, PNG or WebP image')
  const { type, width, height, exif } = header
  if (width === 0 || height === 0) throw new DrawingError('the image has no pixels')
  if (width * height > maxMegapixels * 1e6) {
    throw new DrawingError(`the image has more than ${maxMegapixels} megapixels`)
  }
  const facts = await readPhotoFacts(exif)
  let pixels = header.isCmyk ? decodeCmyk(image) : await decode(type, image)
  if (pixels.width * pixels.height > maxMegapixels * 1e6) throw new DrawingError('the image is larger than it says')
  const contentType = type !== 'jpeg' && hasAlpha(pixels) ? 'png' : 'jpeg'
  const whole = { width: pixels.width, height: pixels.height }
  const turned = isTurned(facts.orientation)
  const results: { format: ThumbnailFormat; content: Uint8Array }[] = []
  let isUpright = false
  // Each is made from the previous one: the large one takes most of the time.
  for (const { name, width: boxWidth, height: boxHeight } of [...thumbnailFormats].reverse()) {
    const box = turned && !isUpright ? { width: boxHeight, height: boxWidth } : { width: boxWidth, height: boxHeight }
    const size = fitted(pixels, box)
    while (pixels.width >= size.width * 2 && pixels.height >= size.height * 2) pixels = halved(pixels)
    pixels = await shrink(pixels, size)
    if (!isUpright) pixels = upright(pixels, facts.orientation)
    isUpright = true
    results.unshift({ format: name, content: await encode(contentType, pixels) })
  }
  const thumbnails = results.map(({ format, content }) => ({
    format,
    contentType: `image/${contentType}`,
    size: content.length,
  }))
  const shown = turned ? { width: whole.height, height: whole.width } : whole
  return { drawn: { ...shown, ...facts, thumbnails }, contents: results.map(({ content }) => content) }
}
