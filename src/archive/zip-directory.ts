/** The central directory of a zip file from elsewhere (PKWARE APPNOTE 6.3.10, the sections named below). */
import { archiveRefused } from './zip-refusal.ts'
import type { ZipSource } from './zip-source.ts'

/** The directory's description of an entry. */
export interface DirectoryRecord {
  readonly name: Uint8Array
  /** Made on Unix: its attributes hold a mode. */
  readonly onUnix: boolean
  readonly flags: number
  readonly method: number
  readonly crc: number
  /** Bytes in the archive. */
  readonly packed: number
  /** Bytes, unpacked. */
  readonly size: number
  readonly attributes: number
  /** Where its local header begins. */
  readonly offset: number
  /** Milliseconds since 1970. */
  readonly modifiedMs: number
}

export interface ZipDirectory {
  readonly records: readonly DirectoryRecord[]
  /** Where the directory begins: no entry reaches further. */
  readonly offset: number
}

const full16 = 0xffff
const full32 = 0xffff_ffff
const endBytes = 22
const locatorBytes = 20
const end64Bytes = 56
const recordBytes = 46
/** A million entries with long names. */
const mostDirectoryBytes = 256 << 20

/**
 * Reads and checks the directory. It must lie right before the end records, and these at the very end: what stands
 * elsewhere is seen by some programs and not by others.
 * @throws Problem 400
 */
export async function readDirectory(source: ZipSource, maxEntries: number): Promise<ZipDirectory> {
  const { entries, size, offset, end } = await readEnd(source)
  if (entries > maxEntries) throw archiveRefused(`holds more than ${maxEntries} entries`)
  if (offset + size !== end || size > mostDirectoryBytes || size < entries * recordBytes) throw damaged()
  const data = await readBytes(source, offset, size)
  const records: DirectoryRecord[] = []
  let at = 0
  while (at < data.length) {
    const { record, length } = recordAt(data, at)
    records.push(record)
    at += length
  }
  if (records.length !== entries) throw damaged()
  return { records, offset }
}

/** A part of the source as a buffer. @throws Problem 400 when it lies outside */
export async function readBytes(source: ZipSource, start: number, length: number): Promise<Buffer> {
  if (start < 0 || start + length > source.size) throw damaged()
  const bytes = length === 0 ? new Uint8Array(0) : await source.read(start, length)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

interface End {
  readonly entries: number
  readonly size: number
  readonly offset: number
  /** Where the end records begin. */
  readonly end: number
}

/** 4.3.14 to 4.3.16. */
async function readEnd(source: ZipSource): Promise<End> {
  const length = Math.min(source.size, endBytes + full16)
  const tail = await readBytes(source, source.size - length, length)
  let at = tail.length - endBytes
  // A comment may follow; it says how long it is.
  while (
    at >= 0 &&
    !(tail.readUInt32LE(at) === 0x06054b50 && at + endBytes + tail.readUInt16LE(at + 20) === tail.length)
  ) {
    at -= 1
  }
  if (at < 0) throw damaged()
  const place = source.size - length + at
  const [disk, first, here, entries] = [4, 6, 8, 10].map((field) => tail.readUInt16LE(at + field))
  const [size, offset] = [12, 16].map((field) => tail.readUInt32LE(at + field))
  const short = { entries: entries ?? 0, size: size ?? 0, offset: offset ?? 0, end: place }
  const locator = place < locatorBytes ? undefined : await readBytes(source, place - locatorBytes, locatorBytes)
  if (locator?.readUInt32LE(0) === 0x07064b50) return readEnd64(source, locator, place - locatorBytes)
  if (disk !== 0 || first !== 0 || here !== entries) throw archiveRefused('is a part of several')
  if (short.entries === full16 || short.size === full32 || short.offset === full32) throw damaged()
  return short
}

async function readEnd64(source: ZipSource, locator: Buffer, locatorAt: number): Promise<End> {
  const end = numberAt(locator, 8)
  if (end + end64Bytes !== locatorAt || locator.readUInt32LE(16) !== 1) throw damaged()
  const record = await readBytes(source, end, end64Bytes)
  if (record.readUInt32LE(0) !== 0x06064b50) throw damaged()
  if (record.readUInt32LE(16) !== 0 || record.readUInt32LE(20) !== 0) throw archiveRefused('is a part of several')
  return { entries: numberAt(record, 32), size: numberAt(record, 40), offset: numberAt(record, 48), end }
}

/** 4.3.12. */
function recordAt(data: Buffer, at: number): { readonly record: DirectoryRecord; readonly length: number } {
  if (at + recordBytes > data.length || data.readUInt32LE(at) !== 0x02014b50) throw damaged()
  const u16 = (field: number) => data.readUInt16LE(at + field)
  const u32 = (field: number) => data.readUInt32LE(at + field)
  const [nameLength, extraLength, commentLength] = [u16(28), u16(30), u16(32)]
  const length = recordBytes + nameLength + extraLength + commentLength
  if (at + length > data.length) throw damaged()
  const nameEnd = at + recordBytes + nameLength
  const extra = extraFields(data.subarray(nameEnd, nameEnd + extraLength))
  const wide = wideNumbers(extra.get(1), [u32(24), u32(20), u32(42)])
  return {
    length,
    record: {
      name: data.subarray(at + recordBytes, nameEnd),
      onUnix: u16(4) >> 8 === 3,
      flags: u16(8),
      method: u16(10),
      crc: u32(16),
      size: wide[0] ?? 0,
      packed: wide[1] ?? 0,
      offset: wide[2] ?? 0,
      attributes: u32(38),
      modifiedMs: timeOf(extra.get(0x5455), u16(14), u16(12)),
    },
  }
}

function extraFields(data: Buffer): ReadonlyMap<number, Buffer> {
  const fields = new Map<number, Buffer>()
  for (let at = 0; at + 4 <= data.length; ) {
    const [kind, length] = [data.readUInt16LE(at), data.readUInt16LE(at + 2)]
    if (at + 4 + length > data.length) throw damaged()
    if (!fields.has(kind)) fields.set(kind, data.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return fields
}

/** Numbers that overflow are in the ZIP64 field, in their order (4.5.3). */
function wideNumbers(field: Buffer | undefined, numbers: readonly number[]): readonly number[] {
  let at = 0
  return numbers.map((number) => {
    if (number !== full32) return number
    if (field === undefined || at + 8 > field.length) throw damaged()
    at += 8
    return numberAt(field, at - 8)
  })
}

/** The extended timestamp, or else the time of MS-DOS, taken as UTC. */
function timeOf(field: Buffer | undefined, date: number, clock: number): number {
  if (field !== undefined && field.length >= 5 && ((field[0] ?? 0) & 1) === 1) return field.readInt32LE(1) * 1000
  const day = [(date >> 9) + 1980, ((date >> 5) & 15) - 1, date & 31] as const
  return Date.UTC(...day, clock >> 11, (clock >> 5) & 63, (clock & 31) * 2)
}

/** 64 bits that a double holds. */
function numberAt(data: Buffer, at: number): number {
  const value = data.readBigUInt64LE(at)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged()
  return Number(value)
}

function damaged() {
  return archiveRefused('is damaged or ambiguous')
}
