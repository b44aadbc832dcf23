/** All websockets of this process: opens them, looks after them, and takes leave of them. */
import type { IncomingMessage } from 'node:http'
import { WebSocketServer } from 'ws'
import type { Instance, Instances } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'
import type { Hub } from '../../src/realtime/hub.ts'
import { Session } from '../../src/realtime/session.ts'
import { SwitchingProtocols, type Upgrade } from '../../src/upgrade.ts'
import { closeCodes } from './answer.ts'
import { Connection } from './connection.ts'
import { maxFrameBytes, type SocketLimits, socketLimits } from './limits.ts'

/** The subprotocol that clients ask for. */
const subprotocol = 'io.cozy.websocket'

export interface GatewayOptions {
  readonly hub: Hub
  readonly instances: Instances
  /** Ids of the directories above a file of a tenant. */
  readonly ancestors: (prefix: string, fileId: string) => Promise<readonly string[]>
  readonly log: Log
  readonly limits?: SocketLimits
  /** Sockets of this gateway need no AUTH: their request was authenticated, and this stands for it. */
  readonly token?: string
}

export class Gateway {
  /** Sockets ended because their clients did not take what they were sent. */
  cutOff = 0
  readonly #connections = new Set<Connection>()
  readonly #limits: SocketLimits
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  })
  #timer: ReturnType<typeof setInterval> | undefined
  #closing = false

  readonly #options: GatewayOptions

  constructor(options: GatewayOptions) {
    this.#options = options
    this.#limits = options.limits ?? socketLimits
  }

  /** Open sockets. */
  get size(): number {
    return this.#connections.size
  }

  get isClosing(): boolean {
    return this.#closing
  }

  /** Takes the connection of a request; what is wrong with the handshake is answered on it. */
  accept(incoming: IncomingMessage, { socket, head }: Upgrade, host: string, instance: Instance): Response {
    const { hub, instances, log, token } = this.#options
    const ancestors = (fileId: string) => this.#options.ancestors(instance.prefix, fileId)
    this.#server.handleUpgrade(incoming, socket, head, (websocket) => {
      const connection = new Connection({
        socket: websocket,
        limits: this.#limits,
        log,
        newSession: (subscriber) => new Session({ hub, instances, host, instance, subscriber, ancestors, token }),
        onCutOff: () => {
          this.cutOff += 1
        },
        onEnd: (ended) => this.#remove(ended),
      })
      this.#connections.add(connection)
      if (this.#closing) connection.close(closeCodes.goingAway, 'The server stops')
      this.#timer ??= setInterval(() => this.#sweep(), this.#limits.sweepMs)
    })
    return new SwitchingProtocols()
  }

  /** Looks at all tokens and rights now: an instance was changed. */
  recheck(): void {
    for (const connection of this.#connections) void connection.check()
  }

  /** Takes leave of everybody; resolves when all are gone. */
  async close(): Promise<void> {
    this.#closing = true
    for (const connection of this.#connections) connection.close(closeCodes.goingAway, 'The server stops')
    const deadline = performance.now() + this.#limits.farewellMs
    while (this.#connections.size > 0 && performance.now() < deadline) await new Promise((done) => setTimeout(done, 20))
    for (const connection of this.#connections) connection.terminate()
  }

  #remove(connection: Connection): void {
    this.#connections.delete(connection)
    if (this.#connections.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #sweep(): void {
    const now = performance.now()
    for (const connection of this.#connections) connection.sweep(now)
  }
}
