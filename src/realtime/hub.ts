/**
 * Realtime events of this process: follows one feed for each doctype of an instance that has listeners,
 * however many, and receives what any process announces. Knows neither sockets nor tokens.
 */

import { type DatabaseRef, type DocumentStore, maxBroadcastBytes } from '../../storage/documents/contract.ts'
import type { Log } from '../log.ts'
import { databaseKey } from '../model/database.ts'
import { Problem } from '../model/errors.ts'
import { hasDocuments } from './doctypes.ts'
import { createdFrame, notificationFrame } from './events.ts'
import { Follower } from './follower.ts'
import { type Subscriber, Topic } from './topic.ts'

/** The namespace under which listeners to announcements are kept: no tenant has it. */
export const announcements = 'announcements'

export interface HubOptions {
  readonly store: Pick<DocumentStore, 'changes' | 'watch' | 'read' | 'readRevision' | 'broadcast' | 'onBroadcast'>
  readonly log: Log
}

interface Followed {
  readonly topic: Topic
  /** Absent for doctypes that have events but no documents. */
  readonly follower: Follower | undefined
}

export class Hub {
  readonly #topics = new Map<string, Followed>()
  #stopListening: (() => void) | undefined

  readonly #options: HubOptions

  constructor(options: HubOptions) {
    this.#options = options
  }

  /**
   * Sends the subscriber every event of a doctype, or of one document, that is committed after the promise resolved, and
   * perhaps some from just before. Waits while the store does not answer.
   */
  async subscribe(ref: DatabaseRef, id: string | undefined, subscriber: Subscriber): Promise<void> {
    this.#stopListening ??= this.#options.store.onBroadcast((about, text) => this.#receiveBroadcast(about, text))
    const key = databaseKey(ref)
    const followed = this.#topics.get(key) ?? this.#follow(ref)
    this.#topics.set(key, followed)
    followed.topic.add(subscriber, id)
    await followed.follower?.ready
  }

  unsubscribe(ref: DatabaseRef, id: string | undefined, subscriber: Subscriber): void {
    const key = databaseKey(ref)
    const followed = this.#topics.get(key)
    followed?.topic.remove(subscriber, id)
    if (!followed?.topic.isEmpty) return
    followed.follower?.stop()
    this.#topics.delete(key)
  }

  /**
   * Sends NOTIFIED with a JSON object to the subscribers in every process. It travels within one message
   * of the store: throws `too_large` where it does not fit.
   */
  async notify(ref: DatabaseRef, id: string, text: string): Promise<void> {
    const message = `${JSON.stringify(id)}\n${text}`
    if (Buffer.byteLength(message) > maxBroadcastBytes) {
      throw new Problem('too_large', `A notification and its id take at most ${maxBroadcastBytes} bytes.`)
    }
    await this.#options.store.broadcast(ref, message)
  }

  /** Tells the operator's listeners in every process of a document of the server's own, as if it were new. */
  async announce(name: string, id: string): Promise<void> {
    await this.#options.store.broadcast({ prefix: announcements, name }, `${JSON.stringify(id)}\n`)
  }

  /** Ends everything. */
  close(): void {
    this.#stopListening?.()
    this.#stopListening = undefined
    for (const { follower } of this.#topics.values()) follower?.stop()
    this.#topics.clear()
  }

  #follow(ref: DatabaseRef): Followed {
    const { store, log } = this.#options
    const topic = new Topic(ref.name)
    if (ref.prefix === announcements || !hasDocuments(ref.name)) return { topic, follower: undefined }
    const follower = new Follower({
      store,
      ref,
      log,
      only: () => topic.only,
      deliver: (documents) => topic.publishAll(documents),
    })
    return { topic, follower }
  }

  /** The text of a broadcast is short, a document may not be: it is read where there are listeners. */
  async #publishAnnounced(topic: Topic, name: string, id: string): Promise<void> {
    try {
      const document = await this.#options.store.read({ prefix: 'global', name }, id)
      if (document !== undefined && !document.deleted) topic.publish(id, () => createdFrame(name, document))
    } catch (error) {
      this.#options.log.error('a document could not be announced', { doctype: name, error })
    }
  }

  #receiveBroadcast(ref: DatabaseRef, message: string): void {
    const followed = this.#topics.get(databaseKey(ref))
    if (!followed) return
    const end = message.indexOf('\n')
    const id = JSON.parse(message.slice(0, end)) as string
    if (ref.prefix === announcements) {
      void this.#publishAnnounced(followed.topic, ref.name, id)
      return
    }
    followed.topic.publish(id, () => notificationFrame(ref.name, id, message.slice(end + 1)))
  }
}
