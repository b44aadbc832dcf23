/** What is sent to another server. */
export interface OutgoingRequest {
  /** Default GET. */
  readonly method?: string
  /** Names in lower case. `host`, `connection` and lengths are set here. */
  readonly headers?: Readonly<Record<string, string>>
  /** A stream is sent once: a redirect that would need it again is returned as it is. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>
  readonly signal?: AbortSignal
  /** Milliseconds to the head of the answer, counted again after each redirect. Default 30,000. */
  readonly answerMs?: number
  /** Milliseconds to the next bytes of the body, while they are asked for. Default 60,000. */
  readonly idleMs?: number
  /** Bytes of the answer's body; more is a failure. Default 16 MiB. */
  readonly maxBytes?: number
  /** `return` gives a redirect back instead of following it. */
  readonly redirect?: 'follow' | 'return'
  /** Keep the connection for the next request to this server. */
  readonly keepAlive?: boolean
}

/** Whether the body can be sent only once. */
export function isStream(body: OutgoingRequest['body']): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && !(body instanceof Uint8Array)
}

/** An iterator as a stream that pulls only when it is read. `cancelled` is called when it will not be. */
export function streamOf(chunks: AsyncIterator<Uint8Array>, cancelled?: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const next = await chunks.next()
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
      async cancel() {
        cancelled?.()
        await chunks.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}
