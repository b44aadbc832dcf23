/**
 * What jobs ask of the place that keeps them, beside what a `DocumentStore` gives. A job is a document of `io.cozy.jobs`;
 * while it waits or runs there is also an entry in the queue, and both change in one commit, so that neither is ever
 * without the other after a crash. What the members of the documents mean is known in `src/jobs`.
 */
import type { Body, DatabaseRef, RevisionId } from '../documents/contract.ts'

export const jobsDoctype = 'io.cozy.jobs'
export const triggersDoctype = 'io.cozy.triggers'

/** A job to be queued. */
export interface NewJob {
  readonly prefix: string
  readonly id: string
  readonly worker: string
  readonly body: Body
  /** Made by the server, not by a client: its message can be trusted. */
  readonly trusted: boolean
  /** Absent: it only gets a document and no process takes it (a client does the work and reports it). */
  readonly queue?: {
    /** Milliseconds until it may be taken. */
    readonly delayMs: number
    /**
     * A trigger that debounces its events: while one of its jobs is waiting for its time, that job's members become what `merge`
     * makes of them, and no new job is made. A debounced job has no document until it is taken.
     */
    readonly gather?: { readonly trigger: string; merge(waiting: string): string }
  }
}

/** An entry of the queue that this process has taken. */
export interface TakenJob {
  readonly prefix: string
  readonly id: string
  readonly worker: string
  /** Members of its document as they were when it was queued: JSON text. */
  readonly text: string
  readonly trusted: boolean
  /** It has no document yet. */
  readonly isNew: boolean
  /** How often it has failed. */
  readonly errors: number
  /** How many processes ended while they ran it. */
  readonly deaths: number
}

/** What is written about a job that this process has taken. */
export interface JobRecord {
  readonly prefix: string
  readonly id: string
  /** The new body of the document; absent: it stays. */
  readonly body?: Body | undefined
  readonly then: JobStep
}

export type JobStep =
  /** It is still running. */
  | { readonly kind: 'keep' }
  /** It has ended. */
  | { readonly kind: 'end' }
  /** It is returned to the queue and may be taken again after a time; `failed` counts an error. */
  | { readonly kind: 'again'; readonly delayMs: number; readonly failed: boolean }

/** A trigger that is due, or whose next time has not been computed. */
export interface DueTrigger {
  readonly prefix: string
  readonly id: string
  /** Its document as JSON text, without `_id` and `_rev`. */
  readonly text: string
  /** Milliseconds since 1970; absent: it has to be computed. */
  readonly dueMs: number | undefined
  /** As read: `fire` does nothing when it has changed since. */
  readonly version: string
}

export interface Firing {
  readonly trigger: Pick<DueTrigger, 'prefix' | 'id' | 'version'>
  readonly jobs: readonly NewJob[]
  /** When it is due next in milliseconds since 1970; `never` leaves the document, `remove` deletes it. */
  readonly next: number | 'never' | 'remove'
}

/** A trigger of the type `@event`. */
export interface EventTrigger {
  readonly id: string
  /** Its document as JSON text, without `_id` and `_rev`. */
  readonly text: string
  /** What each database had come to when the trigger was made, by `EventPlace.epoch`; of others all is new to it. */
  readonly begins: ReadonlyMap<string, bigint>
}

export interface TenantTriggers {
  readonly prefix: string
  /** Changes with every change of a trigger; empty when the tenant never had one. */
  readonly version: string
  readonly triggers: readonly EventTrigger[]
}

/** How far a database has come, and up to where its events have been handled, read in one snapshot. */
export interface EventPlace {
  /** Unique for each database that ever existed. */
  readonly epoch: string
  readonly updateSeq: bigint
  /** `undefined`: its events have never been handled. */
  readonly told: bigint | undefined
  /** `TenantTriggers.version` at that moment: who knows these triggers knows all that what was committed concerns. */
  readonly triggers: string
}

/** A revision that was committed as the winner, with what it was made from where that is still kept. */
export interface ChangedForEvents {
  readonly id: string
  readonly seq: bigint
  readonly gen: number
  readonly hash: string
  readonly deleted: boolean
  readonly leaves: number
  readonly text: string
  readonly parent: { readonly hash: string; readonly deleted: boolean; readonly text: string | undefined } | undefined
}

/** A page of commits whose events have not been handled. */
export interface EventPage {
  readonly rows: readonly ChangedForEvents[]
  /** Where it ends. */
  readonly until: bigint
  readonly full: boolean
}

/** A database with events that have not been handled; whoever looks twice and finds the same `position` knows that no one is handling it. */
export interface Untold {
  readonly ref: DatabaseRef
  readonly position: string
}

/** The jobs that a trigger's state is derived from; texts are documents without `_id` and `_rev`. */
export interface StoredJob extends RevisionId {
  readonly id: string
  readonly text: string
}

