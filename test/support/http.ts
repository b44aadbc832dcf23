import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { request as requestTls, Agent as TlsAgent } from 'node:https'
import { Readable } from 'node:stream'

export interface HttpInit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | Readable
  readonly signal?: AbortSignal
}

export interface HttpClient {
  /**
   * Like `fetch`, with two differences that tests need: a `Host` header may be set, and the path goes out as written
   * (`/data/T/%2E` stays that). Certificates are not checked.
   */
  fetch(url: string, init?: HttpInit): Promise<Response>
  close(): void
}

const bodiless = new Set([204, 205, 304])

/** A client with connections of its own. */
export function openHttpClient(): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const tlsAgent = new TlsAgent({ keepAlive: true, rejectUnauthorized: false })
  return {
    fetch(url, { method = 'GET', headers = {}, body, signal } = {}) {
      const [, scheme, host, port, path] = /^(https?):\/\/(\[[^\]]+\]|[^:/]+):(\d+)(\/.*)?$/.exec(url) ?? []
      if (scheme === undefined || host === undefined) throw new Error(`no absolute URL with a port: ${url}`)
      const sized = typeof body === 'string' || body instanceof Uint8Array
      const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()))
      const length = sized && !given.has('content-length') && !given.has('transfer-encoding')
      const options = {
        method,
        host: host === 'localhost' ? '127.0.0.1' : host.replace(/^\[|\]$/g, ''),
        port: Number(port),
        path: path ?? '/',
        headers: length ? { ...headers, 'content-length': `${Buffer.byteLength(body)}` } : headers,
        ...(signal === undefined ? {} : { signal }),
      }
      return new Promise((resolve, reject) => {
        const send = scheme === 'https' ? requestTls : request
        const outgoing = send({ ...options, agent: scheme === 'https' ? tlsAgent : agent }, (incoming) => {
          const status = incoming.statusCode ?? 0
          const empty = bodiless.has(status) || method === 'HEAD'
          if (empty) incoming.resume()
          const stream = empty ? null : (Readable.toWeb(incoming) as unknown as ReadableStream)
          resolve(new Response(stream, { status, headers: headersOf(incoming.headers) }))
        })
        outgoing.on('error', reject)
        if (body instanceof Readable) body.pipe(outgoing)
        else outgoing.end(body)
      })
    },
    close() {
      agent.destroy()
      tlsAgent.destroy()
    },
  }
}

function headersOf(incoming: IncomingHttpHeaders): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming)) {
    for (const one of Array.isArray(value) ? value : [value ?? '']) headers.append(name, one)
  }
  return headers
}
