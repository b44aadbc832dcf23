/** Images for tests: what cameras and hostile people send. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { deflateSync } from 'node:zlib'
import jpeg from 'jpeg-js'
import { PNG } from 'pngjs'

export interface Photo {
  readonly name: string
  readonly type: string
  readonly bytes: Uint8Array
  /** Width and height as seen; `undefined`: it cannot be drawn. */
  readonly seen: readonly [width: number, height: number] | undefined
  readonly alpha?: boolean
}

interface Size {
  readonly width: number
  readonly height: number
}

/** The left upper quarter is red, so that turning shows. */
function pixelsOf({ width, height }: Size, alpha = 255): Buffer {
  const data = Buffer.alloc(width * height * 4)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 4
      const isCorner = x < width / 2 && y < height / 2
      data[at] = isCorner ? 220 : 20
      data[at + 1] = isCorner ? 20 : (x * 255) / width
      data[at + 2] = isCorner ? 20 : (y * 255) / height
      data[at + 3] = alpha
    }
  }
  return data
}

export function jpegPhoto(size: Size, exif?: Uint8Array): Uint8Array {
  const { data } = jpeg.encode({ ...size, data: pixelsOf(size) }, 80)
  if (exif === undefined) return data
  const length = exif.length + 8
  const head = Buffer.from([0xff, 0xd8, 0xff, 0xe1, length >> 8, length & 255])
  return Buffer.concat([head, Buffer.from('Exif\0\0'), exif, data.subarray(2)])
}

/** A TIFF block with an orientation, a moment (`2024:07:14 12:30:00`) and a place. */
export function exifBlock(orientation: number, moment = '2024:07:14 12:30:00'): Uint8Array {
  const block = Buffer.alloc(300)
  block.write('MM', 0)
  block.writeUInt16BE(42, 2)
  block.writeUInt32BE(8, 4)
  const entry = (at: number, tag: number, type: number, count: number, value: number) => {
    block.writeUInt16BE(tag, at)
    block.writeUInt16BE(type, at + 2)
    block.writeUInt32BE(count, at + 4)
    if (type === 3) block.writeUInt16BE(value, at + 8)
    else block.writeUInt32BE(value, at + 8)
  }
  block.writeUInt16BE(2, 8)
  entry(10, 0x0112, 3, 1, orientation)
  entry(22, 0x8769, 4, 1, 60) // the part about the exposure
  block.writeUInt16BE(1, 60)
  entry(62, 0x9003, 2, 20, 120)
  block.write(`${moment}\0`, 120)
  return block
}

export function pngPhoto(
  size: Size,
  { alpha = 255, bitDepth = 8 }: { alpha?: number; bitDepth?: 8 | 16 } = {},
): Uint8Array {
  const pixels = pixelsOf(size, alpha)
  const image = new PNG({ ...size, bitDepth })
  if (bitDepth === 8) {
    image.data = pixels
    return PNG.sync.write(image, alpha === 255 ? { colorType: 2 } : {})
  }
  const wide = new Uint16Array(pixels.length)
  for (const [at, value] of pixels.entries()) wide[at] = value * 257
  image.data = Buffer.from(wide.buffer)
  return PNG.sync.write(image, { bitDepth: 16, inputHasAlpha: true })
}

/** A picture that says it has 900 million pixels. */
export function pngBomb(): Uint8Array {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(30_000, 0)
  header.writeUInt32BE(30_000, 4)
  header.set([8, 6, 0, 0, 0], 8)
  const chunk = (name: string, data: Uint8Array) => {
    const head = Buffer.alloc(8)
    head.writeUInt32BE(data.length, 0)
    head.write(name, 4)
    return Buffer.concat([head, data, Buffer.alloc(4)])
  }
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10])
  const rows = deflateSync(Buffer.alloc(1_000_000))
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))])
}

export async function webpPhoto(size: Size, alpha = 255): Promise<Uint8Array> {
  const { default: encode, init } = await import('@jsquash/webp/encode.js')
  const file = createRequire(import.meta.url).resolve('@jsquash/webp/codec/enc/webp_enc.wasm')
  await init(await WebAssembly.compile(readFileSync(file)))
  const image = { ...size, data: new Uint8ClampedArray(pixelsOf(size, alpha)) }
  return new Uint8Array(await encode(image as unknown as ImageData))
}

/** 8 by 8 pixels of cyan, magenta, yellow and black, as printers take them: the smallest tables that will do. */
export function cmykPhoto(): Uint8Array {
  const segment = (marker: number, data: readonly number[]) => [0xff, marker, 0, data.length + 2, ...data]
  const table = (kind: number) => segment(0xc4, [kind, 1, ...Array<number>(15).fill(0), 0])
  const components = [1, 2, 3, 4]
  return Uint8Array.from([
    ...[0xff, 0xd8],
    ...segment(0xee, [...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, 0]),
    ...segment(0xdb, [0, ...Array<number>(64).fill(1)]),
    ...segment(0xc0, [8, 0, 8, 0, 8, 4, ...components.flatMap((id) => [id, 0x11, 0])]),
    ...table(0x00),
    ...table(0x10),
    ...segment(0xda, [4, ...components.flatMap((id) => [id, 0]), 0, 63, 0]),
    // One bit for "no difference" and one for "nothing more", four times.
    0,
    ...[0xff, 0xd9],
  ])
}
