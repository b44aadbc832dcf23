/**
 * Takes long contents out of a JSON body while it arrives: base64 in `_attachments` is decoded and passed on
 * piece by piece, and a short mark takes its place in the text. Everything else is kept as received, malformed text too:
 * refusing that is the parser's task.
 */
import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import type { Content } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import { freeMemory } from '../platform/free-memory.ts'
import { Base64Decoder } from './base64-decoder.ts'

/** Contents that were taken out, by the mark that stands in their place as `{"received": MARK}`. */
export type ReceivedContents = ReadonlyMap<string, Content>

export interface ExtractedBody {
  readonly bytes: Uint8Array
  readonly received: ReceivedContents
}

export interface ExtractOptions {
  /** Whose attachments: those of the body itself, or of every element of its member `docs`. */
  readonly envelope: 'document' | 'bulk'
  /** Bytes that are kept, not counting contents that were taken out. */
  readonly maxBytes: number
  /** Stores content. If it throws, reading ends. */
  readonly receive: (name: string, body: AsyncIterable<Uint8Array>) => Promise<Content>
}

/** Characters of base64 that stay in the text: storing so little separately is not worth it. */
const maxInline = 65_536

/** Throws `too_large`, `bad_request` for content that is not base64, and what `body` and `receive` throw. */
export async function extractContents(
  body: AsyncIterable<Uint8Array>,
  options: ExtractOptions,
): Promise<ExtractedBody> {
  const chunks = body[Symbol.asyncIterator]()
  const held: Uint8Array[] = []
  const begun = await readUntilAttachments(chunks, held, options.maxBytes)
  if (!begun) return { bytes: Buffer.concat(held), received: new Map() }
  const extractor = new Extractor(following(held, chunks), options)
  await extractor.run()
  return { bytes: Buffer.concat(extractor.kept), received: extractor.received }
}

const memberName = Buffer.from('_attachments')

/** Most bodies have no attachments, so that their bytes need not be examined one by one. False at the end of the body. */
async function readUntilAttachments(
  chunks: AsyncIterator<Uint8Array>,
  held: Uint8Array[],
  maxBytes: number,
): Promise<boolean> {
  let size = 0
  let tail = Buffer.alloc(0)
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    const seen = Buffer.concat([tail, next.value])
    held.push(next.value)
    if (seen.includes(memberName)) return true
    size += next.value.length
    if (size > maxBytes) throw tooLarge(maxBytes)
    tail = seen.subarray(-memberName.length)
  }
  return false
}

async function* following(held: readonly Uint8Array[], chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* held
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
}

const quote = 0x22
const backslash = 0x5c

/** An object or array that is open. */
interface Frame {
  readonly isObject: boolean
  /** The last member whose name was read. */
  key: string | undefined
  expectsKey: boolean
}

/** The members that lead to content; `*` stands for an element of an array or for any name. */
const paths = {
  document: ['_attachments', '*', 'data'],
  bulk: ['docs', '*', '_attachments', '*', 'data'],
} as const

class Extractor {
  readonly kept: Uint8Array[] = []
  readonly received = new Map<string, Content>()
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #options: ExtractOptions
  readonly #path: readonly string[]
  #chunk: Buffer = Buffer.alloc(0)
  #at = 0
  /** Where the bytes of the chunk begin that are to be kept. */
  #from = 0
  #size = 0
  /** Some of what is kept is a part of the chunk. */
  #isKept = false
  /** Only down to the depth at which content can occur. */
  readonly #frames: Frame[] = []
  #depth = 0

  constructor(body: AsyncIterable<Uint8Array>, options: ExtractOptions) {
    this.#chunks = body[Symbol.asyncIterator]()
    this.#options = options
    this.#path = paths[options.envelope]
  }

