/** Who listens to one doctype of one instance, and what they are sent. */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import type { ChangedDocument } from '../../storage/documents/contract.ts'
import { changeFrame, type Frame } from './events.ts'

/** One client. */
export interface Subscriber {
  /** Takes a frame and never waits; a client that is too far behind is cut off by its transport. */
  send(frame: Frame): void
  /** True for a moment when much is waiting to be sent: the others can afford to wait that long. */
  readonly behind: boolean
}

/** Bytes of frames after which to pause if a client is behind. */
const burst = 64 * 1024
const pauseMs = 10

export class Topic {
  readonly #whole = new Set<Subscriber>()
  readonly #byId = new Map<string, Set<Subscriber>>()

  readonly #type: string

  constructor(type: string) {
    this.#type = type
  }

  get isEmpty(): boolean {
    return this.#whole.size === 0 && this.#byId.size === 0
  }

  /** The only documents with listeners; `undefined`: all. */
  get only(): ReadonlySet<string> | undefined {
    return this.#whole.size > 0 ? undefined : new Set(this.#byId.keys())
  }

  /** `id` absent: every document. */
  add(subscriber: Subscriber, id: string | undefined): void {
    if (id === undefined) {
      this.#whole.add(subscriber)
      return
    }
    const known = this.#byId.get(id)
    if (known) known.add(subscriber)
    else this.#byId.set(id, new Set([subscriber]))
  }

  remove(subscriber: Subscriber, id: string | undefined): void {
    if (id === undefined) {
      this.#whole.delete(subscriber)
      return
    }
    const known = this.#byId.get(id)
    known?.delete(subscriber)
    if (known?.size === 0) this.#byId.delete(id)
  }

  /** Sends to everyone who listens to the document, once each. `make` is called only if there is someone. @returns bytes */
  publish(id: string, make: () => Frame): number {
    const listening = this.#byId.get(id)
    if (this.#whole.size === 0 && listening === undefined) return 0
    const frame = make()
    for (const subscriber of [...this.#whole]) subscriber.send(frame)
    for (const subscriber of [...(listening ?? [])]) if (!this.#whole.has(subscriber)) subscriber.send(frame)
    return frame.byteLength
  }

  /** Design documents are not for listeners. */
  async publishAll(documents: readonly ChangedDocument[]): Promise<void> {
    let sent = 0
    for (const document of documents) {
      if (document.id.startsWith('_design/')) continue
      sent += this.publish(document.id, () => changeFrame(this.#type, document))
      if (sent < burst) continue
      sent = 0
      await setImmediate()
      while (this.#someBehind()) await sleep(pauseMs)
    }
  }

  #someBehind(): boolean {
    for (const { behind } of this.#whole) if (behind) return true
    for (const subscribers of this.#byId.values()) for (const { behind } of subscribers) if (behind) return true
    return false
  }
}
