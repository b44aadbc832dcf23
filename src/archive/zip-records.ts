/** The records of a zip file as bytes (PKWARE APPNOTE 6.3.10, the sections named below). Pure. */

/** What the central directory says of an entry. */
export interface EntryRecord {
  /** UTF-8; a directory's ends with `/`. */
  readonly path: Uint8Array
  readonly isDirectory: boolean
  readonly modifiedMs: number
  /** Permission bits of Unix. */
  readonly mode: number
  readonly crc: number
  /** Bytes. */
  readonly size: number
  /** Bytes as they stand in the archive. */
  readonly packed: number
  /** Its sizes are written with 64 bits. */
  readonly large: boolean
  /** Where its local header begins. */
  readonly offset: number
}

/** At this value a field of 32 bits says: look into the ZIP64 record (4.4.1.4). */
const full32 = 0xffff_ffff
const full16 = 0xffff

/** The smallest number that needs 64 bits. */
export const smallestLarge = full32

/** Version 4.5 knows ZIP64; 2.0 is all that deflate and directories need (4.4.3). */
const withZip64 = 45
const plain = 20
const madeOnUnix = 3 << 8
/** Names are UTF-8 (bit 11); checksum and sizes follow the bytes (bit 3). */
const utf8Names = 1 << 11
const sizesFollow = 1 << 3
/** Methods of packing (4.4.5). */
const stored = 0
const deflate = 8
/** Kinds of Unix, and the directory bit of MS-DOS. */
const directoryKind = 0o040000
const directoryBit = 0x10
const fileKind = 0o100000
/** An extended timestamp: the time in seconds since 1970, since the one of MS-DOS knows no time zone. */
const timeExtraLength = 9

/** Whether a size needs 64 bits. */
export function isLarge(size: number): boolean {
  return size >= smallestLarge
}

/** In front of an entry's bytes (4.3.7). Sizes are left to the descriptor, as 4.4.4 asks for. */
export function localHeader({
  path,
  isDirectory,
  modifiedMs,
  large,
}: Pick<EntryRecord, 'path' | 'isDirectory' | 'modifiedMs' | 'large'>): Buffer {
  const extra = localExtraLength(large)
  const record = new Writer(30 + path.length + extra)
    .u32(0x04034b50)
    .u16(large ? withZip64 : plain)
    .u16(isDirectory ? utf8Names : utf8Names | sizesFollow)
    .u16(isDirectory ? stored : deflate)
    .u32(msdosTime(modifiedMs))
    .u32(0)
    .u32(large ? full32 : 0)
    .u32(large ? full32 : 0)
    .u16(path.length)
    .u16(extra)
    .bytes(path)
    .time(modifiedMs)
  // Tells readers that ignore the directory that the descriptor has sizes of 64 bits (4.3.9.2).
  if (large) record.u16(1).u16(16).u64(0).u64(0)
  return record.buffer
}

/** After a file's bytes (4.3.9). */
export function descriptor({
  crc,
  size,
  packed,
  large,
}: Pick<EntryRecord, 'crc' | 'size' | 'packed' | 'large'>): Buffer {
  const record = new Writer(descriptorLength(large)).u32(0x08074b50).u32(crc)
  return large ? record.u64(packed).u64(size).buffer : record.u32(packed).u32(size).buffer
}

/** An entry in the central directory (4.3.12). */
export function centralHeader(entry: EntryRecord): Buffer {
  const { path, isDirectory, modifiedMs, mode, crc, size, packed, large, offset } = entry
  const far = offset >= full32
  const extra = centralExtraLength(large, offset)
  const attributes = isDirectory ? ((directoryKind | mode) << 16) | directoryBit : (fileKind | mode) << 16
  const record = new Writer(46 + path.length + extra)
    .u32(0x02014b50)
    .u16(madeOnUnix | withZip64)
    .u16(large || far ? withZip64 : plain)
    .u16(isDirectory ? utf8Names : utf8Names | sizesFollow)
    .u16(isDirectory ? stored : deflate)
    .u32(msdosTime(modifiedMs))
    .u32(crc)
    .u32(large ? full32 : packed)
    .u32(large ? full32 : size)
    .u16(path.length)
    .u16(extra)
    .u16(0)
    .u16(0)
    .u16(0)
    .u32(attributes >>> 0)
    .u32(far ? full32 : offset)
    .bytes(path)
    .time(modifiedMs)
  if (large || far) record.u16(1).u16((large ? 16 : 0) + (far ? 8 : 0))
  if (large) record.u64(size).u64(packed)
  if (far) record.u64(offset)
  return record.buffer
}

