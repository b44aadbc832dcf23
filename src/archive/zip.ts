/**
 * Writes zip files while they are read: entries are stored as they are, one after the other, and nothing but the central
 * directory is kept. Stored, because most of what people keep is compressed already and a length that is known in advance
 * is worth more than a few bytes.
 */
import { crc32 } from 'node:zlib'
import {
  centralHeader,
  centralLength,
  descriptor,
  endLength,
  endRecords,
  entryLength,
  localHeader,
} from './zip-records.ts'

export interface ZipDirectory {
  readonly kind: 'directory'
  /** With `/` between names and at the end, none in front. */
  readonly path: string
  /** Milliseconds since 1970. */
  readonly modifiedMs: number
}

export interface ZipFile {
  readonly kind: 'file'
  readonly path: string
  readonly modifiedMs: number
  /** Bytes. */
  readonly size: number
  /** Called when the bytes are needed, after those of the entry before have been read. */
  readonly open: () => Promise<ReadableStream<Uint8Array>>
}

export type ZipEntry = ZipDirectory | ZipFile

/** Small pieces are gathered up to this many bytes: a thousand small files are not three thousand writes to a socket. */
const blockBytes = 65_536

/** Longer paths do not fit a zip: two bytes say how long one is. */
const longestPath = 65_535

/**
 * The bytes of a zip file. Reads only as fast as it is read from, one entry at a time. Throws when an entry has not the
 * size that it said, or cannot be opened or read: the archive is useless then, and whoever sends it must cut it off.
 * Ending it early cancels the bytes that are being read.
 */
export function zip(entries: AsyncIterable<ZipEntry> | Iterable<ZipEntry>): AsyncGenerator<Uint8Array, void, void> {
  return inBlocks(pieces(entries))
}

/** How many bytes `zip` will give. Exact. */
export function zipLength(
  entries: Iterable<Omit<ZipDirectory, 'modifiedMs'> | Pick<ZipFile, 'kind' | 'path' | 'size'>>,
): number {
  let [offset, size, count] = [0, 0, 0]
  for (const entry of entries) {
    const [path, bytes] = [Buffer.byteLength(entry.path), entry.kind === 'file' ? entry.size : 0]
    size += centralLength(path, bytes, offset)
    offset += entryLength(path, entry.kind === 'directory', bytes)
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
    const known = { path, isDirectory, modifiedMs: entry.modifiedMs, size: isDirectory ? 0 : entry.size }
    yield localHeader(known)
    const crc = isDirectory ? 0 : yield* contents(entry)
    if (!isDirectory) yield descriptor({ crc, size: known.size })
    directory.push(centralHeader({ ...known, crc, offset }))
    offset += entryLength(path.length, isDirectory, known.size)
  }
  yield* directory
  const size = directory.reduce((sum, header) => sum + header.length, 0)
  yield endRecords({ entries: directory.length, offset, size })
}

/** The bytes of a file; returns their checksum. */
async function* contents({ open, size }: ZipFile): AsyncGenerator<Uint8Array, number> {
  let [crc, seen] = [0, 0]
  for await (const chunk of await open()) {
    crc = crc32(chunk, crc)
    seen += chunk.length
    if (seen > size) break
    yield chunk
  }
  if (seen !== size) throw new Error(`a file of ${size} bytes has ${seen > size ? 'more' : `only ${seen}`}`)
  return crc
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
