/**
 * Writes zip files as streams: entries come one after the other and only the central directory is kept.
 *
 * Our own and not a library's. Tried in November 2026: yazl 3.3 has no deflate of stored blocks ("conflicting settings"),
 * and predicts a length for entries that are stored only; @zip.js/zip.js 2.24 has both levels, ZIP64, times and modes,
 * but tells no length in advance, took 23 s and 690 MiB for 70,000 entries and 1.2 GiB for one of 5 GiB (here: 3 s and
 * 108 MiB, 2 s and 57 MiB), and the compiler refuses it.
 */
import { pipeline, Readable } from 'node:stream'
import { crc32, createDeflateRaw } from 'node:zlib'
import { equalBlocks } from './equal-blocks.ts'
import { storedBlocks, storedLength } from './stored-blocks.ts'
import {
  centralHeader,
  centralLength,
  descriptor,
  type EntryRecord,
  endLength,
  endRecords,
  entryLength,
  isLarge,
  localHeader,
  smallestLarge,
} from './zip-records.ts'

interface AnyEntry {
  /** With `/` between names, none in front; a directory's ends with one. */
  readonly path: string
  /** Milliseconds since 1970. */
  readonly modifiedMs: number
  /** Permission bits. Default 0644, of directories 0755. */
  readonly mode?: number
}

export interface ZipDirectory extends AnyEntry {
  readonly kind: 'directory'
}

export interface ZipFile extends AnyEntry {
  readonly kind: 'file'
  /** Bytes. If it is not known beforehand, the entry must stay a little below 4 GiB. */
  readonly size: number | undefined
  /**
   * 0, the default, stores in blocks of deflate: readers that see a zip as a stream find the end of such an entry by
   * itself, which they cannot with the method `stored`, and its length is known in advance. 1 compresses, fast.
   */
  readonly level?: 0 | 1
  /** Called when the bytes are needed, after those of the previous entry have been read. */
  readonly open: () => Promise<ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>>
}

export type ZipEntry = ZipDirectory | ZipFile

/** Small pieces are gathered up to this many bytes: a thousand small files are not three thousand writes to a socket. */
const blockBytes = 65_536

/** Longer paths do not fit into a zip: two bytes say how long one is. */
const longestPath = 65_535

/**
 * The bytes of a zip file. Reads only as fast as it is read from, one entry at a time. Throws when an entry does not have
 * the size that it said, or cannot be opened or read: the archive is useless then, and whoever sends it must cut it off.
 * Ending it early cancels the bytes that are being read. Equal entries give equal bytes.
 */
export function writeZip(
  entries: AsyncIterable<ZipEntry> | Iterable<ZipEntry>,
): AsyncGenerator<Uint8Array, void, void> {
  return inBlocks(pieces(entries))
}

/** What the length of an archive depends on. */
export type MeasuredEntry = Pick<ZipDirectory, 'kind' | 'path'> | Pick<ZipFile, 'kind' | 'path' | 'size' | 'level'>

/** How many bytes `writeZip` will give: exact, or `undefined` when an entry is compressed or its size is not known. */
export function zipLength(entries: Iterable<MeasuredEntry>): number | undefined {
  let [offset, size, count] = [0, 0, 0]
  for (const entry of entries) {
    if (entry.kind === 'file' && (entry.size === undefined || levelOf(entry) !== 0)) return undefined
    const isDirectory = entry.kind === 'directory'
    const bytes = isDirectory ? 0 : (entry.size ?? 0)
    const lengths = { pathLength: Buffer.byteLength(entry.path), packed: isDirectory ? 0 : storedLength(bytes) }
    size += centralLength(lengths.pathLength, isLarge(lengths.packed), offset)
    offset += entryLength(lengths.pathLength, isDirectory, lengths.packed, isLarge(lengths.packed))
    count += 1
  }
  return offset + size + endLength({ entries: count, offset, size })
}

