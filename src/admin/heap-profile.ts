/**
 * The heap in the format of Google's pprof (`profile.proto`): how many objects of each type there are and how many bytes
 * they take, each type standing for a function.
 */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const compress = promisify(gzip)

/** What `Bun.generateHeapSnapshot()` gives: JavaScriptCore's format, four numbers for each object. */
interface HeapSnapshot {
  readonly nodes: readonly number[]
  readonly nodeClassNames: readonly string[]
}

interface BunHeap {
  gc(force: boolean): void
  generateHeapSnapshot(): HeapSnapshot
}

const numbersOfNode = 4

/** A gzipped profile; `undefined` where the runtime gives no snapshot. Stops everything else while it is made. */
export async function heapProfile(): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const heap = (globalThis as { Bun?: BunHeap }).Bun
  if (heap === undefined) return undefined
  heap.gc(true)
  const types = typesOf(heap.generateHeapSnapshot())
  return new Uint8Array(await compress(profileOf(types, Date.now())))
}

interface HeapType {
  readonly name: string
  readonly count: number
  readonly bytes: number
}

function typesOf({ nodes, nodeClassNames }: HeapSnapshot): readonly HeapType[] {
  const counts = new Float64Array(nodeClassNames.length)
  const bytes = new Float64Array(nodeClassNames.length)
  for (let at = 0; at + numbersOfNode <= nodes.length; at += numbersOfNode) {
    const type = nodes[at + 2] ?? 0
    counts[type] = (counts[type] ?? 0) + 1
    bytes[type] = (bytes[type] ?? 0) + (nodes[at + 1] ?? 0)
  }
  return nodeClassNames
    .map((name, type) => ({
      name: name === '' ? '(unnamed)' : name,
      count: counts[type] ?? 0,
      bytes: bytes[type] ?? 0,
    }))
    .filter(({ count }) => count > 0)
}

/** The profile as protocol buffers. */
export function profileOf(types: readonly HeapType[], nowMs: number): Uint8Array {
  const strings = new Map([['', 0]])
  const text = (value: string): number => {
    const known = strings.get(value) ?? strings.size
    strings.set(value, known)
    return known
  }
  const valueType = (type: string, unit: string) => [...field(1, text(type)), ...field(2, text(unit))]
  const parts: number[][] = [
    message(1, valueType('inuse_objects', 'count')),
    message(1, valueType('inuse_space', 'bytes')),
  ]
  types.forEach(({ name, count, bytes }, index) => {
    const id = index + 1
    parts.push(message(2, [...message(1, varint(id)), ...message(2, [...varint(count), ...varint(bytes)])]))
    parts.push(message(4, [...field(1, id), ...message(4, field(1, id))]))
    parts.push(message(5, [...field(1, id), ...field(2, text(name)), ...field(3, text(name))]))
  })
  parts.push(field(9, nowMs * 1_000_000), message(11, valueType('space', 'bytes')), field(12, 1))
  parts.push(field(14, text('inuse_space')))
  for (const value of strings.keys()) parts.push(message(6, [...Buffer.from(value)]))
  return Uint8Array.from(parts.flat())
}

function field(number: number, value: number): number[] {
  return [...varint(number << 3), ...varint(value)]
}

function message(number: number, bytes: readonly number[]): number[] {
  return [...varint((number << 3) | 2), ...varint(bytes.length), ...bytes]
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = BigInt(Math.round(value))
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return [...bytes, Number(rest)]
}
