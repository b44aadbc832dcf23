/**
 * One websocket: reads commands one after the other, and sends what its session hears. Nothing here waits for a client:
 * one that does not take what it is sent is cut off.
 */
import type { WebSocket } from 'ws'
import type { Log } from '../../src/log.ts'
import { Problem } from '../../src/model/errors.ts'
import type { Target } from '../../src/realtime/doctypes.ts'
import type { Frame } from '../../src/realtime/events.ts'
import type { Session } from '../../src/realtime/session.ts'
import type { Subscriber } from '../../src/realtime/topic.ts'
import { closeCodes, forbidden, missingType, tooMany, unauthorized, unknownMethod } from './answer.ts'
import { maxWaitingBytes, type SocketLimits } from './limits.ts'
import { type Command, parseCommand, targetOf, tokenIn } from './request.ts'

export interface ConnectionOptions {
  readonly socket: WebSocket
  readonly limits: SocketLimits
  readonly log: Log
  /** Called once. */
  readonly newSession: (subscriber: Subscriber) => Session
  readonly onCutOff: () => void
  readonly onEnd: (connection: Connection) => void
}

/** Share of what may wait for a client above which the others wait for it, and how long, until it has read everything. */
const behindShare = 0.25
const graceMs = 1_000

export class Connection implements Subscriber {
  readonly #session: Session
  readonly #waiting: string[] = []
  #waitingBytes = 0
  #isWorking = false
  readonly #openedAt = performance.now()
  #readAt = this.#openedAt
  #pingedAt = this.#openedAt
  #closedAt: number | undefined
  /** Bytes given to the socket so far. */
  #given = 0
  /** How many of them it had passed on, and when that grew last. */
  #taken = 0
  #takenAt = this.#openedAt
  /** When more than its share waited, until nothing did. */
  #behindSince: number | undefined

  readonly #options: ConnectionOptions