  async run(): Promise<void> {
    while (await this.#fill()) if (!this.#passChunk()) await this.#string()
  }

  /** Passes the rest of the chunk; false when a string begins that is long content, or ends in a later chunk. */
  #passChunk(): boolean {
    const chunk = this.#chunk
    while (this.#at < chunk.length) {
      const byte = chunk[this.#at]
      if (byte === quote) {
        if (!this.#passString()) return false
        continue
      }
      this.#at += 1
      if (byte === 0x7b) this.#open(true)
      else if (byte === 0x5b) this.#open(false)
      else if (byte === 0x7d || byte === 0x5d) this.#close()
      else if (byte === 0x2c || byte === 0x3a) {
        const top = this.#top()
        if (top?.isObject) top.expectsKey = byte === 0x2c
      }
    }
    return true
  }

  #passString(): boolean {
    const start = this.#at + 1
    const end = this.#endOfString(start, false)
    if (end < 0 || (end - start > maxInline && this.#isContent())) return false
    const top = this.#top()
    if (top?.isObject && top.expectsKey) top.key = keyOf(this.#chunk.subarray(start, end))
    this.#at = end + 1
    return true
  }

  /** Ensures that there is a byte to read; false at the end of the body. */
  async #fill(): Promise<boolean> {
    while (this.#at >= this.#chunk.length) {
      this.#keep(this.#chunk.subarray(this.#from))
      if (!this.#isKept) freeMemory(this.#chunk)
      this.#isKept = false
      const next = await this.#chunks.next()
      this.#chunk = next.done === true ? Buffer.alloc(0) : asBuffer(next.value)
      this.#at = 0
      this.#from = 0
      if (next.done === true) return false
    }
    return true
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#size += bytes.length
    const { maxBytes } = this.#options
    if (this.#size > maxBytes) throw tooLarge(maxBytes)
    // A short piece would keep the whole chunk in memory.
    const isShort = bytes.length < this.#chunk.length / 2
    this.kept.push(isShort ? new Uint8Array(bytes) : bytes)
    if (!isShort) this.#isKept = true
  }

  #open(isObject: boolean): void {
    if (this.#depth < this.#path.length) this.#frames.push({ isObject, key: undefined, expectsKey: isObject })
    this.#depth += 1
  }

  #close(): void {
    if (this.#depth === 0) return
    this.#depth -= 1
    if (this.#depth < this.#frames.length) this.#frames.pop()
  }

  #top(): Frame | undefined {
    return this.#depth === this.#frames.length ? this.#frames.at(-1) : undefined
  }

  async #string(): Promise<void> {
    const top = this.#top()
    if (top?.isObject && top.expectsKey) top.key = await this.#key()
    else if (this.#isContent()) await this.#content(this.#frames.at(-2)?.key ?? '')
    else for await (const _ of this.#parts());
  }

  #isContent(): boolean {
    if (this.#depth !== this.#path.length) return false
    return this.#path.every((name, at) => {
      const { isObject, key } = this.#frames[at] as Frame
      if (name !== '*') return isObject && key === name
      return this.#options.envelope === 'bulk' && at === 1 ? !isObject : isObject && key !== undefined
    })
  }

  async #key(): Promise<string | undefined> {
    const bytes: Uint8Array[] = []
    for await (const part of this.#parts()) bytes.push(Buffer.from(part))
    return keyOf(Buffer.concat(bytes))
  }

  async #content(name: string): Promise<void> {
    // Up to its quotation mark, which is removed with the content.
    this.#keep(this.#chunk.subarray(this.#from, this.#at))
    this.#from = this.#at
    const held: Buffer[] = []
    let size = 0
    const parts = this.#parts(() => {
      this.#from = this.#at
    })
    for (let next = await parts.next(); ; next = await parts.next()) {
      if (next.done === true) {
        const text = Buffer.concat([Buffer.from('"'), ...held, Buffer.from('"')])
        return this.#keep(text)
      }
      held.push(Buffer.from(next.value))
      size += next.value.length
      if (size > maxInline) break
    }
    const mark = randomUUID()
    this.received.set(mark, await this.#options.receive(name, decoded(name, held, parts)))
    this.#keep(Buffer.from(`{"received":"${mark}"}`))
  }

  /**
   * The text between the quotation marks of the string that begins here, in pieces; afterwards the position is after it.
   * `taken` is called when a piece is not to be kept.
   */
  async *#parts(taken?: () => void): AsyncGenerator<Buffer, void> {
    this.#at += 1
    taken?.()
    // Whether the last piece ended within an escape.
    let escaping = false
    for (;;) {
      if (!(await this.#fill())) return
      const start = this.#at
      const end = this.#endOfString(start, escaping)
      const last = end < 0 ? this.#chunk.length : end
      if (end < 0) escaping = this.#isEscaped(last, start, escaping)
      this.#at = end < 0 ? last : end + 1
      taken?.()
      if (last > start) yield this.#chunk.subarray(start, last)
      if (end >= 0) return
    }
  }

  /** The place of the closing quotation mark in this chunk; negative when there is none. */
  #endOfString(start: number, escaping: boolean): number {
    let end = this.#chunk.indexOf(quote, start)
    while (end >= 0 && this.#isEscaped(end, start, escaping)) end = this.#chunk.indexOf(quote, end + 1)
    return end
  }

  /** Whether an odd number of backslashes stands before a place. */
  #isEscaped(place: number, start: number, escaping: boolean): boolean {
    let before = place
    while (before > start && this.#chunk[before - 1] === backslash) before -= 1
    const odd = (place - before) % 2 === 1
    return before === start && escaping ? !odd : odd
  }
}

function keyOf(bytes: Buffer): string | undefined {
  try {
    return JSON.parse(`"${bytes}"`) as string
  } catch {
    return undefined
  }
}

async function* decoded(
  name: string,
  held: readonly Buffer[],
  parts: AsyncIterable<Buffer>,
): AsyncGenerator<Uint8Array> {
  const decoder = new Base64Decoder(() => new Problem('bad_request', `Invalid attachment data for ${name}`))
  const decode = function* (part: Uint8Array) {
    const bytes = decoder.decode(part)
    yield bytes
    // Whoever asks for the next piece has finished with this one.
    freeMemory(new Uint8Array(bytes.buffer))
  }
  for (const part of held) yield* decode(part)
  for await (const part of parts) yield* decode(part)
  decoder.end()
}

function tooLarge(maxBytes: number): Problem {
  return new Problem('too_large', `The request body is larger than ${maxBytes} bytes.`)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
