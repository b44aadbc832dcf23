import { freeMemory } from '../../src/platform/free-memory.ts'
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
  /** Sent at once. */
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
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // Clients and proxies take an answer without a body for one that has not begun.
        if (head !== '') controller.enqueue(encoder.encode(head))
      },
      async pull(controller) {
        const next = await iterator.next()
        const text = next.done === true ? tail() : next.value
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

export interface ByteAnswer {
  readonly status: 200 | 206
  /** Names in lower case. With `content-length` when it is known. */
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: ReadableStream<Uint8Array> | AsyncIterator<Uint8Array>
  /** Told of a failure behind the first byte, which no answer can tell any more. */
  readonly failed: (error: unknown) => void
}

/**
 * Sends bytes as they are read, a chunk at a time and only as fast as the client takes them; large chunks make it fast.
 * A failure before the first byte is thrown as usual; a later one cuts the connection. A client that leaves ends the
 * source. For HEAD nothing is read.
 */
export async function streamBytes(c: HttpContext, { status, headers, bytes, failed }: ByteAnswer): Promise<Response> {
  const source = 'getReader' in bytes ? readerOf(bytes) : bytes
  if (c.req.raw.method === 'HEAD') {
    await source.return?.()
    return new Response(null, { status, headers })
  }
  const first = await source.next()
  const ready = [first]
  // A small file is one chunk: sent whole it costs half of a stream.
  if (first.done !== true && headers['content-length'] === `${first.value.length}`) {
    const second = await source.next()
    if (second.done === true) return new Response(first.value as Uint8Array<ArrayBuffer>, { status, headers })
    ready.push(second)
  }
  const outgoing = c.env?.outgoing
  let left = false
  let sent: Uint8Array | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          // Nothing waits in the socket: the chunk before this one is in the kernel's hands.
          if (sent !== undefined && outgoing?.writableLength === 0) freeMemory(sent)
          const next = ready.shift() ?? (await source.next())
          if (left) return
          sent = next.done === true ? undefined : next.value
          if (next.done === true) controller.close()
          else controller.enqueue(next.value)
        } catch (error) {
          if (left) return
          failed(error)
          // The adapter would print the error into the body; a cut is what a client understands.
          if (outgoing === undefined) controller.error(error)
          else {
            outgoing.destroy()
            controller.close()
          }
        }
      },
      async cancel() {
        left = true
        await source.return?.()
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { status, headers })
}

/** Cancels at once, also while a read is under way, which the stream's own iterator does not. */
function readerOf(stream: ReadableStream<Uint8Array>): AsyncIterator<Uint8Array> {
  const reader = stream.getReader()
  return {
    next: () => reader.read() as Promise<IteratorResult<Uint8Array>>,
    async return() {
      await reader.cancel()
      return { done: true, value: undefined }
    },
  }
}

function streamed(body: BodyInit | null, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(body, {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'must-revalidate', ...headers },
  })
}
