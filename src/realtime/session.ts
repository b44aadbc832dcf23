/**
 * One client of the hub: whose data it follows, with which token, and what it subscribed to. Rights are checked at every
 * subscription, and again from time to time: a token may end and rights may be withdrawn while it listens.
 */

import type { Instance, Instances } from '../instances/service.ts'
import { Problem } from '../model/errors.ts'
import type { Permissions } from '../model/permissions.ts'
import { type Ancestors, mayHear, type Target } from './doctypes.ts'
import type { Hub } from './hub.ts'
import type { Subscriber } from './topic.ts'

export interface SessionOptions {
  readonly hub: Hub
  readonly instances: Instances
  /** As the client named it; the instance is looked up by it again. */
  readonly host: string
  readonly instance: Instance
  readonly subscriber: Subscriber
  /** Of the instance's files. */
  readonly ancestors: Ancestors
  /** Set when the request was already authenticated: then no AUTH is awaited. */
  readonly token?: string | undefined
}

/** Subscriptions of one client. */
export const maxSubscriptions = 1_000

export class Session {
  readonly #targets = new Map<string, Target>()
  #instance: Instance
  #token: string | undefined
  #ended = false

  readonly #options: SessionOptions

  constructor(options: SessionOptions) {
    this.#options = options
    this.#instance = options.instance
    this.#token = options.token
  }

  get isAuthenticated(): boolean {
    return this.#token !== undefined
  }

  /** Throws `unauthorized` for an invalid token, and what the store throws. */
  async authenticate(token: string): Promise<void> {
    await this.#options.instances.authorise(this.#instance, token)
    this.#token = token
  }

  /** Throws as `authenticate` does. Subscribing twice has no further effect. `ok` when events will be delivered. */
  async subscribe(target: Target): Promise<'ok' | 'forbidden' | 'too_many'> {
    const { hub, subscriber, ancestors } = this.#options
    if (!(await mayHear(await this.#permissions(), target, ancestors))) return 'forbidden'
    const key = keyOf(target)
    if (this.#targets.has(key) || this.#ended) return 'ok'
    if (this.#targets.size >= maxSubscriptions) return 'too_many'
    this.#targets.set(key, target)
    await hub.subscribe(this.#refOf(target), target.id, subscriber)
    return 'ok'
  }

  unsubscribe(target: Target): void {
    if (this.#targets.delete(keyOf(target))) this.#leave(target)
  }

  /**
   * Checks whether everything is still allowed. Throws `unauthorized` when the token has ended and `not_found` when the
   * instance is gone: then the session is over. @returns the subscriptions that are no longer allowed; they have ended
   */
  async check(): Promise<readonly Target[]> {
    if (this.#token === undefined) return []
    const current = await this.#options.instances.byHost(this.#options.host)
    if (current?.id !== this.#instance.id) throw new Problem('not_found', 'Instance not found')
    this.#instance = current
    const permissions = await this.#permissions()
    const lost: Target[] = []
    for (const target of [...this.#targets.values()]) {
      if (!(await mayHear(permissions, target, this.#options.ancestors))) lost.push(target)
    }
    for (const target of lost) this.unsubscribe(target)
    return lost
  }

  /** Nothing is sent to the client afterwards. */
  end(): void {
    this.#ended = true
    for (const target of this.#targets.values()) this.#leave(target)
    this.#targets.clear()
  }

  async #permissions(): Promise<Permissions> {
    if (this.#token === undefined) throw new Problem('unauthorized', 'No token')
    return this.#options.instances.authorise(this.#instance, this.#token)
  }

  #leave(target: Target): void {
    this.#options.hub.unsubscribe(this.#refOf(target), target.id, this.#options.subscriber)
  }

  #refOf({ type }: Target) {
    return { prefix: this.#instance.prefix, name: type }
  }
}

function keyOf({ type, id }: Target): string {
  return `${type}\n${id ?? ''}`
}
