/** Reads from an ELF file what the build must know: the processor it is for, and the libraries it asks for. */

/** A processor by its name in npm's packages. */
export type Processor = 'x64' | 'arm64'

/** What an ELF file says about itself. */
export interface Elf {
  /** Undefined for a processor that Hearth is not built for. */
  readonly processor: Processor | undefined
  /** The libraries that must be loaded with it (`DT_NEEDED`). */
  readonly needed: readonly string[]
}

const machines: Record<number, Processor> = { 62: 'x64', 183: 'arm64' }
const dynamicSegment = 2
const loadSegment = 1
const tag = { needed: 1n, stringTable: 5n }

/** Reads a 64-bit little-endian ELF file; undefined when the bytes are something else. */
export function readElf(bytes: Buffer): Elf | undefined {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) return undefined
  const segments = readSegments(bytes)
  const dynamic = segments.find(({ type }) => type === dynamicSegment)
  const entries = dynamic ? readDynamic(bytes, dynamic) : []
  const table = entries.find((entry) => entry.tag === tag.stringTable)
  const names = table ? fileOffset(segments, Number(table.value)) : 0
  const needed = entries.filter((entry) => entry.tag === tag.needed)
  return {
    processor: machines[bytes.readUInt16LE(18)],
    needed: needed.map(({ value }) => textAt(bytes, names + Number(value))),
  }
}

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly size: number
}

function readSegments(bytes: Buffer): Segment[] {
  const first = Number(bytes.readBigUInt64LE(32))
  const [size, count] = [bytes.readUInt16LE(54), bytes.readUInt16LE(56)]
  return Array.from({ length: count }, (_, index) => {
    const at = first + index * size
    return {
      type: bytes.readUInt32LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
    }
  })
}

function readDynamic(bytes: Buffer, { offset, size }: Segment): { tag: bigint; value: bigint }[] {
  return Array.from({ length: Math.floor(size / 16) }, (_, index) => {
    const at = offset + index * 16
    return { tag: bytes.readBigUInt64LE(at), value: bytes.readBigUInt64LE(at + 8) }
  })
}

/** Addresses in the dynamic section are those in memory. */
function fileOffset(segments: readonly Segment[], address: number): number {
  const holder = segments.find(
    (segment) => segment.type === loadSegment && segment.address <= address && address < segment.address + segment.size,
  )
  return holder ? address - holder.address + holder.offset : 0
}

function textAt(bytes: Buffer, start: number): string {
  return bytes.toString('utf8', start, bytes.indexOf(0, start))
}