export interface JobStore {
  /** Writes documents and entries in one commit. Gives the first revision of each; `undefined` where a gathering job has none. */
  push(jobs: readonly NewJob[]): Promise<readonly (RevisionId | undefined)[]>
  /**
   * Takes at most `slots` jobs of a worker for the process `by`, which is believed to be alive for `leaseMs` from now and
   * after each `renew`. Guarantee: no job is taken by two at a time. Tenants take turns, beginning after `after`.
   */
  take(worker: string, options: TakeOptions): Promise<readonly TakenJob[]>
  /** Takes one of the jobs of some workers that two processes or more ended with; `take` leaves these. */
  takeSuspect(workers: readonly string[], options: Pick<TakeOptions, 'by' | 'leaseMs'>): Promise<TakenJob | undefined>
  /** Workers that have jobs which may be taken now, and whether `takeSuspect` may find any. */
  ready(): Promise<{ readonly workers: readonly string[]; readonly suspects: boolean }>
  /**
   * Lets jobs be taken whose time has come, and those of processes other than `by` that are believed to be dead. Resolves to the
   * milliseconds until the next job's time comes.
   */
  ripen(by: string): Promise<number | undefined>
  /**
   * Lets jobs be taken again at once that processes had which `hasEnded` is sure of. `onThisMachine` is told where no
   * process of another machine can have taken them. Resolves to how many there were.
   */
  recover(hasEnded: (by: string, known: { readonly onThisMachine: boolean }) => boolean): Promise<number>
  /** Reports for all jobs of a process that it is alive. Resolves to those that it has. */
  renew(by: string, leaseMs: number): Promise<readonly { readonly prefix: string; readonly id: string }[]>
  /**
   * Writes what became of jobs, document and entry in one commit. False for those that the process does not have any
   * more: nothing of them is written.
   */
  record(by: string, records: readonly JobRecord[]): Promise<readonly boolean[]>
  /** Returns everything that a process has taken to the queue. */
  release(by: string): Promise<number>
  /** Removes jobs from the queue, taken or not, and writes their documents. Resolves to how many documents were written. */
  end(
    jobs: readonly { readonly prefix: string; readonly id: string; readonly body: Body | undefined }[],
  ): Promise<number>

  /** Calls `listener` soon after any process queued jobs, or woke the schedulers of triggers; sometimes without cause. */
  watch(what: 'queue' | 'triggers', listener: () => void): () => void
  /** Tells the listeners of all processes that triggers changed. */
  wakeTriggers(): void

  /** Jobs of a tenant in some states, the oldest first, and the newest of a trigger. Documents as JSON text. */
  list(prefix: string, filter: JobFilter): Promise<readonly StoredJob[]>
  /** The newest jobs of each of these triggers, newest first. */
  ofTriggers(
    prefix: string,
    triggers: readonly string[],
    limit: number,
  ): Promise<readonly (StoredJob & { readonly trigger: string })[]>

  /** Triggers that are due or whose time has to be computed, the most urgent first. */
  dueTriggers(limit: number): Promise<readonly DueTrigger[]>
  /** When the next trigger is due, in milliseconds since 1970. */
  nextTrigger(): Promise<number | undefined>
  /** Queues jobs and sets the trigger's next time in one commit. False when the trigger changed since it was read. */
  fire(firing: Firing): Promise<boolean>

  /** Tenants with triggers for events, and `TenantTriggers.version` of each. */
  eventTenants(): Promise<ReadonlyMap<string, string>>
  /** The triggers for events of tenants, in the order asked. */
  eventTriggers(prefixes: readonly string[]): Promise<readonly TenantTriggers[]>
  /** `undefined` when there is no such database. */
  eventPlace(ref: DatabaseRef): Promise<EventPlace | undefined>
  /** What was committed after `after` up to the place, by sequence: at most this many rows and bytes of bodies, but at least one row. */
  eventPage(
    place: EventPlace,
    range: { readonly after: bigint; readonly rows: number; readonly bytes: number },
  ): Promise<EventPage>
  /** Queues the jobs of a page and moves on to `until` in one commit. False when somebody moved on since the look. */
  eventsDone(ref: DatabaseRef, place: EventPlace, until: bigint, jobs: readonly NewJob[]): Promise<boolean>
  /** Forgets how far a database was told that no trigger waits for, unless somebody moved on since the look. */
  endEvents(place: EventPlace): Promise<void>
  /** Databases of which something has not been told: those that triggers wait for, and all named `name`. */
  untold(name: string): Promise<readonly Untold[]>

  /** True for exactly one of the processes that ask, once every `everyMs`. */
  isTurn(name: string, everyMs: number): Promise<boolean>
}

export interface TakeOptions {
  readonly slots: number
  readonly after: string
  readonly by: string
  readonly leaseMs: number
}

export interface JobFilter {
  readonly worker?: string | undefined
  readonly states: readonly string[]
  readonly limit: number
}
