/**
 * Work that happens later or again. `openJobs` in jobs.ts implements it over a `JobStore`: whoever needs work done pushes a
 * job, whoever does it registers a worker. A job runs at least once: it is begun again when its process died, so workers
 * must tolerate being run twice.
 */

import type { Log } from '../log.ts'
import type { Json, JsonObject } from '../model/json/value.ts'

/** Whose job it is. */
export interface Tenant {
  readonly prefix: string
  readonly domain: string
}

export interface JobOptions {
  /** How many attempts it gets. Default: the worker's. */
  readonly maxExecCount?: number | undefined
  /** Seconds for one attempt. Default: the worker's. */
  readonly timeout?: number | undefined
}

export interface JobOrder {
  readonly tenant: Tenant
  /** The name of a worker of `knownWorkers`. */
  readonly worker: string
  readonly message: Json
  readonly options?: JobOptions | undefined
  readonly triggerId?: string | undefined
  readonly manual?: boolean | undefined
  readonly forwardLogs?: boolean | undefined
  /** The event, for jobs of triggers. */
  readonly event?: JsonObject | undefined
  /** The payload of a webhook. */
  readonly payload?: Json | undefined
  /** Milliseconds until it may begin. */
  readonly delayMs?: number | undefined
  /** A client asked for it: `Task.trusted` is false then. Default false. */
  readonly fromClient?: boolean | undefined
}

export type JobState = 'queued' | 'running' | 'done' | 'errored'

/** A document of `io.cozy.jobs`. */
export interface Job {
  readonly id: string
  readonly rev: string
  /** The members of the document, numbers as they were written. */
  readonly members: JsonObject
  readonly worker: string
  readonly state: JobState
}

/** One try of a job. */
export interface Task {
  readonly id: string
  readonly tenant: Tenant
  readonly worker: string
  readonly message: Json
  readonly event: JsonObject | undefined
  readonly payload: Json | undefined
  /** Made by this server; false: a client chose the message, which must not be trusted more than the client. */
  readonly trusted: boolean
  /** From 1: failed attempts count, processes that died do not. */
  readonly attempt: number
  /** How many processes died while they ran it. */
  readonly deaths: number
  /** Aborted at the time limit, when the server stops, and when the job was taken away. The worker should then end soon. */
  readonly signal: AbortSignal
  readonly log: Log
  /** Reports progress: `done` of `of` (absent: unknown) in a unit such as `bytes` or `files`. Written once a second at most. */
  progress(done: number, of: number | undefined, unit: string): void
}

export interface Worker {
  readonly name: string
  /** Jobs that one process runs at a time. Default 4. */
  readonly concurrency?: number
  /** Default 1. */
  readonly maxExecCount?: number
  /** Seconds for one try. Default 10. */
  readonly timeout?: number
  /** Milliseconds before a try after `failures` ones. Default: 100 ms, doubled each time up to a minute. */
  retryDelayMs?(failures: number): number
  /** Does the work. An error ends the attempt; its message is shown to the job's owner (see `JobFailure`). */
  run(task: Task): Promise<void>
}

/**
 * A failure whose message is meant for the owner of the job. Other errors are shown as `the worker failed`, and only the
 * log says more. `final`: no further try is made.
 */
export class JobFailure extends Error {
  override readonly name = 'JobFailure'
  readonly final: boolean

  constructor(message: string, options: { readonly final?: boolean; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.final = options.final ?? false
  }
}

/** Queues jobs. */
export interface JobQueue {
  /** Resolves when the job is on disk. Throws `not_found` for a worker that nobody knows. */
  push(order: JobOrder): Promise<Job>
  /** Several at once, in one commit. */
  pushAll(orders: readonly JobOrder[]): Promise<readonly Job[]>
}

export interface Jobs extends JobQueue {
  /** Lets this process run the jobs of a worker. To be called before `start`. */
  register(worker: Worker): void
  /** Begins to take jobs and to fire triggers. */
  start(): void
  /** Stops taking jobs, ends running ones (they are started again elsewhere) and resolves. */
  close(): Promise<void>
  /** The job; `undefined` when there is none. */
  find(prefix: string, id: string): Promise<Job | undefined>
  /** Jobs of a worker that have not ended, the oldest first. */
  waiting(prefix: string, worker: string, limit: number): Promise<readonly Job[]>
  /** Ends a job from outside. @throws Problem `not_found` */
  finish(prefix: string, id: string, end: { readonly state: 'done' | 'errored'; readonly error?: string }): Promise<Job>
  /** Ends jobs that have waited or run for longer than an hour. Resolves to how many. */
  clean(prefix: string): Promise<number>
  /** Deletes the documents of ended jobs beyond the newest fifty of each worker and state that are older than `ageMs`. */
  purge(prefix: string, options: { readonly ageMs: number; readonly workers?: readonly string[] }): Promise<number>
  /** Jobs that run in this process. */
  readonly running: number
}
