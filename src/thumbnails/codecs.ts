/** The codecs, as WebAssembly. For the process that draws only: they define a global that browsers have. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import decodeJpeg, { init as initJpegDecoder } from '@jsquash/jpeg/decode.js'
import encodeJpeg, { init as initJpegEncoder } from '@jsquash/jpeg/encode.js'
import decodePng, { init as initPngDecoder } from '@jsquash/png/decode.js'
import encodePng, { init as initPngEncoder } from '@jsquash/png/encode.js'
import resize, { initResize } from '@jsquash/resize'
import decodeWebp, { init as initWebpDecoder } from '@jsquash/webp/decode.js'
import jpegJs from 'jpeg-js'
import { embeddedAsset } from '../platform/runtime.ts'
import { codecFiles } from './codec-files.ts'
import type { Pixels } from './pixels.ts'

const quality = 75

/** Globals that the codecs expect. */
class ImageDataOfBrowsers implements Pixels {
  readonly data: Uint8ClampedArray
  readonly width: number
  readonly height: number
  readonly colorSpace = 'srgb'

  constructor(data: Uint8ClampedArray, width: number, height?: number) {
    this.data = data
    this.width = width
    this.height = height ?? data.length / 4 / width
  }
}

export async function decode(type: 'jpeg' | 'png' | 'webp', bytes: Uint8Array): Promise<Pixels> {
  prepare()
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  switch (type) {
    case 'jpeg':
      await initJpegDecoder(await moduleOf('jpegDecoder'))
      return pixelsOf(await decodeJpeg(buffer))
    case 'png':
      await initPngDecoder(await moduleOf('png'))
      return pixelsOf(await decodePng(buffer))
    case 'webp':
      await initWebpDecoder(await moduleOf('webpDecoder'))
      return pixelsOf(await decodeWebp(buffer))
  }
}

/** The other decoder does not support CMYK; this one is slower and takes more memory. */
export function decodeCmyk(bytes: Uint8Array): Pixels {
  const { data, width, height } = jpegJs.decode(bytes, {
    useTArray: true,
    maxMemoryUsageInMB: 1024,
    maxResolutionInMP: 40,
  })
  return { data: new Uint8ClampedArray(data.buffer, data.byteOffset, data.byteLength), width, height }
}

export async function shrink(
  pixels: Pixels,
  size: { readonly width: number; readonly height: number },
): Promise<Pixels> {
  if (pixels.width === size.width && pixels.height === size.height) return pixels
  prepare()
  await initResize(await moduleOf('resize'))
  const image = pixels as unknown as ImageData
  return pixelsOf(await resize(image, { ...size, method: 'mitchell', premultiply: true, linearRGB: false }))
}

export async function encode(type: 'jpeg' | 'png', pixels: Pixels): Promise<Uint8Array> {
  prepare()
  const image = pixels as unknown as ImageData
  if (type === 'png') {
    await initPngEncoder(await moduleOf('png'))
    return new Uint8Array(await encodePng(image))
  }
  await initJpegEncoder(await moduleOf('jpegEncoder'))
  return new Uint8Array(await encodeJpeg(image, { quality, progressive: false, trellis_multipass: false }))
}

/** The codecs deliver eight bits per channel. */
function pixelsOf({ data, width, height }: ImageData): Pixels {
  return { data: data as Uint8ClampedArray, width, height }
}

function prepare(): void {
  const globals = globalThis as { ImageData?: unknown }
  globals.ImageData ??= ImageDataOfBrowsers
}

const modules = new Map<string, Promise<WebAssembly.Module>>()

function moduleOf(name: keyof typeof codecFiles): Promise<WebAssembly.Module> {
  const known = modules.get(name) ?? load(codecFiles[name])
  modules.set(name, known)
  return known
}

async function load(file: string): Promise<WebAssembly.Module> {
  const name = file.split('/').at(-1) ?? ''
  const sources = join(import.meta.dirname ?? '', '..', '..', 'node_modules', '@jsquash', file)
  return WebAssembly.compile(await readFile(embeddedAsset(name) ?? sources))
}
