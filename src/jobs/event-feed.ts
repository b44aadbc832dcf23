/**
 * Turns changes of documents into the jobs of the triggers that wait for them. Each process looks after what it wrote
 * itself, at once; what a process left undone is picked up a little later by another one.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { ChangedDocument, DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { filesDoctype } from '../../storage/files/contract.ts'
import {
  type ChangedForEvents,
  type EventPlace,
  type JobStore,
  jobsDoctype,
  type NewJob,
  type TenantTriggers,
  triggersDoctype,
} from '../../storage/jobs/contract.ts'
import { Alarm } from '../documents/alarm.ts'
import { membersOf } from '../instances/own-documents.ts'
import type { Log } from '../log.ts'
import { databaseKey } from '../model/database.ts'
import { Problem } from '../model/errors.ts'
import type { JsonObject } from '../model/json/value.ts'
import { kindOf } from '../realtime/events.ts'
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

/** What is read of a database at a time; a single document may be larger. */
const page = { rows: 200, bytes: 4 * 1024 * 1024 }
/** Characters of the jobs that one commit makes, though it makes all of one change: each trigger gets a copy of the document. */
const maxMade = 16 * 1024 * 1024
/** Tenants whose triggers are read at a time. */
const tenantPage = 500
const netMs = 30_000
const secondLookMs = 2_000
/** Milliseconds at least between two looks for what others left undone. */
const netRestMs = 1_000
const retryMs = 1_000
const restMs = 25

/** A trigger that every instance has without a document of its own. */
export interface BuiltInTrigger {
  readonly worker: string
  readonly arguments: string
}

export interface EventFeedOptions {
  readonly store: Pick<DocumentStore, 'follow'>
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
  /** `EventTrigger.begins` */
  readonly begins: ReadonlyMap<string, bigint>
}

interface Tenant {
  /** `TenantTriggers.version` */
  readonly version: string
  readonly waiting: readonly Waiting[]
}

interface Dirty {
  readonly ref: DatabaseRef
  /** Something changed since it was last read. */
  marked: boolean
}

export class EventFeed {
  readonly #options: EventFeedOptions
  readonly #alarm = new Alarm()
  readonly #dirty = new Map<string, Dirty>()
  readonly #builtIn: readonly { readonly worker: string; readonly rules: readonly EventRule[] }[]
  readonly #tenants = new Map<string, Tenant>()
  /** Triggers are read one after the other: what was read later is newer. */
  #reading: Promise<unknown> = Promise.resolve()
  /** What was found undone at the last look, and where it stood. */
  #untold: ReadonlyMap<string, string> = new Map()
  #stale = true
  #netAt = 0
  #lookedAt = Number.NEGATIVE_INFINITY
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
      store.follow({ changed: (ref) => this.#changed(ref), committed: () => {} }),
      jobs.watch('triggers', () => this.#reload()),
    ]
    this.#serving = this.#serve()
  }

  /** Resolves when the triggers of one tenant, or of all, that are on disk now are waited for in this process. */
  async refresh(prefix?: string): Promise<void> {
    if (prefix !== undefined) {
      await this.#read([prefix])
      return
    }
    this.#stale = false
    const found = await this.#options.jobs.eventTenants()
    const changed = [...found].filter(([tenant, version]) => this.#tenants.get(tenant)?.version !== version)
    // Those that have none any more, too; a tenant that is known for its files only is read again when it is needed.
    const gone = [...this.#tenants].filter(([tenant, { waiting }]) => waiting.length > 0 && !found.has(tenant))
    await this.#read([...changed, ...gone].map(([tenant]) => tenant))
  }

  #read(prefixes: readonly string[]): Promise<void> {
    const reading = this.#reading.then(async () => {
      for (let at = 0; at < prefixes.length; at += tenantPage) {
        const some = await this.#options.jobs.eventTriggers(prefixes.slice(at, at + tenantPage))
        for (const tenant of some) this.#tenants.set(tenant.prefix, tenantOf(tenant))
      }
    })
    this.#reading = reading.catch(() => {})
    return reading
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
    this.#netAt = Math.min(this.#netAt, this.#lookedAt + netRestMs)
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

  #mark(ref: DatabaseRef): Dirty {
    const key = databaseKey(ref)
    const dirty = this.#dirty.get(key) ?? { ref, marked: true }
    dirty.marked = true
    this.#dirty.set(key, dirty)
    return dirty
  }

