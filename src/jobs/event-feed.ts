/**
 * Turns changes of documents into the jobs of the triggers that wait for them. Each process looks after what it wrote
 * itself, at once; what a process left undone is found a little later by any other one.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { ChangedDocument, Commit, DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { filesDoctype } from '../../storage/files/contract.ts'
import {
  type ChangedForEvents,
  type EventPage,
  type JobStore,
  jobsDoctype,
  type NewJob,
  triggersDoctype,
} from '../../storage/jobs/contract.ts'
import { Alarm } from '../documents/alarm.ts'
import { membersOf } from '../instances/own-documents.ts'
import type { Log } from '../log.ts'
import { databaseKey } from '../model/database.ts'
import { Problem } from '../model/errors.ts'
import type { JsonObject } from '../model/json/value.ts'
import { kindOf } from '../realtime/events.ts'
import { Journal } from '../realtime/journal.ts'
import {
  concerns,
  type DocumentEvent,
  type EventRule,
  type EventVerb,
  matchesEvent,
  parseEventRules,
} from './event-rule.ts'
import { newJob } from './new-job.ts'
import { jobOfTrigger, type Trigger, triggerOf } from './trigger-document.ts'
import { clientWorker, isKnownWorker } from './worker-names.ts'

/** Changes read at a time. */
const page = 200
const netMs = 30_000
const secondLookMs = 2_000
const retryMs = 1_000
const restMs = 25

/** A trigger that every instance has without a document of its own. */
export interface BuiltInTrigger {
  readonly worker: string
  readonly arguments: string
}

export interface EventFeedOptions {
  readonly store: Pick<DocumentStore, 'follow' | 'listDatabases' | 'readRevision'>
  readonly jobs: JobStore
  readonly log: Log
  readonly builtIn: readonly BuiltInTrigger[]
  /** Ids of the directories above a file or directory. */
  readonly ancestors: (prefix: string, id: string) => Promise<readonly string[]>
  /** The domain of the instance with a namespace; `undefined` when there is none. */
  readonly domainOf: (prefix: string) => Promise<string | undefined>
}

interface Waiting {
  readonly trigger: Trigger
  readonly rules: readonly EventRule[]
}

interface Dirty {
  readonly ref: DatabaseRef
  readonly journal: Journal
  /** Something changed since it was last read. */
  marked: boolean
}

export class EventFeed {
  readonly #options: EventFeedOptions
  readonly #alarm = new Alarm()
  readonly #dirty = new Map<string, Dirty>()
  readonly #builtIn: readonly { readonly worker: string; readonly rules: readonly EventRule[] }[]
  #byPrefix = new Map<string, Waiting[]>()
  /** What was found undone at the last look, and where it stood. */
  #untold: ReadonlyMap<string, string> = new Map()
  #stale = true
  #netAt = 0
  #stopped = false
  #serving: Promise<void> | undefined
  #ends: (() => void)[] = []

