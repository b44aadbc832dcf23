/** POSIX tar in the two forms that are needed here: writing files of known sizes, and reading with suspicion. */

const block = 512

export interface TarHead {
  readonly name: string
  readonly size: number
  /** Unix seconds. */
  readonly time: number
  readonly mode?: number
}

/** The header of a regular file. Throws when the name does not fit. */
export function tarHeader({ name, size, time, mode = 0o600 }: TarHead): Buffer {
  const header = Buffer.alloc(block)
  const bytes = Buffer.from(name)
  const [prefix, rest] = bytes.length <= 100 ? [Buffer.alloc(0), bytes] : splitName(name)
  rest.copy(header, 0)
  octal(header, 100, 8, mode)
  octal(header, 108, 8, 0)
  octal(header, 116, 8, 0)
  number(header, 124, 12, size)
  octal(header, 136, 12, time)
  header.fill(' ', 148, 156)
  header.write('0', 156)
  header.write('ustar\0' + '00', 257)
  prefix.copy(header, 345)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** The zeros after a file of this size. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((block - (size % block)) % block)
}

/** What ends an archive. */
export const tarEnd = Buffer.alloc(2 * block)

export interface TarEntry {
  readonly name: string
  readonly type: 'file' | 'directory'
  readonly size: number
  readonly mode: number
  /** To be read to its end before the next entry is asked for. */
  readonly body: AsyncGenerator<Uint8Array>
}

/** An archive that is not what it must be. */
export class TarError extends Error {
  override readonly name = 'TarError'
}

export interface TarLimits {
  readonly entries: number
  readonly fileBytes: number
  readonly totalBytes: number
}

const usualLimits: TarLimits = { entries: 200_000, fileBytes: 4 * 1024 ** 3, totalBytes: 64 * 1024 ** 3 }
const maxDepth = 32

/**
 * The entries of an archive. Only regular files and directories with plain names are taken: no links, devices or sparse files, nothing
 * that leads out of a folder, nothing twice (names that differ in case or in the form of their letters are the same),
 * nothing after the end. Throws a TarError at the first error.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  chosen: Partial<TarLimits> = {},
): AsyncGenerator<TarEntry> {
  const limits = { ...usualLimits, ...chosen }
  const input = new Input(source)
  const seen = new Set<string>()
  let total = 0
  for (let count = 0; ; count++) {
    const header = await input.take(block)
    if (header.every((byte) => byte === 0)) break
    if (count >= limits.entries) throw new TarError(`more than ${limits.entries} entries`)
    const entry = parseHeader(header)
    const key = entry.name.normalize('NFC').toLowerCase()
    if (entry.name !== '' || entry.type !== 'directory') {
      if (seen.has(key)) throw new TarError(`the name ${shown(entry.name)} comes twice`)
      seen.add(key)
    }
    if (entry.size > limits.fileBytes)
      throw new TarError(`${shown(entry.name)} is larger than ${limits.fileBytes} bytes`)
    total += entry.size
    if (total > limits.totalBytes) throw new TarError(`larger than ${limits.totalBytes} bytes`)
    const body = input.stream(entry.size)
    yield { ...entry, body }
    for await (const _ of body) {
      // Whoever got the entry did not want all of it.
    }
    const padding = await input.take((block - (entry.size % block)) % block)
    if (padding.some((byte) => byte !== 0)) throw new TarError('something stands between two entries')
  }
  for await (const chunk of input.rest()) {
    if (chunk.some((byte) => byte !== 0)) throw new TarError('something stands behind the end')
  }
}

function parseHeader(header: Buffer): Omit<TarEntry, 'body'> {
  const sum = header.reduce((all, byte, at) => all + (at >= 148 && at < 156 ? 32 : byte), 0)
  if (octalAt(header, 148, 8) !== sum) throw new TarError('not a tar archive, or a damaged one')
  const kind = String.fromCharCode(header[156] ?? 0)
  const type = kind === '0' || kind === '\0' ? 'file' : kind === '5' ? 'directory' : undefined
  const prefix = header.toString('latin1', 257, 262) === 'ustar' && header[263] === 0x30 ? textAt(header, 345, 155) : ''
  const raw = prefix === '' ? textAt(header, 0, 100) : `${prefix}/${textAt(header, 0, 100)}`
  if (type === undefined) throw new TarError(`${shown(raw)} is not a regular file or a directory`)
  const size = sizeAt(header)
  if (type === 'directory' && size !== 0) throw new TarError(`the directory ${shown(raw)} has a size`)
  return { name: plainName(raw, type), type, size, mode: octalAt(header, 100, 8) & 0o777 }
}

/** A relative path of plain parts; empty for the folder itself. */
function plainName(raw: string, type: 'file' | 'directory'): string {
  let name = raw
  while (name.startsWith('./')) name = name.slice(2)
  if (type === 'directory') name = name === '.' ? '' : name.replace(/\/$/, '')
  if (name === '' && type === 'directory') return ''
  const parts = name.split('/')
  const bad = parts.some((part) => part === '' || part === '.' || part === '..' || Buffer.byteLength(part) > 255)
  if (bad || /[\\\x00-\x1f\x7f\ufffd]|^[A-Za-z]:/.test(name) || Buffer.byteLength(name) > 1024) {
    throw new TarError(`${shown(raw)} is not a plain relative path`)
  }
  if (parts.length > maxDepth) throw new TarError(`${shown(raw)} is more than ${maxDepth} folders deep`)
  return name
}