/** The end: of ZIP64 too when a number does not fit the old one (4.3.14 to 4.3.16). */
export function endRecords(directory: {
  readonly entries: number
  readonly offset: number
  readonly size: number
}): Buffer {
  const { entries, offset, size } = directory
  const record = new Writer(endLength(directory))
  if (needsZip64End(directory)) {
    record
      .u32(0x06064b50)
      .u64(44)
      .u16(madeOnUnix | withZip64)
      .u16(withZip64)
      .u32(0)
      .u32(0)
    record.u64(entries).u64(entries).u64(size).u64(offset)
    record
      .u32(0x07064b50)
      .u32(0)
      .u64(offset + size)
      .u32(1)
  }
  const count = Math.min(entries, full16)
  record.u32(0x06054b50).u16(0).u16(0).u16(count).u16(count)
  return record.u32(Math.min(size, full32)).u32(Math.min(offset, full32)).u16(0).buffer
}

/** Bytes of an entry from its local header to its descriptor. */
export function entryLength(pathLength: number, isDirectory: boolean, packed: number, large: boolean): number {
  return 30 + pathLength + localExtraLength(large) + packed + (isDirectory ? 0 : descriptorLength(large))
}

/** Bytes of an entry in the central directory. */
export function centralLength(pathLength: number, large: boolean, offset: number): number {
  return 46 + pathLength + centralExtraLength(large, offset)
}

/** Bytes of the records at the end. */
export function endLength(directory: Parameters<typeof endRecords>[0]): number {
  return needsZip64End(directory) ? 56 + 20 + 22 : 22
}

function needsZip64End({ entries, offset, size }: Parameters<typeof endRecords>[0]): boolean {
  return entries >= full16 || offset >= full32 || size >= full32
}

function localExtraLength(large: boolean): number {
  return timeExtraLength + (large ? 20 : 0)
}

function centralExtraLength(large: boolean, offset: number): number {
  const zip64 = (large ? 16 : 0) + (offset >= full32 ? 8 : 0)
  return timeExtraLength + (zip64 === 0 ? 0 : 4 + zip64)
}

function descriptorLength(large: boolean): number {
  return large ? 24 : 16
}

/** Date and time of MS-DOS in UTC, exact to two seconds, from 1980 to 2107 (4.4.6). */
function msdosTime(modifiedMs: number): number {
  const date = new Date(Math.min(Math.max(modifiedMs, Date.UTC(1980)), Date.UTC(2107, 11, 31)))
  const day = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate()
  const clock = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1)
  return ((day << 16) | clock) >>> 0
}

/** Writes little-endian numbers one after the other. */
class Writer {
  readonly buffer: Buffer
  #at = 0

  constructor(length: number) {
    this.buffer = Buffer.alloc(length)
  }

  u16(value: number): this {
    this.#at = this.buffer.writeUInt16LE(value, this.#at)
    return this
  }

  u32(value: number): this {
    this.#at = this.buffer.writeUInt32LE(value, this.#at)
    return this
  }

  u64(value: number): this {
    this.#at = this.buffer.writeBigUInt64LE(BigInt(value), this.#at)
    return this
  }

  bytes(value: Uint8Array): this {
    this.buffer.set(value, this.#at)
    this.#at += value.length
    return this
  }

  /** The extra field `UT` with the time of modification, clamped to its 32 bits. */
  time(ms: number): this {
    const seconds = Math.min(Math.max(Math.floor(ms / 1000), 0), 0x7fff_ffff)
    this.u16(0x5455).u16(5)
    this.buffer[this.#at++] = 1
    return this.u32(seconds)
  }
}
