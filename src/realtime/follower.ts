/**
 * Follows the feed of one database for all its listeners in this process, from its creation on. A database that
 * does not exist yet, or that is dropped and made again, is followed from its first change. The store may go away: then
 * the feed is read on from the same place when it is back.
 */
import type { ChangedDocument, DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { Alarm } from '../documents/alarm.ts'
import { firstPage, maxPage, nextPage } from '../documents/page-size.ts'
import type { Log } from '../log.ts'
import { orWithoutDatabase } from '../model/no-database.ts'
import { Journal } from './journal.ts'

export type FollowedStore = Pick<DocumentStore, 'changes' | 'watch' | 'readRevision'>

export interface FollowerOptions {
  readonly store: FollowedStore
  readonly ref: DatabaseRef
  readonly log: Log
  /** The only documents that matter at this moment; `undefined`: all. */
  only(): ReadonlySet<string> | undefined
  /** Receives every page in order; the next one is read when its promise resolves. */
  deliver(documents: readonly ChangedDocument[]): Promise<void>
}

/** Reads without having been notified, in case a notification was lost. */
const lookMs = 60_000
const retryMs = 500
/** Ids that one read may name. */
const maxNamed = maxPage

/** The sequence up to which the feed was read. */
interface Place {
  readonly epoch: string
  readonly at: bigint
}

export class Follower {
  /** Resolves when what is committed from now on will be delivered, and when it was stopped before. */
  readonly ready: Promise<void>
  readonly #alarm = new Alarm()
  readonly #journal = new Journal()
  #stopped = false
  #pageSize = firstPage
  #place: Place | undefined

  readonly #options: FollowerOptions

  constructor(options: FollowerOptions) {
    this.#options = options
    this.ready = new Promise((resolve) => void this.#run(resolve))
  }

  stop(): void {
    this.#stopped = true
    this.#alarm.ring()
  }

  async #run(ready: () => void): Promise<void> {
    const { store, ref } = this.#options
    const unwatch = store.watch(ref, this.#alarm.ring, (commit) => this.#journal.add(commit))
    try {
      const start = { descending: false, limit: 0, bodies: false }
      const now = await this.#persist(() => orWithoutDatabase(store.changes(ref, start), undefined))
      this.#place = now && { epoch: now.epoch, at: now.updateSeq }
      ready()
      while (!this.#stopped) {
        this.#alarm.clear()
        const more = await this.#persist(() => this.#step())
        if (!more) await this.#alarm.wait(lookMs)
      }
    } finally {
      unwatch()
      ready()
    }
  }

  /** Reads and delivers one page. @returns whether there may be more at once */
  async #step(): Promise<boolean> {
    const { store, ref, only, deliver } = this.#options
    const named = only()
    const ids = named && named.size <= maxNamed ? [...named] : undefined
    const [limit, after] = [this.#pageSize, this.#place?.at]
    const range = { after, descending: false, limit, bodies: true, parents: true, ids }
    const page = await orWithoutDatabase(store.changes(ref, range), undefined)
    if (page === undefined || (this.#place !== undefined && page.epoch !== this.#place.epoch)) {
      this.#place = undefined
      this.#journal.clear()
      return page !== undefined
    }
    // Someone subscribed to another document while this was read: it may have changed in between.
    if (ids !== undefined && !covers(ids, only())) return true
    const full = page.rows.length >= limit
    const at = (full ? page.rows.at(-1)?.seq : undefined) ?? page.updateSeq
    const passed = await this.#passed(page.rows, { begin: after, end: at })
    this.#place = { epoch: page.epoch, at }
    if (page.rows.length > 0) {
      this.#pageSize = nextPage(page.rows)
      const all = passed.length === 0 ? page.rows : [...page.rows, ...passed].sort((a, b) => (a.seq < b.seq ? -1 : 1))
      await deliver(all)
    }
    return full
  }

  /** Revisions that the page skips; deleted ones with their former members, where these are still kept. */
  #passed(
    rows: readonly ChangedDocument[],
    range: { begin: bigint | undefined; end: bigint },
  ): Promise<readonly ChangedDocument[]> {
    const { store, ref } = this.#options
    const revisions = this.#journal.passed(rows, range).map(async ({ from, ...revision }) => {
      const wanted = revision.deleted && from ? store.readRevision(ref, revision.id, from) : undefined
      const before = wanted && (await orWithoutDatabase(wanted, undefined))
      return before ? { ...revision, parent: { deleted: before.deleted, text: before.text } } : revision
    })
    return Promise.all(revisions)
  }

  /** Tries until it works or everyone has left. */
  async #persist<T>(work: () => Promise<T>): Promise<T | undefined> {
    let failing = false
    while (!this.#stopped) {
      try {
        return await work()
      } catch (error) {
        if (!failing) this.#options.log.warning('realtime events are late', { database: this.#options.ref.name, error })
        failing = true
        this.#alarm.clear()
        await this.#alarm.wait(retryMs)
      }
    }
    return undefined
  }
}

function covers(ids: readonly string[], wanted: ReadonlySet<string> | undefined): boolean {
  if (wanted === undefined) return false
  const read = new Set(ids)
  for (const id of wanted) if (!read.has(id)) return false
  return true
}
