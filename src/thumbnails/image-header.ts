/** What an image's header says, before anything is decoded. */

export interface ImageHeader {
  readonly type: 'jpeg' | 'png' | 'webp'
  readonly width: number
  readonly height: number
  /** CMYK instead of RGB. */
  readonly isCmyk?: boolean
  /** The block of EXIF data (a TIFF file of its own), where there is one. */
  readonly exif: Uint8Array | undefined
}

/** `undefined` for what is not a JPEG, PNG or WebP, or is cut off before its size. Reads no further than it must. */
export function readImageHeader(bytes: Uint8Array): ImageHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    if (view.getUint16(0) === 0xffd8) return readJpeg(bytes, view)
    if (view.getUint32(0) === 0x89504e47 && view.getUint32(4) === 0x0d0a1a0a) return readPng(bytes, view)
    if (text(bytes, 0) === 'RIFF' && text(bytes, 8) === 'WEBP') return readWebp(bytes, view)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return undefined
}

function readJpeg(bytes: Uint8Array, view: DataView): ImageHeader | undefined {
  let exif: Uint8Array | undefined
  let at = 2
  for (;;) {
    while (view.getUint8(at) !== 0xff) at += 1
    while (view.getUint8(at) === 0xff) at += 1
    const marker = view.getUint8(at)
    at += 1
    // Start of the image's data, or its end: no size was found.
    if (marker === 0xda || marker === 0xd9) return undefined
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue
    const length = view.getUint16(at)
    if (length < 2) return undefined
    // Frame headers; C4, C8 and CC are tables of other kinds.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      const [height, width, components] = [view.getUint16(at + 3), view.getUint16(at + 5), view.getUint8(at + 7)]
      return { type: 'jpeg', width, height, isCmyk: components === 4, exif }
    }
    if (marker === 0xe1 && exif === undefined && text(bytes, at + 2) === 'Exif')
      exif = bytes.subarray(at + 8, at + length)
    at += length
  }
}

function readPng(bytes: Uint8Array, view: DataView): ImageHeader {
  const [width, height] = [view.getUint32(16), view.getUint32(20)]
  let exif: Uint8Array | undefined
  let at = 8
  while (exif === undefined && at + 8 <= bytes.length) {
    const [length, name] = [view.getUint32(at), text(bytes, at + 4)]
    if (name === 'eXIf') exif = bytes.subarray(at + 8, at + 8 + length)
    if (name === 'IEND') break
    at += length + 12
  }
  return { type: 'png', width, height, exif }
}

function readWebp(bytes: Uint8Array, view: DataView): ImageHeader | undefined {
  let size: readonly [width: number, height: number] | undefined
  let exif: Uint8Array | undefined
  let at = 12
  while (at + 8 <= bytes.length) {
    const [name, length] = [text(bytes, at), view.getUint32(at + 4, true)]
    const data = at + 8
    if (name === 'VP8X') size = [1 + uint24(view, data + 4), 1 + uint24(view, data + 7)]
    if (name === 'VP8 ') size ??= [view.getUint16(data + 6, true) & 0x3fff, view.getUint16(data + 8, true) & 0x3fff]
    if (name === 'VP8L') {
      const bits = view.getUint32(data + 1, true)
      size ??= [1 + (bits & 0x3fff), 1 + ((bits >>> 14) & 0x3fff)]
    }
    if (name === 'EXIF') {
      // Some writers keep the name that it has in JPEG.
      const skip = text(bytes, data) === 'Exif' ? 6 : 0
      exif = bytes.subarray(data + skip, data + length)
    }
    at = data + length + (length % 2)
  }
  return size && { type: 'webp', width: size[0], height: size[1], exif }
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
}

function text(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4))
}
