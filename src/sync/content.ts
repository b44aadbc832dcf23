/**
 * What content is known by. SHA-256 over chunks whose size depends on the file's size only, so that a transfer can be
 * verified and resumed piece by piece, and over all of them for the whole.
 */
import { createHash } from 'node:crypto'

export interface Content {
  /** Bytes. */
  readonly size: number
  /** SHA-256 over the size and the digests of the chunks, in hex. */
  readonly hash: string
  /** The digests of the chunks, one after the other, in hex. */
  readonly chunks: string
}

const smallestChunk = 8 * 1024 * 1024
const maxChunks = 8_000

/** Bytes of a chunk of a file of this size: 8 MiB, doubled until there are at most 8,000 of them. */
export function chunkBytes(size: number): number {
  let bytes = smallestChunk
  while (size > bytes * maxChunks) bytes *= 2
  return bytes
}

/** The digest of chunk `index` in hex. */
export function chunkDigest(chunks: string, index: number): string {
  return chunks.slice(index * 64, index * 64 + 64)
}

/** Builds the description of content while its bytes pass. `size` must be known beforehand. */
export class ContentHash {
  readonly #size: number
  readonly #chunkBytes: number
  #hash = createHash('sha256')
  #inChunk = 0
  #seen = 0
  #chunks = ''

  constructor(size: number) {
    this.#size = size
    this.#chunkBytes = chunkBytes(size)
  }

  update(bytes: Uint8Array): void {
    let rest = bytes
    this.#seen += bytes.length
    while (rest.length > 0) {
      const taken = rest.subarray(0, this.#chunkBytes - this.#inChunk)
      this.#hash.update(taken)
      this.#inChunk += taken.length
      if (this.#inChunk === this.#chunkBytes) this.#endChunk()
      rest = rest.subarray(taken.length)
    }
  }

  /** `undefined` when the bytes were not as many as announced. */
  finish(): Content | undefined {
    if (this.#seen !== this.#size) return undefined
    if (this.#inChunk > 0) this.#endChunk()
    return { size: this.#size, chunks: this.#chunks, hash: wholeHash(this.#size, this.#chunks) }
  }

  #endChunk(): void {
    this.#chunks += this.#hash.digest('hex')
    this.#hash = createHash('sha256')
    this.#inChunk = 0
  }
}

/** The hash of whole content, from its size and the digests of its chunks. */
export function wholeHash(size: number, chunks: string): string {
  const length = Buffer.alloc(8)
  length.writeBigUInt64BE(BigInt(size))
  return createHash('sha256').update(length).update(Buffer.from(chunks, 'hex')).digest('hex')
}

/** SHA-256 of some bytes in hex. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
