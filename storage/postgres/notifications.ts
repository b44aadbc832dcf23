/**
 * Tells followers that a database changed, and carries broadcasts: at once within this process, by `NOTIFY` from and to
 * others, on two connections of their own however many followers wait. A look at the sequences of the watched databases every few
 * seconds is the net under it. Never part of a write transaction: `NOTIFY` there would serialise all writers.
 */

import { randomUUID } from 'node:crypto'
import { databaseKey } from '../../src/model/database.ts'
import { Problem } from '../../src/model/errors.ts'
import {
  type Commit,
  type DatabaseRef,
  type Edit,
  type EditOutcome,
  type Follower,
  maxBroadcastBytes,
} from '../documents/contract.ts'
import { type ConnectionOptions, openPool, type Sql } from './connection.ts'

const channel = 'hearth_changes'
const broadcastChannel = 'hearth_broadcasts'
/** Milliseconds between two calls for one database, and between two notifications of other processes. */
const restMs = 15
const pollMs = 3_000

interface Watched {
  readonly ref: DatabaseRef
  readonly listeners: Set<() => void>
  readonly committers: Set<(commit: Commit) => void>
  /** A call is on its way. */
  due: boolean
  lastCall: number
  /** The sequence at the last check; `undefined` before the first. */
  seen: string | undefined
}

type BroadcastListener = (ref: DatabaseRef, text: string) => void

export interface NotificationsOptions extends Pick<ConnectionOptions, 'target'> {
  /** For checking sequences. */
  readonly sql: Sql
  /** Other processes may write to the same databases: tell them, and listen to them. */
  readonly shared: boolean
}

export class Notifications {
  readonly #watched = new Map<string, Watched>()
  readonly #outbox = new Set<string>()
  readonly #broadcastListeners = new Set<BroadcastListener>()
  readonly #followers = new Set<Follower>()
  readonly #origin = randomUUID()
  readonly #link: Sql
  #count = 0
  #sending = false
  #closed = false
  #poll: ReturnType<typeof setInterval> | undefined

  readonly #options: NotificationsOptions

  constructor(options: NotificationsOptions) {
    this.#options = options
    // A notification may be lost in a crash: nothing waits for its fsync.
    this.#link = openPool({ target: options.target, maxConnections: 1 }, { synchronous_commit: 'off' })
  }

  /** Listeners registered now. */
  get size(): number {
    return this.#count
  }

  /** Calls `listener` after changes until the function returned is called. */
  watch(ref: DatabaseRef, listener: () => void, onCommit?: (commit: Commit) => void): () => void {
    const unwatch = this.watchUncounted(ref, listener, onCommit)
    this.#count += 1
    return () => {
      if (unwatch()) this.#count -= 1
    }
  }

