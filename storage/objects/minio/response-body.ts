/** The body of an answer as a stream that holds the server back, notices when bytes are missing, and can be let go. */
import type { IncomingMessage } from 'node:http'
import { s3Problem } from './failures.ts'
import { inTime } from './transport.ts'

/** `length` bytes are expected. Failures are Problems. Cancelling closes the connection. */
export function bodyOf(response: IncomingMessage, length: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer<ArrayBuffer>>
  let missing = length
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const next = await inTime(chunks.next(), () => response.destroy())
          if (!next.done) {
            missing -= next.value.length
            controller.enqueue(next.value)
            return
          }
        } catch (error) {
          throw s3Problem(error)
        }
        if (missing > 0) throw s3Problem(new Error(`the answer ended ${missing} bytes early`))
        controller.close()
      },
      cancel() {
        response.destroy()
      },
    },
    { highWaterMark: 0 },
  )
}
