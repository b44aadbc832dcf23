/**
 * Reads zip files from elsewhere: each entry as a stream, from a source with random access. Archives are hostile
 * until proven otherwise: what two readers could understand differently, what would be written somewhere other than where it
 * says, and what is larger than it says is refused.
 *
 * Our own: @zip.js/zip.js 2.24 does all that, but the compiler refuses it (`--reject-unresolved`: it imports modules by
 * names that it makes), and it unpacked 5 GiB with 905 MiB of memory.
 */
import { pipeline, Readable } from 'node:stream'
import { crc32, createInflateRaw, inflateRawSync } from 'node:zlib'
import { errnoOf } from '../model/errno.ts'
import { Problem } from '../model/errors.ts'
import { type DirectoryRecord, readBytes, readDirectory } from './zip-directory.ts'
import { archiveRefused } from './zip-refusal.ts'
import type { ZipSource } from './zip-source.ts'

export interface ReadEntry {
  readonly kind: 'directory' | 'file'
  /** With `/` between names, none in front; a directory's ends with one. No name is empty, `.` or `..`. */
  readonly path: string
  /** Milliseconds since 1970. */
  readonly modifiedMs: number
  /** Permission bits of Unix; `undefined` where the archive was not made on one. */
  readonly mode: number | undefined
  /** Bytes, unpacked. */
  readonly size: number
  /**
   * The bytes, as often as wanted. Fails when they are not as many as `size`, or do not have the checksum that the
   * archive names. Ending it early releases everything that was held for it.
   */
  open(): AsyncGenerator<Uint8Array, void, void>
}

export interface ZipLimits {
  readonly maxEntries: number
  /** Bytes of all entries, unpacked. */
  readonly maxBytes: number
  /** Whether paths may have empty names in them, for readers that store nothing under them. Default false. */
  readonly emptyNames?: boolean
}

const stored = 0
const deflate = 8
const longestPath = 4_096
const localHeaderBytes = 30
/** Bytes that are requested from the source at a time. */
const readBytesAtOnce = 1 << 19
/** Entries up to this size are unpacked in one step. */
const smallBytes = 1 << 18
/** Encryption, its strong form, and hidden headers (4.4.4). */
const encryptedFlags = 1 | (1 << 6) | (1 << 13)
const sizesFollow = 1 << 3
const kindMask = 0o170000
const plainKinds = new Set([0, 0o100000, 0o040000])

/**
 * The entries in the order of the archive's directory, which is checked whole before any is given.
 * @throws Problem 400 for what is not a zip, is damaged, or is refused; the reason says which
 */
export async function readZip(source: ZipSource, limits: ZipLimits): Promise<readonly ReadEntry[]> {
  const { records, offset } = await readDirectory(source, limits.maxEntries)
  const ends = endsOf(records, offset)
  const paths = new Set<string>()
  let bytes = 0
  const entries = records.map((record, at) => {
    const entry = checked(source, record, ends[at] ?? 0, limits)
    bytes += entry.size
    if (bytes > limits.maxBytes) throw archiveRefused(`unpacks to more than ${limits.maxBytes} bytes`)
    const name = entry.path.replace(/\/$/, '')
    if (paths.has(name)) throw archiveRefused('holds two entries of one path')
    paths.add(name)
    return entry
  })
  checkAbove(entries)
  return entries
}

/**
 * Where each entry must end: where the next one begins. Entries that share bytes make a small archive unpack to a
 * huge one.
 */
function endsOf(records: readonly DirectoryRecord[], directoryAt: number): readonly number[] {
  const order = records.map(({ offset }, at) => ({ offset, at })).sort((a, b) => a.offset - b.offset)
  const ends: number[] = []
  for (const [place, { offset, at }] of order.entries()) {
    const end = order[place + 1]?.offset ?? directoryAt
    if (offset + localHeaderBytes + (records[at]?.packed ?? 0) > end) throw archiveRefused('holds entries that overlap')
    ends[at] = end
  }
  if ((order[0]?.offset ?? directoryAt) !== 0) throw archiveRefused('is damaged or ambiguous')
  return ends
}

function checked(source: ZipSource, record: DirectoryRecord, end: number, limits: ZipLimits): ReadEntry {
  const { method, flags, size, packed, modifiedMs, attributes, onUnix } = record
  const path = pathOf(record.name, limits)
  const kind = path.endsWith('/') ? 'directory' : 'file'
  if ((flags & encryptedFlags) !== 0) throw archiveRefused('is encrypted')
  if (method !== stored && method !== deflate) throw archiveRefused(`uses the compression method ${method}`)
  if (method === stored && size !== packed) throw archiveRefused('is damaged or ambiguous')
  const mode = onUnix ? attributes >>> 16 : undefined
  if (mode !== undefined && !plainKinds.has(mode & kindMask)) throw archiveRefused('holds a link or a special file')
  if (kind === 'directory' && size > 0) throw archiveRefused('holds a directory with bytes')
  return {
    kind,
    path,
    modifiedMs: Number.isNaN(modifiedMs) ? 0 : modifiedMs,
    mode: mode === undefined ? undefined : mode & 0o777,
    size,
    open: () => contents(source, record, end),
  }
}

