/**
 * Realtime events of this process: follows one feed for each doctype of an instance that somebody listens
 * to, however many they are, and hears what any process announces. Knows neither sockets nor tokens.
 */

import { type DatabaseRef, type DocumentStore, maxBroadcastBytes } from '../../storage/documents/contract.ts'
import type { Log } from '../log.ts'
import { databaseKey } from '../model/database.ts'
import { Problem } from '../model/errors.ts'
import { hasDocuments } from './doctypes.ts'
import { notificationFrame } from './events.ts'
import { Follower } from './follower.ts'
import { type Subscriber, Topic } from './topic.ts'

export interface HubOptions {
  readonly store: Pick<DocumentStore, 'changes' | 'watch' | 'readRevision' | 'broadcast' | 'onBroadcast'>
  readonly log: Log
}

interface Followed {
  readonly topic: Topic
  /** Absent for doctypes that have events but no documents. */
  readonly follower: Follower | undefined
}

export class Hub {
  private readonly topics = new Map<string, Followed>()
  private stopListening: (() => void) | undefined

  constructor(private readonly options: HubOptions) {}

  /**
   * Sends the subscriber every event of a doctype, or of one document, that is committed after the promise resolved, and
   * perhaps some of just before. Waits for the store while it does not answer.
   */
  async subscribe(ref: DatabaseRef, id: string | undefined, subscriber: Subscriber): Promise<void> {
    this.stopListening ??= this.options.store.onBroadcast((about, text) => this.receiveBroadcast(about, text))
    const key = databaseKey(ref)
    const followed = this.topics.get(key) ?? this.follow(ref)
    this.topics.set(key, followed)
    followed.topic.add(subscriber, id)
    await followed.follower?.ready
  }

  unsubscribe(ref: DatabaseRef, id: string | undefined, subscriber: Subscriber): void {
    const key = databaseKey(ref)
    const followed = this.topics.get(key)
    followed?.topic.remove(subscriber, id)
    if (!followed?.topic.isEmpty) return
    followed.follower?.stop()
    this.topics.delete(key)
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
    await this.options.store.broadcast(ref, message)
  }

  /** Ends everything. */
  close(): void {
    this.stopListening?.()
    this.stopListening = undefined
    for (const { follower } of this.topics.values()) follower?.stop()
    this.topics.clear()
  }

  private follow(ref: DatabaseRef): Followed {
    const { store, log } = this.options
    const topic = new Topic(ref.name)
    if (!hasDocuments(ref.name)) return { topic, follower: undefined }
    const follower = new Follower({
      store,
      ref,
      log,
      only: () => topic.only,
      deliver: (documents) => topic.publishAll(documents),
    })
    return { topic, follower }
  }

  private receiveBroadcast(ref: DatabaseRef, message: string): void {
    const followed = this.topics.get(databaseKey(ref))
    if (!followed) return
    const end = message.indexOf('\n')
    const id = JSON.parse(message.slice(0, end)) as string
    followed.topic.publish(id, () => notificationFrame(ref.name, id, message.slice(end + 1)))
  }
}
