/**
 * TLS in front of an HTTP server: connections are deciphered here and handed over. The certificate can be exchanged
 * while it runs, which the servers of node:https do not offer everywhere: connections that are open keep theirs.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createSecureContext, createServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import type { KeyAndCertificate } from './self-signed.ts'

export interface TlsFront {
  /** Listen and close with this one. */
  readonly server: TlsServer
  /** Handshakes that begin from now on get this certificate. Throws when key and certificate are not usable. */
  setCertificate(pair: KeyAndCertificate): void
  /** Takes no new connection and ends those that wait for a next request. */
  closeIdle(): void
  /** Ends every connection. */
  closeAll(): void
}

export interface TlsFrontOptions {
  readonly pair: KeyAndCertificate
  /** Answers what comes over the connections; it need not listen itself. */
  readonly http: Server
  /** Connections that one client address may hold; more are closed at once. */
  readonly maxPerAddress: number
}

const handshakeTimeoutMs = 10_000
const protocol = { minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] } as const

/** Puts TLS 1.2 and 1.3 in front of an HTTP server. */
export function newTlsFront({ pair, http, maxPerAddress }: TlsFrontOptions): TlsFront {
  // Sockets, each with the number of requests that are being answered on it.
  const open = new Map<TLSSocket, number>()
  const perAddress = new Map<string, number>()
  let closing = false

  const server = createServer({ ...protocol, ...pair, handshakeTimeout: handshakeTimeoutMs }, (socket) => {
    const address = socket.remoteAddress ?? ''
    const count = perAddress.get(address) ?? 0
    socket.on('error', () => socket.destroy())
    if (closing || count >= maxPerAddress) {
      socket.destroy()
      return
    }
    perAddress.set(address, count + 1)
    open.set(socket, 0)
    socket.once('close', () => {
      open.delete(socket)
      const left = (perAddress.get(address) ?? 1) - 1
      if (left > 0) perAddress.set(address, left)
      else perAddress.delete(address)
    })
    http.emit('connection', socket)
  })
  // A client that speaks no TLS, or none that is good enough, is not an event.
  server.on('tlsClientError', (_error, socket) => socket.destroy())

  http.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const socket = request.socket as TLSSocket
    if (!open.has(socket)) return
    open.set(socket, (open.get(socket) ?? 0) + 1)
    if (closing) response.setHeader('connection', 'close')
    response.once('close', () => {
      if (!open.has(socket)) return
      open.set(socket, (open.get(socket) ?? 1) - 1)
      if (closing && open.get(socket) === 0) socket.end()
    })
  })

  return {
    server,
    setCertificate(next) {
      createSecureContext(next)
      server.setSecureContext({ ...protocol, ...next })
    },
    closeIdle() {
      closing = true
      for (const [socket, requests] of open) if (requests === 0) socket.destroy()
    },
    closeAll() {
      closing = true
      for (const socket of open.keys()) socket.destroy()
    },
  }
}
