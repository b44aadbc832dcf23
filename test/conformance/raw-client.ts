import { Agent, request } from 'node:http'

/** Sends requests as they are written to one tenant, over kept connections. */
export class RawClient {
  readonly #base: URL
  readonly #agent: Agent
  readonly #headers: Readonly<Record<string, string>>

  constructor(options: {
    readonly url: string
    readonly hostHeader: string
    readonly token: string
    readonly connections: number
  }) {
    this.#base = new URL(options.url)
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections })
    this.#headers = { Host: options.hostHeader, Authorization: `Bearer ${options.token}` }
  }

  close(): void {
    this.#agent.destroy()
  }

  /** Resolves with status 599 when there is no answer. */
  send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<{ readonly status: number; readonly data: Uint8Array }> {
    const bytes = body === undefined ? undefined : new TextEncoder().encode(body)
    const length = bytes !== undefined || method === 'POST' || method === 'PUT'
    return new Promise((resolve) => {
      const fail = (error: Error) => {
        const data = JSON.stringify({ error: 'transport', reason: String(error) })
        resolve({ status: 599, data: new TextEncoder().encode(data) })
      }
      const outgoing = request(
        {
          agent: this.#agent,
          method,
          host: this.#base.hostname,
          port: this.#base.port,
          path: this.#base.pathname.replace(/\/$/, '') + path,
          headers: {
            ...headers,
            ...this.#headers,
            ...(length ? { 'Content-Length': String(bytes?.length ?? 0) } : {}),
          },
        },
        (incoming) => {
          const chunks: Uint8Array[] = []
          incoming.on('data', (chunk: Uint8Array) => chunks.push(chunk))
          incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, data: Buffer.concat(chunks) }))
          incoming.on('error', fail)
        },
      )
      outgoing.on('error', fail)
      outgoing.end(bytes)
    })
  }
}
