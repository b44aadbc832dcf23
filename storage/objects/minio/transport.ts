/** How requests travel: with a time limit, since a silent server must not hold a request for ever. */
import http from 'node:http'
import https from 'node:https'

/** For an answer to begin when nothing large is sent, and for its next bytes. */
export const answerMs = 10_000
/** An upload slower than this counts as stuck. */
const minBytesPerMs = 100
/** Assembling a large object from its parts, or copying it, takes the server a while. */
const longMs = 300_000

/** The server did not begin to answer, or to continue, in time. */
export class SilentServer extends Error {
  override readonly name = 'SilentServer'
}

/** Answers that the client discards without reading them; otherwise their connections would never be freed. */
const unread = new Set([408, 429, 499, 500, 502, 503, 504, 520])

/** A transport for the client. */
export function timedTransport(tls: boolean): Pick<typeof http, 'request'> {
  const { request } = tls ? https : http
  const send = (options: http.RequestOptions, onResponse: (response: http.IncomingMessage) => void) => {
    const limit = limitMs(options)
    const sent = request(options, (response) => {
      clearTimeout(timer)
      if (unread.has(response.statusCode ?? 0)) response.resume()
      onResponse(response)
    })
    const timer = setTimeout(() => sent.destroy(new SilentServer(`no answer within ${limit} ms`)), limit)
    return sent.once('error', () => clearTimeout(timer))
  }
  return { request: send as typeof http.request }
}

function limitMs({ method, path, headers }: http.RequestOptions): number {
  const sent = (headers ?? {}) as Readonly<Record<string, unknown>>
  const completes = method === 'POST' && path?.includes('uploadId=') === true
  if (completes || sent['x-amz-copy-source'] !== undefined) return longMs
  return answerMs + Math.ceil(Number(sent['content-length'] ?? 0) / minBytesPerMs)
}

/** Rejects with SilentServer, after calling `giveUp`, when `work` takes longer than `answerMs`. */
export async function inTime<T>(work: Promise<T>, giveUp: () => void): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new SilentServer(`nothing more within ${answerMs} ms`))
      giveUp()
    }, answerMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