function pathOf(name: Uint8Array, { emptyNames = false }: ZipLimits): string {
  const path = decodeName(name)
  const names = path.replace(/\/$/, '').split('/')
  const isPlain = names.every((one) => (emptyNames || one !== '') && one !== '.' && one !== '..')
  // Backslashes and colons lead elsewhere on other systems only; as parts of names they are harmless here.
  if (!isPlain || path.includes('\0') || path.length > longestPath) {
    throw archiveRefused('holds a path that leads elsewhere')
  }
  return path
}

function decodeName(name: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name)
  } catch (error) {
    throw archiveRefused('holds a name that is not UTF-8', error)
  }
}

/** A file cannot contain others. */
function checkAbove(entries: readonly ReadEntry[]): void {
  const files = new Set(entries.flatMap(({ kind, path }) => (kind === 'file' ? [path] : [])))
  for (const { path } of entries) {
    for (let slash = path.lastIndexOf('/', path.length - 2); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      if (files.has(path.slice(0, slash))) throw archiveRefused('holds a file that is a directory too')
    }
  }
}

async function* contents(
  source: ZipSource,
  record: DirectoryRecord,
  end: number,
): AsyncGenerator<Uint8Array, void, void> {
  const start = await startOf(source, record, end)
  const packed = packedBytes(source, start, record.packed)
  const isSmall = record.packed <= smallBytes && record.size <= smallBytes
  const unpacked = isSmall ? inflatedAtOnce(packed, record.size) : inflated(packed)
  let [crc, seen] = [0, 0]
  for await (const chunk of record.method === stored ? packed : unpacked) {
    seen += chunk.length
    if (seen > record.size) throw archiveRefused('holds an entry that is larger than it says')
    crc = crc32(chunk, crc)
    yield chunk
  }
  if (seen < record.size) throw archiveRefused('holds an entry that is smaller than it says')
  if (crc !== record.crc) throw archiveRefused('holds an entry whose checksum is wrong')
}

/** Where the bytes begin. The header in front of them must say what the directory says (4.3.7). */
async function startOf(source: ZipSource, record: DirectoryRecord, end: number): Promise<number> {
  const header = await readBytes(source, record.offset, localHeaderBytes + record.name.length)
  const [flags, method] = [header.readUInt16LE(6), header.readUInt16LE(8)]
  const start = record.offset + localHeaderBytes + header.readUInt16LE(26) + header.readUInt16LE(28)
  const agrees =
    header.readUInt32LE(0) === 0x04034b50 &&
    flags === record.flags &&
    method === record.method &&
    header.readUInt16LE(26) === record.name.length &&
    header.subarray(localHeaderBytes).equals(record.name) &&
    ((flags & sizesFollow) !== 0 || header.readUInt32LE(14) === record.crc) &&
    start + record.packed <= end
  if (!agrees) throw archiveRefused('is damaged or ambiguous')
  return start
}

async function* packedBytes(source: ZipSource, start: number, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < length; at += readBytesAtOnce) {
    yield await source.read(start + at, Math.min(readBytesAtOnce, length - at))
  }
}

/** A stream for each of many small entries costs more than all the rest. */
async function* inflatedAtOnce(packed: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  for await (const bytes of packed) {
    let unpacked: Uint8Array
    try {
      unpacked = inflateRawSync(bytes, { maxOutputLength: size + 1 })
    } catch (error) {
      if (errnoOf(error) === 'ERR_BUFFER_TOO_LARGE') throw archiveRefused('holds an entry that is larger than it says')
      throw archiveRefused('holds a damaged entry', error)
    }
    yield unpacked
  }
}

/** Failures of the source are passed on as they are. */
async function* inflated(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let failure: unknown
  async function* watched() {
    try {
      yield* packed
    } catch (error) {
      failure = error
      throw error
    }
  }
  try {
    yield* pipeline(Readable.from(watched()), createInflateRaw(), () => {}) as AsyncIterable<Uint8Array>
  } catch (error) {
    if (failure !== undefined) throw failure
    throw error instanceof Problem ? error : archiveRefused('holds a damaged entry', error)
  }
}
