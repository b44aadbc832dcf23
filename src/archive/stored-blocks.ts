/** Bytes as they are, in the stored blocks of deflate (RFC 1951, 3.2.4). */

/** Two bytes say how long a block is. */
const longestBlock = 65_535
const headerLength = 5

/** Bytes that `storedBlocks` produces for an input of this size. */
export function storedLength(size: number): number {
  return size + headerLength * Math.max(1, Math.ceil(size / longestBlock))
}

/**
 * Wraps bytes into blocks as they come. With a size every block but the last is full and the last one is marked, so the
 * length is `storedLength(size)`; without one an empty last block is added. `bytes` must give `size` bytes.
 */
export async function* storedBlocks(
  bytes: AsyncIterable<Uint8Array>,
  size: number | undefined,
): AsyncGenerator<Uint8Array> {
  let left = size ?? Number.POSITIVE_INFINITY
  /** Bytes still missing from the current block. */
  let room = 0
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; ) {
      if (room === 0) {
        // The block is only as long as the bytes at hand, since it is not known whether more will come.
        room = Math.min(longestBlock, size === undefined ? chunk.length - at : left)
        yield blockHeader(room, room === left)
      }
      const part = chunk.subarray(at, at + room)
      yield part
      at += part.length
      room -= part.length
      left -= part.length
    }
  }
  if (size === undefined || size === 0) yield blockHeader(0, true)
}

function blockHeader(length: number, isLast: boolean): Uint8Array {
  const header = Buffer.alloc(headerLength)
  header[0] = isLast ? 1 : 0
  header.writeUInt16LE(length, 1)
  header.writeUInt16LE(length ^ 0xffff, 3)
  return header
}