class Input {
  readonly #chunks: AsyncIterator<Uint8Array>
  #held: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]()
  }

  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for await (const part of this.stream(count)) parts.push(Buffer.from(part))
    return Buffer.concat(parts)
  }

  async *stream(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0; ) {
      if (this.#held.length === 0) {
        const next = await this.#chunks.next()
        if (next.done === true) throw new TarError('the archive ends too early')
        this.#held = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length)
        continue
      }
      const part = this.#held.subarray(0, left)
      this.#held = this.#held.subarray(part.length)
      left -= part.length
      yield part
    }
  }

  async *rest(): AsyncGenerator<Uint8Array> {
    if (this.#held.length > 0) yield this.#held
    for (;;) {
      const next = await this.#chunks.next()
      if (next.done === true) return
      yield next.value
    }
  }
}

function splitName(name: string): [prefix: Buffer, rest: Buffer] {
  for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) {
    const [prefix, rest] = [Buffer.from(name.slice(0, at)), Buffer.from(name.slice(at + 1))]
    if (rest.length > 100) break
    if (prefix.length <= 155) return [prefix, rest]
  }
  throw new TarError(`${shown(name)} is too long for an archive`)
}

function octal(header: Buffer, at: number, width: number, value: number): void {
  header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at)
}

/** Sizes from 8 GiB do not fit into octal digits: GNU's binary form. */
function number(header: Buffer, at: number, width: number, value: number): void {
  if (value < 8 ** (width - 1)) octal(header, at, width, value)
  else {
    header[at] = 0x80
    header.writeBigUInt64BE(BigInt(value), at + width - 8)
  }
}

function octalAt(header: Buffer, at: number, width: number): number {
  const text = header
    .toString('latin1', at, at + width)
    .replace(/[\0 ]+$/, '')
    .trimStart()
  return /^[0-7]*$/.test(text) ? Number.parseInt(text || '0', 8) : Number.NaN
}

function sizeAt(header: Buffer): number {
  const size = (header[124] ?? 0) & 0x80 ? Number(header.readBigUInt64BE(128)) : octalAt(header, 124, 12)
  if (!Number.isSafeInteger(size) || size < 0) throw new TarError('an entry has no size')
  return size
}

function textAt(header: Buffer, at: number, width: number): string {
  const end = header.indexOf(0, at)
  return header.toString('utf8', at, end < 0 || end > at + width ? at + width : end)
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100))
}
