/** Reads `multipart/related` bodies part by part, however large the parts are (RFC 2046 5.1, RFC 2387). */
import { Buffer } from 'node:buffer'
import { Problem } from '../../src/model/errors.ts'
import { freeMemory } from '../../src/platform/free-memory.ts'

export interface Part {
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /** To be read to its end before the next part is asked for. */
  readonly body: AsyncGenerator<Uint8Array>
}

export interface MultipartOptions {
  /** A chunk of a part is gone when the next one is asked for: gigabytes pass without growing the memory. */
  readonly free?: boolean
}

/** Bytes of the headers of one part. */
const maxHeaderBytes = 16_384

/** The boundary in a Content-Type; `undefined` for other types. Throws `bad_request` when it is missing. */
export function multipartBoundary(contentType: string | undefined): string | undefined {
  if (contentType === undefined || !/^\s*multipart\/related\s*(;|$)/i.test(contentType)) return undefined
  const [, quoted, token] = /;\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(contentType) ?? []
  const boundary = quoted ?? token
  if (boundary === undefined) throw new Problem('bad_request', 'The multipart body has no boundary.')
  return boundary
}

/** The parts of a body, the next one being found when the one before is read. Throws `bad_request` where it is malformed. */
export async function* multipartParts(
  body: AsyncIterable<Uint8Array>,
  boundary: string,
  { free = false }: MultipartOptions = {},
): AsyncGenerator<Part> {
  const source = new Source(body, free)
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  // The first boundary may stand at the very beginning, without a line end before it.
  source.unread(Buffer.from('\r\n'))
  for await (const _ of source.until(delimiter)) {
    // What stands before it is for old mail programs.
  }
  for (;;) {
    const end = await source.take(2)
    if (end === '--') return
    // Spaces may follow the boundary.
    const rest = end === '\r\n' ? '' : end + (await source.line())
    if (rest.trim() !== '') throw malformed()
    const headers = new Map<string, string>()
    let size = 0
    for (let line = await source.line(); line !== ''; line = await source.line()) {
      size += line.length
      if (size > maxHeaderBytes) throw malformed()
      const colon = line.indexOf(':')
      if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
    }
    // A part without content ends with the line end that its headers ended with.
    source.unread(Buffer.from('\r\n'))
    const content = skipFirst(source.until(delimiter), 2)
    yield { headers, body: content }
    for await (const _ of content) {
      // Whoever got the part did not want all of it.
    }
  }
}

async function* skipFirst(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count
  for await (const chunk of chunks) {
    const skipped = Math.min(left, chunk.length)
    left -= skipped
    if (skipped < chunk.length) yield chunk.subarray(skipped)
  }
}

/** Bytes that can be looked at before they are taken. */
class Source {
  readonly #chunks: AsyncIterator<Uint8Array>
  #held: Buffer = Buffer.alloc(0)

  readonly #free: boolean

  constructor(body: AsyncIterable<Uint8Array>, free: boolean) {
    this.#free = free
    this.#chunks = body[Symbol.asyncIterator]()
  }

  unread(bytes: Buffer): void {
    this.#held = Buffer.concat([bytes, this.#held])
  }

  /** What stands before the delimiter, which is taken too. */
  async *until(delimiter: Buffer): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = this.#held.indexOf(delimiter)
      if (at >= 0) {
        const before = this.#held.subarray(0, at)
        this.#held = this.#held.subarray(at + delimiter.length)
        if (before.length > 0) yield before
        return
      }
      // The delimiter may have begun.
      const safe = this.#held.length - delimiter.length + 1
      if (safe > 0) {
        const held = this.#held
        this.#held = this.#free ? Buffer.from(held.subarray(safe)) : held.subarray(safe)
        yield held.subarray(0, safe)
        if (this.#free) freeMemory(held)
      }
      await this.#more()
    }
  }

  async take(count: number): Promise<string> {
    while (this.#held.length < count) await this.#more()
    const taken = this.#held.subarray(0, count)
    this.#held = this.#held.subarray(count)
    return taken.toString('latin1')
  }

  async line(): Promise<string> {
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of this.until(Buffer.from('\r\n'))) {
      chunks.push(chunk)
      size += chunk.length
      if (size > maxHeaderBytes) throw malformed()
    }
    return Buffer.concat(chunks).toString('utf8')
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next()
    if (next.done === true) throw malformed()
    this.#held = this.#held.length === 0 ? Buffer.from(next.value) : Buffer.concat([this.#held, next.value])
  }
}

function malformed(): Problem {
  return new Problem('bad_request', 'The multipart body is malformed or cut short.')
}
