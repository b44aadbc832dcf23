/** The body of an answer as a stream that applies back-pressure, notices missing bytes, and can be cancelled. */
import type { IncomingMessage } from 'node:http'
import { freeMemory } from '../../../src/platform/free-memory.ts'
import { s3Problem } from './failures.ts'
import { inTime } from './transport.ts'

/** Size of one chunk: the connection delivers smaller pieces, which are released as soon as they are copied. */
const blockBytes = 512 * 1024

/** `length` bytes are expected. Failures are Problems. Cancelling closes the connection. */
export function bodyOf(response: IncomingMessage, length: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer<ArrayBuffer>>
  let missing = length
  /** The chunk that did not fit into the last block, and how much of it did. */
  let rest: Buffer<ArrayBuffer> | undefined
  let taken = 0

  async function nextChunk(): Promise<Buffer<ArrayBuffer> | undefined> {
    const next = await inTime(chunks.next(), () => response.destroy())
    return next.done ? undefined : next.value
  }

  /** Fills a block as far as bytes arrive; returns how far. */
  async function fill(block: Uint8Array): Promise<number> {
    let filled = 0
    while (filled < block.length) {
      rest ??= await nextChunk()
      if (rest === undefined) break
      const part = rest.subarray(taken, taken + block.length - filled)
      block.set(part, filled)
      filled += part.length
      taken += part.length
      if (taken < rest.length) break
      freeMemory(rest)
      rest = undefined
      taken = 0
    }
    return filled
  }

  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const block = new Uint8Array(Math.min(blockBytes, missing))
          const filled = await fill(block)
          missing -= filled
          if (filled < block.length) throw new Error(`the answer ended ${missing} bytes early`)
          if (filled > 0) controller.enqueue(block)
          if (missing === 0 && (rest !== undefined || (await nextChunk()) !== undefined)) {
            throw new Error('the answer has more bytes than it announced')
          }
        } catch (error) {
          throw s3Problem(error)
        }
        if (missing === 0) controller.close()
      },
      cancel() {
        response.destroy()
      },
    },
    { highWaterMark: 0 },
  )
}
