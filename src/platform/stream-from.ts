interface WithFrom {
  from<Chunk>(chunks: AsyncIterable<Chunk> | Iterable<Chunk>): ReadableStream<Chunk>
}

/** `ReadableStream.from`, which all runtimes have and the types of Bun do not know. */
export function streamFrom<Chunk>(chunks: AsyncIterable<Chunk> | Iterable<Chunk>): ReadableStream<Chunk> {
  return (ReadableStream as unknown as WithFrom).from(chunks)
}
