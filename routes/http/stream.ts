import { jsonText } from './answer.ts'
import { compressStream } from './compress.ts'
import type { HttpContext } from './router.ts'

/**
 * Sends `head`, every page and `tail` as one JSON body, reading a page only when the client took the previous one. Up
 * to one page the answer is sent whole, with its length. An error before the first byte is thrown as usual; a later one
 * cuts the connection, so that the client cannot take half a list for all of it. A client that leaves ends the iterator.
 */
export async function streamJson(
  c: HttpContext,
  head: string,
  pages: AsyncIterable<string>,
  tail: string | (() => string),
  headers?: Readonly<Record<string, string>>,
): Promise<Response> {
  const iterator = pages[Symbol.asyncIterator]()
  const end = () => (typeof tail === 'string' ? tail : tail())
  const first = await iterator.next()
  if (first.done === true) return jsonText(c, 200, head + end(), headers)
  const second = await iterator.next()
  if (second.done === true) return jsonText(c, 200, head + first.value + end(), headers)
  if (c.req.raw.method === 'HEAD') {
    await iterator.return?.()
    return streamed(null, headers)
  }
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode(head + first.value + second.value))
      },
      async pull(controller) {
        const next = await iterator.next()
        if (next.done === true) {
          controller.enqueue(encoder.encode(end()))
          controller.close()
        } else controller.enqueue(encoder.encode(next.value))
      },
      async cancel() {
        await iterator.return?.()
      },
    },
    { highWaterMark: 1 },
  )
  const compressed = compressStream(c, body)
  return compressed === undefined
    ? streamed(body, headers)
    : streamed(compressed.body, { ...compressed.headers, ...headers })
}

export interface LiveStream {
  /** Written in front of the first text, or of the tail; nothing is written before. */
  readonly head: string
  readonly texts: AsyncIterable<string>
  readonly tail: () => string
  /** Called when the client has left: whoever makes the texts may be waiting and must end now. */
  readonly left: () => void
  readonly headers: Readonly<Record<string, string>>
}

/** Sends texts as they come, uncompressed, for as long as they come. The answer's head goes out at once. */
export function streamLive(c: HttpContext, { head, texts, tail, left, headers }: LiveStream): Response {
  if (c.req.raw.method === 'HEAD') return streamed(null, headers)
  const iterator = texts[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  let before = head
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await iterator.next()
        const text = before + (next.done === true ? tail() : next.value)
        before = ''
        if (text !== '') controller.enqueue(encoder.encode(text))
        if (next.done === true) controller.close()
      },
      async cancel() {
        left()
        await iterator.return?.()
      },
    },
    { highWaterMark: 0 },
  )
  return streamed(body, headers)
}

function streamed(body: BodyInit | null, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(body, {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'must-revalidate', ...headers },
  })
}