  constructor(options: EventFeedOptions) {
    this.#options = options
    this.#builtIn = options.builtIn.map(({ worker, arguments: text }) => ({
      worker,
      rules: parseEventRules(text) ?? [],
    }))
  }

  start(): void {
    if (this.#serving !== undefined) return
    const { store, jobs } = this.#options
    this.#ends = [
      store.follow({
        changed: (ref) => this.#changed(ref),
        committed: (ref, commit) => this.#committed(ref, commit),
      }),
      jobs.watch('triggers', () => this.#reload()),
    ]
    this.#serving = this.#serve()
  }

  /** Resolves when triggers that are on disk now are waited for in this process. */
  async refresh(): Promise<void> {
    const { jobs, store } = this.#options
    this.#stale = false
    const found = new Map<string, Waiting[]>()
    for (const { prefix, id, text } of await jobs.eventTriggers()) {
      const trigger = triggerOf(id, undefined, membersOf(text), prefix)
      const rules = parseEventRules(trigger.arguments)
      const isKnown = trigger.worker === clientWorker || isKnownWorker(trigger.worker)
      if (rules === undefined || !isKnown) continue
      const known = found.get(prefix)
      if (known) known.push({ trigger, rules })
      else found.set(prefix, [{ trigger, rules }])
    }
    // From now on every commit is found, here at once and by the others at their next look.
    const before = this.#byPrefix
    this.#byPrefix = found
    for (const [prefix, waiting] of found) {
      const rules = waiting.flatMap((one) => one.rules)
      const known = before.get(prefix)?.flatMap((one) => one.rules) ?? []
      if (JSON.stringify(rules) === JSON.stringify(known)) continue
      const names = (await store.listDatabases(prefix)).filter((name) => isFollowed(name) && concerns(rules, name))
      await jobs.beginEvents(names.filter((name) => !this.#isBuiltIn(name)).map((name) => ({ prefix, name })))
    }
  }

  async close(): Promise<void> {
    this.#stopped = true
    for (const end of this.#ends) end()
    this.#alarm.ring()
    await this.#serving
  }

  #reload(): void {
    this.#stale = true
    // Its changes may be older than what is known here.
    this.#netAt = 0
    this.#alarm.ring()
  }

  #changed(ref: DatabaseRef): void {
    if (ref.name === triggersDoctype) {
      this.#options.jobs.wakeTriggers()
      return
    }
    if (!this.#concerns(ref)) return
    this.#mark(ref)
    this.#alarm.ring()
  }

  #committed(ref: DatabaseRef, commit: Commit): void {
    if (this.#concerns(ref)) this.#mark(ref).journal.add(commit)
  }

  #mark(ref: DatabaseRef): Dirty {
    const key = databaseKey(ref)
    const dirty = this.#dirty.get(key) ?? { ref, journal: new Journal(), marked: true }
    dirty.marked = true
    this.#dirty.set(key, dirty)
    return dirty
  }

  /** On the way of every write. */
  #concerns({ prefix, name }: DatabaseRef): boolean {
    if (!isFollowed(name) || prefix === 'global') return false
    if (this.#isBuiltIn(name)) return true
    const waiting = this.#byPrefix.get(prefix)
    return waiting?.some(({ rules }) => concerns(rules, name)) ?? false
  }

  #isBuiltIn(name: string): boolean {
    return this.#builtIn.some(({ rules }) => concerns(rules, name))
  }

  async #serve(): Promise<void> {
    let failing = false
    while (!this.#stopped) {
      this.#alarm.clear()
      let pauseMs = retryMs
      try {
        await this.#look()
        pauseMs = Math.max(0, this.#netAt - performance.now())
        failing = false
      } catch (error) {
        if (!failing) this.#options.log.warning('events are late', { error })
        failing = true
        this.#stale = true
      }
      if (this.#stopped) return
      await this.#alarm.wait(pauseMs)
      // What changes close together is read together.
      await sleep(restMs)
    }
  }

  async #look(): Promise<void> {
    if (this.#stale) await this.refresh()
    if (performance.now() >= this.#netAt) {
      await this.#lookForLeft()
    }
    // A page of each by turns.
    while (this.#dirty.size > 0 && !this.#stopped) {
      let failure: { readonly error: unknown } | undefined
      for (const [key, dirty] of [...this.#dirty]) {
        if (this.#stopped) return
        dirty.marked = false
        // One database that cannot be read must not hold up those of everybody else.
        try {
          const more = await this.#step(dirty)
          if (!more && !dirty.marked) this.#dirty.delete(key)
        } catch (error) {
          if (error instanceof Problem && error.code === 'store_unavailable') throw error
          failure ??= { error }
        }
      }
      if (failure !== undefined) throw failure.error
    }
  }

  /**
   * Takes up what other processes left undone. Who writes looks after its changes at once and knows them best: only what
   * was not touched between two looks is taken.
   */
  async #lookForLeft(): Promise<void> {
    const found = await this.#options.jobs.untold(filesDoctype)
    const before = this.#untold
    this.#untold = new Map(found.map(({ ref, position }) => [`${ref.prefix}\n${ref.name}`, position]))
    let isNew = false
    for (const { ref, position } of found) {
      if (!this.#concerns(ref)) continue
      if (before.get(`${ref.prefix}\n${ref.name}`) === position) this.#mark(ref)
      else isNew = true
    }
    this.#netAt = performance.now() + (isNew ? secondLookMs : netMs)
  }

  /** @returns whether there is more */
  async #step({ ref, journal }: Dirty): Promise<boolean> {
    const { jobs } = this.#options
    const found = await jobs.eventPage(ref, { limit: page })
    if (found === undefined || found.until === found.after) return false
    const made: NewJob[] = []
    for (const event of await this.#eventsOf(ref, found, journal)) made.push(...(await this.#jobsOf(ref, event)))
    // Where somebody else told them meanwhile, the next page shows what is left.
    return !(await jobs.eventsDone(ref, found, made)) || found.full
  }

  /** What happened, by sequence: what a page shows, and what this process wrote and the page passes over. */
  async #eventsOf(ref: DatabaseRef, found: EventPage, journal: Journal): Promise<readonly DocumentEvent[]> {
    const rows: readonly ChangedDocument[] = found.rows.map((row) => ({ ...row, parent: parentOf(row) }))
    const passed = journal.passed(rows, { begin: found.after, end: found.until }).map(async ({ from, ...row }) => {
      const before = from && (await this.#options.store.readRevision(ref, row.id, from))
      return before ? { ...row, parent: { deleted: before.deleted, text: before.text } } : row
    })
    const all = [...rows, ...(await Promise.all(passed))].sort((a, b) => (a.seq < b.seq ? -1 : 1))
    return all.filter(({ id }) => !id.startsWith('_design/')).map((row) => eventOf(ref.name, row))
  }

  async #jobsOf({ prefix }: DatabaseRef, event: DocumentEvent): Promise<readonly NewJob[]> {
    const above = this.#aboveOf(prefix, event)
    const made: NewJob[] = []
    for (const { worker, rules } of this.#builtIn) {
      if (!concerns(rules, event.type) || !(await matchesEvent(rules, event, above))) continue
      const domain = await this.#options.domainOf(prefix)
      if (domain === undefined) continue
      const tenant = { prefix, domain }
      made.push(newJob({ tenant, worker, message: null, event: eventMembers(tenant, event) }).job)
    }
    for (const { trigger, rules } of this.#byPrefix.get(prefix) ?? []) {
      if (!concerns(rules, event.type) || !(await matchesEvent(rules, event, above))) continue
      const order = jobOfTrigger(trigger, { event: eventMembers(trigger.tenant, event) })
      made.push(newJob(order, trigger.debounceMs).job)
    }
    return made
  }

  /** Where a file is and where it was. Looked up once an event, and only when a rule asks. */
  #aboveOf(prefix: string, { doc, old }: DocumentEvent): () => Promise<readonly string[]> {
    let found: Promise<readonly string[]> | undefined
    const look = async () => {
      const parents = [doc['dir_id'], old?.['dir_id']].filter((id): id is string => typeof id === 'string' && id !== '')
      const all = await Promise.all(
        [...new Set(parents)].map(async (id) => [id, ...(await this.#options.ancestors(prefix, id))]),
      )
      return all.flat()
    }
    return () => {
      found ??= look()
      return found
    }
  }
}

/** Jobs that make jobs would never end. */
function isFollowed(name: string): boolean {
  return name !== jobsDoctype
}

function eventMembers(
  { prefix, domain }: { prefix: string; domain: string },
  { verb, doc, old }: DocumentEvent,
): JsonObject {
  return { domain, prefix, verb, doc, ...(old === undefined ? {} : { old }) }
}

function eventOf(type: string, row: ChangedDocument): DocumentEvent {
  const own = { _id: row.id, _rev: `${row.gen}-${row.hash}` }
  const before = row.parent?.deleted === false ? row.parent.text : undefined
  const old = before === undefined ? undefined : { _id: row.id, ...membersOf(before) }
  const verb = kindOf(row) as EventVerb
  // Of what is deleted, what it held is told.
  const doc = verb === 'DELETED' ? { ...old, ...own, _deleted: true } : { ...own, ...membersOf(row.text) }
  return { type, verb, doc, old }
}

function parentOf({ parent }: ChangedForEvents) {
  if (parent === undefined) return { deleted: false }
  return parent.text === undefined ? { deleted: parent.deleted } : { deleted: parent.deleted, text: parent.text }
}