async function* pieces(entries: AsyncIterable<ZipEntry> | Iterable<ZipEntry>): AsyncGenerator<Uint8Array> {
  const directory: Buffer[] = []
  let offset = 0
  for await (const entry of entries) {
    const path = Buffer.from(entry.path)
    if (path.length > longestPath) throw new Error('a path is too long for a zip file')
    const isDirectory = entry.kind === 'directory'
    const large = !isDirectory && mayBeLarge(entry)
    const known = {
      path,
      isDirectory,
      modifiedMs: entry.modifiedMs,
      mode: (entry.mode ?? (isDirectory ? 0o755 : 0o644)) & 0o7777,
      large,
    }
    yield localHeader(known)
    const sums = isDirectory ? noBytes : yield* contents(entry)
    if (!isDirectory) yield descriptor({ ...sums, large })
    directory.push(centralHeader({ ...known, ...sums, offset }))
    offset += entryLength(path.length, isDirectory, sums.packed, large)
  }
  yield* directory
  const size = directory.reduce((sum, header) => sum + header.length, 0)
  yield endRecords({ entries: directory.length, offset, size })
}

type Sums = Pick<EntryRecord, 'crc' | 'size' | 'packed'>
const noBytes: Sums = { crc: 0, size: 0, packed: 0 }

/** Whether sizes of 64 bits are needed: readers of streams tell by the real sizes how long the descriptor is. */
function mayBeLarge(entry: ZipFile): boolean {
  if (entry.size === undefined) return false
  return isLarge(levelOf(entry) === 0 ? storedLength(entry.size) : entry.size)
}

/**
 * Just below 4 GiB it is not known whether the compressed bytes need sizes of 64 bits, while those of stored blocks are.
 */
function levelOf({ size, level = 0 }: Pick<ZipFile, 'size' | 'level'>): 0 | 1 {
  return size !== undefined && size >= surelySmall && size < smallestLarge ? 0 : level
}

/** However badly they compress, this many bytes stay below 4 GiB. */
const surelySmall = 0xff00_0000

/** The packed bytes of a file; returns the numbers for its records. */
async function* contents(file: ZipFile): AsyncGenerator<Uint8Array, Sums> {
  const source = new Counted(file)
  const bytes = source.read(await file.open())
  let packed = 0
  for await (const piece of levelOf(file) === 0 ? storedBlocks(bytes, file.size) : deflated(bytes)) {
    packed += piece.length
    yield piece
  }
  return { crc: source.crc, size: source.seen, packed }
}

/** Counts and sums up bytes on their way. */
class Counted {
  crc = 0
  seen = 0

  readonly #file: Pick<ZipFile, 'size'>

  constructor(file: Pick<ZipFile, 'size'>) {
    this.#file = file
  }

  async *read(bytes: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { size } = this.#file
    for await (const chunk of bytes) {
      this.crc = crc32(chunk, this.crc)
      this.seen += chunk.length
      if (this.seen > (size ?? surelySmall)) break
      yield chunk
    }
    if (size === undefined && this.seen > surelySmall) throw new Error('a file of unknown size is too large')
    if (size !== undefined && this.seen !== size) {
      throw new Error(`a file of ${size} bytes has ${this.seen > size ? 'more' : `only ${this.seen}`}`)
    }
  }
}

/**
 * Deflate at its fastest level. Ending it early ends the source. Its output depends on how the input is cut, so
 * the input is cut evenly first: a resumed download continues with the same bytes.
 */
async function* deflated(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = Readable.from(equalBlocks(bytes, blockBytes))
  // The pipeline passes errors on to whoever iterates.
  const packed = pipeline(source, createDeflateRaw({ level: 1 }), () => {})
  yield* packed as AsyncIterable<Uint8Array>
}

async function* inBlocks(all: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let block = Buffer.allocUnsafe(blockBytes)
  let used = 0
  for await (const piece of all) {
    if (used > 0 && used + piece.length > blockBytes) {
      yield block.subarray(0, used)
      block = Buffer.allocUnsafe(blockBytes)
      used = 0
    }
    if (piece.length > blockBytes) yield piece
    else {
      block.set(piece, used)
      used += piece.length
    }
  }
  if (used > 0) yield block.subarray(0, used)
}
