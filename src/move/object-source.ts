/** Archives in the object store, read at any place. */
import type { ObjectStore } from '../../storage/objects/contract.ts'
import type { ZipSource } from '../archive/zip-source.ts'

export interface Pieces {
  /** Bytes of all of them. */
  readonly size: number
  /** Bytes of each but the last. */
  readonly pieceBytes: number
  /** The object of a piece, from 0. */
  readonly nameOf: (piece: number) => string
}

/**
 * Bytes that are read at once: documents of an archive are read in many small steps one behind the other, and each would be
 * a request to the store. Larger steps are those of contents, which are read as they are.
 */
const windowBytes = 256 * 1024
const small = 64 * 1024

/** Bytes of several objects as one. */
export function piecesSource(objects: Pick<ObjectStore, 'get'>, { size, pieceBytes, nameOf }: Pieces): ZipSource {
  let window = { start: 0, bytes: new Uint8Array(0) }

  async function fill(start: number, bytes: Uint8Array): Promise<void> {
    for (let filled = 0; filled < bytes.length; ) {
      const at = start + filled
      const [piece, within] = [Math.floor(at / pieceBytes), at % pieceBytes]
      const length = Math.min(bytes.length - filled, pieceBytes - within)
      const found = await objects.get(nameOf(piece), { start: within, end: within + length - 1 })
      const end = filled + length
      for await (const chunk of (found?.body ?? []) as AsyncIterable<Uint8Array>) {
        bytes.set(chunk, filled)
        filled += chunk.length
      }
      if (filled !== end) throw new Error('a part of an archive is gone from the object store')
    }
  }

  return {
    size,
    async read(start, length) {
      const from = start - window.start
      if (from < 0 || from + length > window.bytes.length) {
        const bytes = new Uint8Array(length > small ? length : Math.min(windowBytes, size - start))
        await fill(start, bytes)
        // Readers may do with a whole buffer what they like.
        if (bytes.length === length) return bytes
        window = { start, bytes }
        return bytes.subarray(0, length)
      }
      return window.bytes.subarray(from, from + length)
    },
  }
}

/** Bytes of one object. */
export function objectSource(objects: Pick<ObjectStore, 'get'>, object: string, size: number): ZipSource {
  return piecesSource(objects, { size, pieceBytes: Math.max(1, size), nameOf: () => object })
}
