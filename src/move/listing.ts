/**
 * What a part of an export holds, as lines of JSON in an object: made once, so that every download of the part gives the same
 * bytes, whatever happens to the instance meanwhile.
 */
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { type ZipEntry, zipLength } from '../archive/zip-writer.ts'

/** A document stands in the line, content in an object of its own. */
export interface Line {
  readonly path: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly mode: number
  readonly text?: string
  readonly object?: string
  /** Bytes. */
  readonly size: number
}

/** Collects the lines of one part and the length of its zip. */
export class ListingWriter {
  readonly #measured: { kind: 'file'; path: string; size: number }[] = []
  #chunks: string[] = []
  #waiting = 0

  readonly #emit: (bytes: Uint8Array) => Promise<void>

  constructor(emit: (bytes: Uint8Array) => Promise<void>) {
    this.#emit = emit
  }

  async add(line: Line): Promise<void> {
    this.#measured.push({ kind: 'file', path: line.path, size: line.size })
    const text = `${JSON.stringify(line)}\n`
    this.#chunks.push(text)
    this.#waiting += text.length
    if (this.#waiting > 262_144) await this.#flush()
  }

  /** Bytes of the zip. */
  async end(): Promise<number> {
    await this.#flush()
    const length = zipLength(this.#measured)
    if (length === undefined) throw new Error('the length of an archive is not known')
    return length
  }

  async #flush(): Promise<void> {
    const bytes = new TextEncoder().encode(this.#chunks.join(''))
    this.#chunks = []
    this.#waiting = 0
    if (bytes.length > 0) await this.#emit(bytes)
  }
}

/** The entries of a part, in order. Throws when its listing is gone. */
export async function* entriesOf(objects: Pick<ObjectStore, 'get'>, listing: string): AsyncGenerator<ZipEntry> {
  for await (const { path, at, mode, text, object, size } of linesOf(objects, listing)) {
    const open = async () => {
      if (object === undefined) return new Blob([text ?? '']).stream()
      const found = await objects.get(object)
      if (found === undefined) throw new Error('a file content of the export no longer exists')
      return found.body as ReadableStream<Uint8Array>
    }
    const entry = { kind: 'file' as const, path, modifiedMs: at, mode, size, open }
    yield entry
  }
}

async function* linesOf(objects: Pick<ObjectStore, 'get'>, listing: string): AsyncGenerator<Line> {
  const found = await objects.get(listing)
  if (found === undefined) throw new Error('the listing of an export no longer exists')
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of found.body as unknown as AsyncIterable<Uint8Array>) {
    const texts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = texts.pop() ?? ''
    for (const text of texts) yield JSON.parse(text) as Line
  }
}