  /**
   * The same for what the server itself waits for, which is not among the listeners that `size` counts. The function
   * returned says whether it ended anything.
   */
  watchUncounted(ref: DatabaseRef, listener: () => void, onCommit?: (commit: Commit) => void): () => boolean {
    this.#start()
    const key = databaseKey(ref)
    const known = this.#watched.get(key)
    const watched = known ?? {
      ref,
      listeners: new Set(),
      committers: new Set(),
      due: false,
      lastCall: 0,
      seen: undefined,
    }
    if (!known) this.#watched.set(key, watched)
    // Its own function: one listener may be registered twice.
    const call = () => listener()
    watched.listeners.add(call)
    if (onCommit) watched.committers.add(onCommit)
    return () => {
      if (!watched.listeners.delete(call)) return false
      if (onCommit) watched.committers.delete(onCommit)
      if (watched.listeners.size === 0 && this.#watched.get(key) === watched) this.#watched.delete(key)
      return true
    }
  }

  /** Tells of every commit of this process until the function returned is called. */
  follow(follower: Follower): () => void {
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }

  /** To be called after a commit of this process. */
  changed(ref: DatabaseRef): void {
    for (const follower of this.#followers) follower.changed(ref)
    if (!this.#options.shared && this.#watched.size === 0) return
    const key = databaseKey(ref)
    const watched = this.#watched.get(key)
    if (watched) wake(watched)
    if (!this.#options.shared || this.#closed) return
    this.#outbox.add(key)
    if (!this.#sending) void this.#send()
  }

  /** To be called with what `write` of this process did. */
  committed(edits: readonly Edit[], outcomes: readonly EditOutcome[]): void {
    if (this.#watched.size === 0 && this.#followers.size === 0) return
    for (const [at, { ref, id, deleted, body, parent }] of edits.entries()) {
      const outcome = outcomes[at]
      if (outcome?.kind !== 'ok') continue
      const committers = this.#watched.get(databaseKey(ref))?.committers
      if (!committers && this.#followers.size === 0) continue
      const { rev, seq } = outcome
      const commit = { ...rev, id, seq, deleted, text: body.text, parent }
      for (const call of committers ?? []) call(commit)
      for (const follower of this.#followers) follower.committed(ref, commit)
    }
  }

  /** Rejects when the other processes cannot be notified: then none is. */
  async broadcast(ref: DatabaseRef, text: string): Promise<void> {
    if (Buffer.byteLength(text) > maxBroadcastBytes) {
      throw new Problem('too_large', `A broadcast holds at most ${maxBroadcastBytes} bytes.`)
    }
    const payload = `${this.#origin}\n${databaseKey(ref)}\n${text}`
    if (this.#options.shared) await this.#link`SELECT pg_notify(${broadcastChannel}, ${payload})`
    for (const listener of this.#broadcastListeners) listener(ref, text)
  }

  onBroadcast(listener: BroadcastListener): () => void {
    this.#start()
    const call: BroadcastListener = (ref, text) => listener(ref, text)
    this.#broadcastListeners.add(call)
    return () => this.#broadcastListeners.delete(call)
  }

  /** No listener is called afterwards. */
  async close(): Promise<void> {
    this.#closed = true
    this.#broadcastListeners.clear()
    this.#followers.clear()
    clearInterval(this.#poll)
    for (const { listeners } of this.#watched.values()) listeners.clear()
    this.#watched.clear()
    this.#count = 0
    await this.#link.end({ timeout: 1 })
  }

  /** Follows the other processes from the first watcher or listener on. */
  #start(): void {
    if (this.#poll !== undefined || this.#closed) return
    this.#poll = setInterval(() => void this.#look(), pollMs)
    this.#poll.unref()
    if (!this.#options.shared) return
    // Both reconnect automatically after a lost connection, and then every listener is called: something may have been missed.
    this.#link
      .listen(
        channel,
        (payload) => this.#received(payload),
        () => this.#wakeAll(),
      )
      .catch(() => {})
    this.#link.listen(broadcastChannel, (payload) => this.#receiveBroadcast(payload)).catch(() => {})
  }

  #received(payload: string): void {
    const end = payload.indexOf('\n')
    if (payload.slice(0, end) === this.#origin) return
    const watched = this.#watched.get(payload.slice(end + 1))
    if (watched) wake(watched)
  }

  #receiveBroadcast(payload: string): void {
    const [origin, prefix = '', name = ''] = payload.split('\n', 3)
    if (origin === this.#origin) return
    const text = payload.slice(`${origin}\n${prefix}\n${name}\n`.length)
    for (const listener of this.#broadcastListeners) listener({ prefix, name }, text)
  }

  #wakeAll(): void {
    for (const watched of this.#watched.values()) wake(watched)
  }

  async #send(): Promise<void> {
    this.#sending = true
    while (this.#outbox.size > 0 && !this.#closed) {
      const payloads = [...this.#outbox].map((key) => `${this.#origin}\n${key}`)
      this.#outbox.clear()
      try {
        await this.#link`SELECT count(pg_notify(${channel}, p)) FROM unnest(${payloads}::text[]) AS t (p)`
      } catch {
        // The others look by themselves.
      }
      await new Promise((resolve) => setTimeout(resolve, restMs))
    }
    this.#sending = false
  }

  /** One statement for all watched databases. */
  async #look(): Promise<void> {
    const all = [...this.#watched.values()]
    if (all.length === 0) return
    try {
      const rows = await this.#options.sql<{ state: string | null }[]>`
        SELECT d.db || ':' || d.update_seq AS state
        FROM unnest(${all.map(({ ref }) => ref.prefix)}::text[], ${all.map(({ ref }) => ref.name)}::text[])
          WITH ORDINALITY AS t (prefix, name, o)
        LEFT JOIN databases d ON d.prefix = t.prefix AND d.name = t.name ORDER BY t.o`
      for (const [at, watched] of all.entries()) {
        const state = rows[at]?.state ?? ''
        if (watched.seen !== state) wake(watched)
        watched.seen = state
      }
    } catch {
      // The next look tells.
    }
  }
}

/** At once, unless this database's listeners were called a moment ago. */
function wake(watched: Watched): void {
  if (watched.due) return
  watched.due = true
  const rest = watched.lastCall + restMs - performance.now()
  const call = () => {
    watched.due = false
    watched.lastCall = performance.now()
    for (const listener of [...watched.listeners]) listener()
  }
  if (rest > 0) setTimeout(call, rest)
  else setImmediate(call)
}