  /** On the way of every write. */
  #concerns({ prefix, name }: DatabaseRef): boolean {
    if (!isFollowed(name) || prefix === 'global') return false
    if (this.#isBuiltIn(name)) return true
    return this.#tenants.get(prefix)?.waiting.some(({ rules }) => concerns(rules, name)) ?? false
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
    if (performance.now() >= this.#netAt) await this.#lookForLeft()
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
    this.#lookedAt = performance.now()
    // A call that was lost is made good here.
    await this.refresh()
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
  async #step({ ref }: Dirty): Promise<boolean> {
    const { jobs } = this.#options
    const place = await jobs.eventPlace(ref)
    if (place === undefined) return false
    const waiting = (await this.#waiting(ref.prefix, place)).filter(({ rules }) => concerns(rules, ref.name))
    const begins = this.#isBuiltIn(ref.name) ? [0n] : waiting.map((one) => beginOf(one, place))
    if (begins.length === 0) {
      await jobs.endEvents(place)
      return false
    }
    // Whole numbers of any size: `Math.min` takes none.
    const [first = 0n] = begins.toSorted((a, b) => (a < b ? -1 : 1))
    const told = place.told ?? 0n
    const after = first > told ? first : told
    if (after >= place.updateSeq) return false
    const found = await jobs.eventPage(place, { after, ...page })
    const made: NewJob[] = []
    let [size, until] = [0, found.until]
    for (const row of found.rows) {
      if (row.id.startsWith('_design/')) continue
      const event = eventOf(ref.name, { ...row, parent: parentOf(row) })
      const concerned = waiting.filter((one) => row.seq > beginOf(one, place))
      const own = await this.#jobsOf(ref, event, concerned)
      made.push(...own)
      size = own.reduce((sum, { body }) => sum + body.text.length, size)
      if (size <= maxMade) continue
      until = row.seq
      break
    }
    // Where somebody else told them meanwhile, the next page shows what is left.
    return !(await jobs.eventsDone(ref, place, until, made)) || until < place.updateSeq
  }

  /** All triggers of a tenant that were there when what a place shows was committed. */
  async #waiting(prefix: string, { triggers }: EventPlace): Promise<readonly Waiting[]> {
    if (this.#tenants.get(prefix)?.version !== triggers) await this.#read([prefix])
    return this.#tenants.get(prefix)?.waiting ?? []
  }

  async #jobsOf(
    { prefix }: DatabaseRef,
    event: DocumentEvent,
    waiting: readonly Waiting[],
  ): Promise<readonly NewJob[]> {
    const above = this.#aboveOf(prefix, event)
    const made: NewJob[] = []
    for (const { worker, rules } of this.#builtIn) {
      if (!concerns(rules, event.type) || !(await matchesEvent(rules, event, above))) continue
      const domain = await this.#options.domainOf(prefix)
      if (domain === undefined) continue
      const tenant = { prefix, domain }
      made.push(newJob({ tenant, worker, message: null, event: eventMembers(tenant, event) }).job)
    }
    for (const { trigger, rules } of waiting) {
      if (!(await matchesEvent(rules, event, above))) continue
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

function tenantOf({ prefix, version, triggers }: TenantTriggers): Tenant {
  const waiting = triggers.flatMap(({ id, text, begins }): Waiting[] => {
    const trigger = triggerOf(id, undefined, membersOf(text), prefix)
    const rules = parseEventRules(trigger.arguments)
    const isKnown = trigger.worker === clientWorker || isKnownWorker(trigger.worker)
    return rules === undefined || !isKnown ? [] : [{ trigger, rules, begins }]
  })
  return { version, waiting }
}

/** A trigger is told of what lies behind. */
function beginOf({ begins }: Waiting, { epoch }: EventPlace): bigint {
  return begins.get(epoch) ?? 0n
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
