/**
 * The one place that opens listeners: addresses, ports, limits, TLS and the orderly end. What is served on them comes
 * from app.ts.
 */

import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import { errnoOf } from './model/errno.ts'
import { StartupError } from './model/startup-error.ts'
import { continueWhenRead, newOrder } from './platform/request-rules.ts'
import type { KeyAndCertificate } from './self-signed.ts'
import { newTlsFront } from './tls-front.ts'
import { answerUpgrade, type Upgrade, wantsWebSocket } from './upgrade.ts'

export const listenerNames = ['public', 'admin', 'sync', 'appliance'] as const
export type ListenerName = (typeof listenerNames)[number]

/** Answers a request. `env` holds node's own request and response, or the connection of one that asks for a websocket. */
export type Fetch = (
  request: Request,
  env: { readonly incoming: IncomingMessage; readonly outgoing?: ServerResponse; readonly upgrade?: Upgrade },
) => Response | Promise<Response>

export interface ListenerOptions {
  readonly name: ListenerName
  /** Setting that names the port, for error messages. */
  readonly setting: string
  /** `localhost` binds the loopback addresses of IPv4 and IPv6. */
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  readonly fetch: Fetch
  readonly tls?: KeyAndCertificate | undefined
  /** Paths where websockets are served; elsewhere the wish for one is passed over, as HTTP allows. */
  readonly websocketPaths?: readonly string[]
}

/** Where a listener really is. */
export interface ListenerAddress {
  readonly url: string
  readonly host: string
  readonly port: number
}

export interface Listeners {
  readonly addresses: Readonly<Partial<Record<ListenerName, ListenerAddress>>>
  /** Uses this certificate for new TLS connections; open ones keep theirs. Throws when it is unusable. */
  setCertificate(pair: KeyAndCertificate): void
  /** Takes no new connection, lets running requests finish, and cuts what is left after `graceMs`. */
  close(graceMs: number): Promise<void>
}

/** Header and request line together (long `keys=` queries). */
const maxHeaderSize = 65_536

/** Opens all listeners or none. Throws a StartupError that names the setting when an address cannot be had. */
export async function openListeners(options: readonly ListenerOptions[]): Promise<Listeners> {
  const servers: BoundServer[] = []
  const addresses: Partial<Record<ListenerName, ListenerAddress>> = {}
  try {
    for (const listener of options) {
      const port = await openListener(listener, servers)
      const { host } = listener
      const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
      addresses[listener.name] = { url: `${listener.tls ? 'https' : 'http'}://${authority}`, host, port }
    }
  } catch (error) {
    await closeServers(servers, 0)
    throw error
  }
  return {
    addresses,
    setCertificate(pair) {
      for (const server of servers) server.setCertificate?.(pair)
    },
    close: (graceMs) => closeServers(servers, graceMs),
  }
}

/** A server that listens, however it is made. */
interface BoundServer {
  readonly listener: NetServer
  /** Takes no new connection; calls back when the last one has ended. */
  close(done: () => void): void
  closeIdle(): void
  closeAll(): void
  readonly setCertificate?: (pair: KeyAndCertificate) => void
}

/** Connections that one address may hold where TLS makes each of them costly. */
const maxTlsPerAddress = 64

/** Binds every address of one listener to one port and resolves to that port. */
async function openListener(options: ListenerOptions, servers: BoundServer[]): Promise<number> {
  if (options.host !== 'localhost') return bind(options, options.host, options.port, servers)
  // A free port of 127.0.0.1 may be taken on ::1: then another one is tried.
  for (let attempt = 1; ; attempt++) {
    const port = await bind(options, '127.0.0.1', options.port, servers)
    try {
      return await bind(options, '::1', port, servers)
    } catch (error) {
      const code = errnoOf(error instanceof StartupError ? error.cause : error)
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return port
      if (code !== 'EADDRINUSE' || options.port !== 0 || attempt === 5) throw error
      const taken = servers.pop()
      if (taken) await closeServers([taken], 0)
    }
  }
}

async function bind(options: ListenerOptions, host: string, port: number, servers: BoundServer[]): Promise<number> {
  const server = newServer(options)
  const { listener } = server
  try {
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject)
      listener.listen({ host, port }, resolve)
    })
  } catch (error) {
    throw new StartupError(refusal(options, host, port, errnoOf(error)), { cause: error })
  }
  listener.removeAllListeners('error')
  servers.push(server)
  return (listener.address() as AddressInfo).port
}

/** No limit on how long a body may take and no cut of silent answers; only request heads must arrive within a minute. */
function newServer({ fetch, tls, websocketPaths = [] }: ListenerOptions): BoundServer {
  const answer = getRequestListener(fetch as Parameters<typeof getRequestListener>[0]) as RequestListener
  const inOrder = newOrder()
  const settings = {
    maxHeaderSize,
    headersTimeout: 60_000,
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    shouldUpgradeCallback: (request: IncomingMessage) => wantsWebSocket(request, websocketPaths),
  }
  const server = createServer(settings, inOrder(answer))
  server.on('checkContinue', inOrder(continueWhenRead(answer)))
  server.on('upgrade', (request, socket, head) => void answerUpgrade(fetch, request, { socket, head }))
  server.timeout = 0
  if (tls === undefined) {
    return {
      listener: server,
      close(done) {
        server.prependListener('request', (_request, response) => response.setHeader('connection', 'close'))
        server.close(done)
      },
      closeIdle: () => server.closeIdleConnections(),
      closeAll: () => server.closeAllConnections(),
    }
  }
  const front = newTlsFront({ pair: tls, http: server, maxPerAddress: maxTlsPerAddress })
  return { listener: front.server, close: (done) => front.server.close(done), ...front }
}

function refusal({ name, setting }: ListenerOptions, host: string, port: number, code: string): string {
  const place = `the ${name} listener cannot open ${host} port ${port}`
  const flag = `--${setting.replaceAll(/[._]/g, '-')}`
  if (code === 'EADDRINUSE') {
    return `${place}: something else listens there already. Choose another one with ${flag} (setting ${setting}), or 0 for a free one`
  }
  if (code === 'EACCES') return `${place}: ports below 1024 need a privilege. Choose another one with ${flag}`
  const hostSetting = name === 'public' || name === 'sync' ? 'host' : `${name}.host`
  return `${place}: ${code || 'unknown error'}. Is ${host} an address of this machine? (setting ${hostSetting})`
}

async function closeServers(servers: readonly BoundServer[], graceMs: number): Promise<void> {
  let open = servers.length
  const closed = Promise.all(
    servers.map(
      (server) =>
        new Promise<void>((resolve) => {
          server.close(() => {
            open -= 1
            resolve()
          })
        }),
    ),
  )
  const deadline = Date.now() + graceMs
  while (open > 0 && Date.now() < deadline) {
    for (const server of servers) server.closeIdle()
    await Promise.race([closed, delay(25)])
  }
  for (const server of servers) server.closeAll()
  await Promise.race([closed, delay(250)])
}
