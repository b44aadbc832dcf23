/** One request and its answer over a connection to an address that was checked before. */
import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import { Readable } from 'node:stream'
import { OutgoingError } from './outgoing-error.ts'
import { isStream, type OutgoingRequest, streamOf } from './request.ts'

export interface Limits {
  readonly answerMs: number
  readonly idleMs: number
  readonly maxBytes: number
}

type Exchange = Omit<OutgoingRequest, keyof Limits> & Limits & { readonly ca?: string | undefined }

/** Failures of a connection that may not occur with another address of the host. */
const notConnected: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ConnectionRefused',
  'FailedToOpenSocket',
])

/** Tries the addresses one after the other until one accepts the connection. Throws OutgoingError. */
export async function exchange(url: URL, addresses: readonly string[], request: Exchange): Promise<Response> {
  let refused: OutgoingError | undefined
  for (const address of addresses) {
    try {
      return await exchangeWith(address, url, request)
    } catch (error) {
      const cause: unknown = error instanceof OutgoingError ? error.cause : undefined
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
      if (!(error instanceof OutgoingError) || !notConnected.has(code) || isStream(request.body)) throw error
      refused = error
    }
  }
  throw refused ?? new OutgoingError('unreachable', `${url.host} cannot be reached.`)
}

function exchangeWith(address: string, url: URL, request: Exchange): Promise<Response> {
  const { method = 'GET', headers = {}, body, signal, answerMs, keepAlive = false, ca } = request
  const secure = url.protocol === 'https:'
  const name = url.hostname
  return new Promise((resolve, reject) => {
    const fail = (failure: OutgoingError['failure'], message: string, cause?: unknown) => {
      settle()
      reject(new OutgoingError(failure, message, { cause }))
      sent.destroy()
    }
    const onAbort = () => fail('aborted', 'The request was aborted.', signal?.reason)
    const tooLate = () => fail('timeout', `${url.host} did not answer in time.`)
    let timer = setTimeout(tooLate, answerMs)
    const waitAnew = () => {
      clearTimeout(timer)
      timer = setTimeout(tooLate, answerMs)
    }
    const settle = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const sent = (secure ? https : http).request(
      {
        host: address,
        port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
        path: url.pathname + url.search,
        method,
        headers: { 'accept-encoding': 'identity', ...lengthOf(body), ...headers, host: url.host },
        ...(secure && isIP(name) === 0 ? { servername: name } : {}),
        ...(secure && ca !== undefined ? { ca } : {}),
        ...(keepAlive ? {} : { agent: false }),
      },
      (answer) => {
        settle()
        if (signal) signal.addEventListener('abort', () => answer.destroy(), { once: true })
        try {
          resolve(limitBody(responseOf(answer, method), request))
        } catch (error) {
          fail('unreachable', `${url.host} gave an answer that is not HTTP.`, error)
        }
      },
    )
    sent.once('error', (error) => fail('unreachable', `${url.host} cannot be reached.`, error))
    if (signal?.aborted) return onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    if (body === undefined) sent.end()
    else if (isStream(body)) sendStream(body, sent, waitAnew)
    else sent.end(body)
  })
}

/** `progressed` is called whenever the server accepted some bytes. */
function sendStream(body: AsyncIterable<Uint8Array>, sent: http.ClientRequest, progressed: () => void): void {
  const source = Readable.from(body, { objectMode: false })
  source.on('data', progressed)
  source.on('error', (error) => sent.destroy(error))
  source.pipe(sent)
}

function lengthOf(body: OutgoingRequest['body']): Record<string, string> {
  if (body === undefined || isStream(body)) return {}
  return { 'content-length': `${Buffer.byteLength(body)}` }
}

function responseOf(answer: http.IncomingMessage, method: string): Response {
  const status = answer.statusCode ?? 0
  const headers = new Headers()
  for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2) {
    headers.append(answer.rawHeaders[at] ?? '', answer.rawHeaders[at + 1] ?? '')
  }
  const isEmpty = method === 'HEAD' || status === 204 || status === 205 || status === 304
  if (isEmpty) answer.resume()
  return new Response(isEmpty ? null : streamOf(answer[Symbol.asyncIterator](), () => answer.destroy()), {
    status,
    headers,
  })
}

/** The answer, with a body that fails when it stalls, becomes too large or is aborted. */
export function limitBody(
  response: Response,
  { idleMs, maxBytes, signal }: Pick<Exchange, 'idleMs' | 'maxBytes' | 'signal'>,
): Response {
  if (response.body === null) return response
  const reader = response.body.getReader()
  const announced = Number(response.headers.get('content-length') ?? 0)
  let taken = 0
  const giveUp = (failure: OutgoingError['failure'], message: string, cause?: unknown): never => {
    void reader.cancel().catch(() => {})
    throw new OutgoingError(failure, message, { cause })
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (signal?.aborted === true) giveUp('aborted', 'The request was aborted.', signal.reason)
        if (announced > maxBytes) giveUp('too_large', `The answer is larger than ${maxBytes} bytes.`)
        const next = await inTime(reader.read(), idleMs).catch((error: unknown) =>
          error instanceof OutgoingError
            ? giveUp(error.failure, error.message)
            : giveUp('unreachable', 'The connection broke before the answer was whole.', error),
        )
        if (next.done) return controller.close()
        taken += next.value.length
        if (taken > maxBytes) giveUp('too_large', `The answer is larger than ${maxBytes} bytes.`)
        controller.enqueue(next.value)
      },
      cancel: () => reader.cancel(),
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers })
}

async function inTime<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OutgoingError('timeout', 'The answer stopped coming.')), limitMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
