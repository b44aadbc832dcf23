/** Requests that ask for a websocket: they pass through the same routes as all others and are answered there. */
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

/** The connection of such a request. Who takes it answers with `SwitchingProtocols`. */
export interface Upgrade {
  readonly socket: Duplex
  /** What the client has sent behind its request. */
  readonly head: Buffer
}

/** Says that the connection was taken. No runtime lets one make a plain `Response` of this status. */
export class SwitchingProtocols extends Response {
  override get status(): number {
    return 101
  }
}

/** Passes a request without a body to the routes; they find all of it in `incoming`. */
export type UpgradeFetch = (
  request: Request,
  env: { readonly incoming: IncomingMessage; readonly upgrade: Upgrade },
) => Response | Promise<Response>

/** True for `GET` with `Upgrade: websocket` on one of the paths, with or without a slash at the end. */
export function wantsWebSocket({ method, url = '', headers }: IncomingMessage, paths: readonly string[]): boolean {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return false
  const path = url.split('?', 1)[0] ?? ''
  return paths.some((one) => path === one || path === `${one}/`)
}

/** Asks the routes. Where none takes the connection, the answer is written to it, and it ends. */
export async function answerUpgrade(fetch: UpgradeFetch, incoming: IncomingMessage, upgrade: Upgrade): Promise<void> {
  const { socket } = upgrade
  // A client that leaves early is not an error.
  socket.on('error', () => socket.destroy())
  try {
    const response = await fetch(new Request('http://localhost/'), { incoming, upgrade })
    if (response.status === 101) return
    const body = Buffer.from(await response.arrayBuffer())
    const headers = new Headers(response.headers)
    headers.set('content-length', `${body.length}`)
    headers.set('connection', 'close')
    const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`)
    const status = `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ''}\r\n`
    socket.end(Buffer.concat([Buffer.from(`${status}${lines.join('')}\r\n`), body]))
  } catch {
    socket.destroy()
  }
}
