/** Regroups bytes into blocks of `size`, each a buffer of its own; the last one may be shorter. */
export async function* equalBlocks(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let block = new Uint8Array(size)
  let used = 0
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + size - used)
      block.set(piece, used)
      used += piece.length
      at += piece.length
      if (used < size) continue
      yield block
      block = new Uint8Array(size)
      used = 0
    }
  }
  if (used > 0) yield block.subarray(0, used)
}