  constructor(options: ConnectionOptions) {
    this.#options = options
    const { socket, newSession, onEnd } = options
    this.#session = newSession(this)
    socket.on('message', (data, isBinary) => this.#read(data as Buffer, isBinary))
    socket.on('ping', () => this.#heard())
    socket.on('pong', () => this.#heard())
    // Malformed or too long: the close follows, with its reason for the client.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#closedAt ??= performance.now()
      this.#session.end()
      onEnd(this)
    })
  }

  send(frame: Frame): void {
    const { socket, limits, onCutOff } = this.#options
    if (this.#closedAt !== undefined) return
    const queued = socket.bufferedAmount
    if (queued > limits.maxQueuedBytes) {
      onCutOff()
      this.close(closeCodes.tryLater, 'The client reads too slowly')
      return
    }
    if (queued === 0) this.#behindSince = undefined
    else if (queued > limits.maxQueuedBytes * behindShare) this.#behindSince ??= performance.now()
    this.#given += frame.byteLength
    socket.send(frame, { binary: false })
  }

  get behind(): boolean {
    if (this.#closedAt !== undefined || this.#behindSince === undefined) return false
    if (performance.now() - this.#behindSince >= graceMs) return false
    return this.#options.socket.bufferedAmount > this.#options.limits.maxQueuedBytes * behindShare
  }

  /** Sends nothing more but the close, which comes behind what already waits. */
  close(code: number, reason: string): void {
    if (this.#closedAt !== undefined) return
    this.#closedAt = performance.now()
    this.#waiting.length = 0
    this.#session.end()
    this.#options.socket.close(code, reason)
  }

  /** Ends without a word. */
  terminate(): void {
    this.#options.socket.terminate()
  }

  /** To be called every `sweepMs`. */
  sweep(now: number): void {
    const { limits, onCutOff } = this.#options
    if (this.#closedAt !== undefined) {
      if (now - this.#closedAt >= limits.writeMs) this.terminate()
      return
    }
    if (now - this.#readAt >= limits.silenceMs) {
      this.terminate()
    } else if (!this.#session.isAuthenticated && now - this.#openedAt >= limits.silenceMs) {
      this.close(closeCodes.refused, 'No AUTH was received')
    } else if (this.#isStuck(now)) {
      onCutOff()
      this.terminate()
    } else if (now - this.#pingedAt >= limits.pingMs) {
      this.#pingedAt = now
      this.#options.socket.ping()
      void this.check()
    }
  }

  /** Ends what its token no longer allows: subscriptions one by one, everything when the token or the instance is gone. */
  async check(): Promise<void> {
    try {
      const lost = await this.#session.check()
      for (const target of lost) this.send(forbidden(target.type, { method: 'SUBSCRIBE', payload: target }))
    } catch (error) {
      // The store is away: the next look tells.
      if (error instanceof Problem && error.status >= 500) return
      if (!(error instanceof Problem)) {
        this.#fail(error)
      } else if (error.code === 'not_found') {
        this.close(closeCodes.refused, 'The instance no longer exists')
      } else {
        this.send(unauthorized({ method: 'AUTH' }))
        this.close(closeCodes.refused, 'The token is no longer valid')
      }
    }
  }

  /** Bytes wait, and none was taken for a while. Pings wait too and count for nothing. */
  #isStuck(now: number): boolean {
    const queued = this.#options.socket.bufferedAmount
    const taken = this.#given - queued
    if (queued === 0 || taken > this.#taken) {
      this.#taken = taken
      this.#takenAt = now
    }
    return now - this.#takenAt >= this.#options.limits.writeMs
  }

  #heard(): void {
    this.#readAt = performance.now()
  }

  #read(data: Buffer, isBinary: boolean): void {
    this.#heard()
    if (this.#closedAt !== undefined) return
    this.#waitingBytes += data.length
    if (isBinary) {
      this.close(closeCodes.noText, 'Commands are text')
    } else if (this.#waitingBytes > maxWaitingBytes) {
      this.close(closeCodes.refused, 'Too many commands at once')
    } else {
      this.#waiting.push(data.toString())
      if (!this.#isWorking) void this.#work()
    }
  }

  async #work(): Promise<void> {
    this.#isWorking = true
    try {
      for (let text = this.#waiting.shift(); text !== undefined; text = this.#waiting.shift()) {
        await this.#obey(parseCommand(text))
        this.#waitingBytes = this.#waiting.length === 0 ? 0 : this.#waitingBytes - Buffer.byteLength(text)
      }
    } catch (error) {
      this.#fail(error)
    }
    this.#isWorking = false
  }

  async #obey(command: Command): Promise<void> {
    const method = command.method.toUpperCase()
    const target = targetOf(command)
    try {
      if (!this.#session.isAuthenticated) await this.#authenticate(method, command)
      else if (method !== 'SUBSCRIBE' && method !== 'UNSUBSCRIBE') this.send(unknownMethod(command))
      else if (target === undefined) this.send(missingType(command))
      else if (method === 'UNSUBSCRIBE') this.#session.unsubscribe(target)
      else await this.#subscribe(target, command)
    } catch (error) {
      this.#refuse(error, command)
    }
  }

  /** The first command must be AUTH; there is no second try. */
  async #authenticate(method: string, command: Command): Promise<void> {
    const token = tokenIn(command)
    if (method === 'AUTH' && token !== undefined) {
      await this.#session.authenticate(token)
    } else {
      this.send(method === 'AUTH' ? unauthorized(command.source) : unknownMethod(command))
      this.close(closeCodes.refused, 'AUTH must be the first command')
    }
  }

  async #subscribe(target: Target, command: Command): Promise<void> {
    const outcome = await this.#session.subscribe(target)
    if (outcome === 'forbidden') this.send(forbidden(target.type, command.source))
    if (outcome === 'too_many') this.send(tooMany(command))
  }

  /** The token is no good, whatever the reason; or it could not be looked at. */
  #refuse(error: unknown, command: Command): void {
    if (!(error instanceof Problem) || error.status >= 500) throw error
    this.send(unauthorized(command.source))
    this.close(closeCodes.refused, 'The authentication has failed')
  }

  #fail(error: unknown): void {
    if (error instanceof Problem && error.code === 'store_unavailable') {
      this.close(closeCodes.tryLater, 'The store does not answer')
    } else {
      this.#options.log.error('realtime socket failed', { error })
      this.close(closeCodes.failed, 'The server failed')
    }
  }
}
