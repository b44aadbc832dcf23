/** One attempt at a job that this process has taken; writes its outcome. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Body } from '../../storage/documents/contract.ts'
import type { JobStep, JobStore, TakenJob } from '../../storage/jobs/contract.ts'
import { membersOf } from '../instances/own-documents.ts'
import type { Log } from '../log.ts'
import { Problem } from '../model/errors.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'
import type { Admission } from './admission.ts'
import {
  decoded,
  finishedMembers,
  jobBody,
  optionsOf,
  type Progress,
  progressMembers,
  queuedAgainMembers,
  startedMembers,
} from './job-document.ts'
import { JobFailure, type JobOptions, type Task, type Tenant, type Worker } from './service.ts'

/** How many processes may die while running a job before it fails. */
const maxDeaths = 3
const defaultTimeout = 10
/** How long to wait for a worker that does not stop when told to. */
const graceMs = 5_000
const progressEveryMs = 1_000
/** How long a job waits when its instance is not ready. */
const waitMs = 5 * 60_000
/** The same where the instance is not found: it may have been created a moment ago. */
const missingMs = 10_000
/** Jobs of instances that have been missing for longer are deleted. */
const forgottenMs = 24 * 3_600_000
/** Milliseconds at most between two attempts to reach the store. */
const storePauseMs = 10_000
/** Attempts to reach it while the server stops. */
const stoppingTries = 3

export interface AttemptOptions {
  readonly store: JobStore
  readonly admit: (tenant: Tenant, worker: string) => Promise<Admission>
  readonly log: Log
  readonly mostOfClients: Required<JobOptions>
  readonly by: string
  readonly worker: Worker
  readonly job: TakenJob
}

export class Attempt {
  /** Resolves when all is written; never rejects. */
  readonly ended: Promise<void>
  readonly #options: AttemptOptions
  readonly #controller = new AbortController()
  readonly #log: Log
  #members: JsonObject
  /** It waits in the queue again. */
  isPutBack = false
  #outcome: 'stopped' | 'lost' | undefined
  #lastProgress = 0
  #writing: Promise<unknown> = Promise.resolve()

  constructor(options: AttemptOptions) {
    this.#options = options
    const { prefix, id, worker } = options.job
    this.#log = options.log.with({ job: id, worker, tenant: prefix })
    this.#members = membersOf(options.job.text)
    this.ended = this.#live().catch((error: unknown) => this.#log.error('a job was left', { error }))
  }

  /** The server is stopping: the next one starts the job again. */
  stop(): void {
    this.#outcome ??= 'stopped'
    this.#controller.abort(new JobFailure('the server is stopping'))
  }

  /** Another process has it. */
  lose(): void {
    this.#outcome = 'lost'
    this.#controller.abort(new JobFailure('another process has taken the job'))
  }

  async #live(): Promise<void> {
    const { job, admit, worker } = this.#options
    const admission = await this.#untilDone(() => admit(this.#tenant, worker.name))
    if (admission !== 'run') {
      await this.#putOff(admission)
      return
    }
    if (job.deaths >= maxDeaths) {
      this.#log.error('a job is abandoned: the processes that ran it died', { deaths: job.deaths })
      await this.#finish(`the server died ${job.deaths} times while it ran this job`)
      return
    }
    this.#members = startedMembers(this.#members, now())
    if (!(await this.#write({ kind: 'keep' }, this.#body()))) return
    const failure = await this.#work()
    await this.#writing
    if (this.#outcome === 'lost') return
    // An attempt that finished before it noticed counts as finished.
    if (this.#outcome === 'stopped' && failure !== undefined) return
    if (failure === undefined) await this.#finish(undefined)
    else await this.#fail(failure)
  }

  /** Its instance is missing or not ready. */
  async #putOff(admission: Exclude<Admission, 'run'>): Promise<void> {
    const age = Date.now() - Date.parse(String(this.#members['queued_at']))
    if (admission === 'missing' && age > forgottenMs) {
      await this.#write({ kind: 'end' })
      return
    }
    const delayMs = admission === 'missing' ? missingMs : waitMs
    // A debounced job gets its document now: later events go to another job.
    const body = this.#options.job.isNew ? this.#body() : undefined
    await this.#write({ kind: 'again', delayMs, failed: false }, body)
  }

  /** @returns what went wrong */
  async #work(): Promise<Error | undefined> {
    const { worker, job } = this.#options
    const { signal } = this.#controller
    const seconds = this.#allowed('timeout', worker.timeout ?? defaultTimeout)
    const timer = setTimeout(
      () => this.#controller.abort(new JobFailure('timeout')),
      Math.min(seconds * 1000, 2 ** 31 - 1),
    )
    const input: Pick<Task, 'event' | 'payload'> = { event: this.#event(), payload: decoded(this.#members['payload']) }
    const task: Task = {
      id: job.id,
      tenant: this.#tenant,
      worker: worker.name,
      message: this.#members['message'] ?? null,
      ...input,
      trusted: job.trusted,
      attempt: job.errors + 1,
      deaths: job.deaths,
      signal,
      log: this.#log,
      progress: (done, of, unit) => this.#progress({ done, of, unit }),
    }
    const deserted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => setTimeout(() => reject(signal.reason), graceMs).unref(), { once: true })
    })
    deserted.catch(() => {})
    try {
      await Promise.race([worker.run(task), deserted])
      return undefined
    } catch (error) {
      if (signal.aborted) return signal.reason as Error
      return error instanceof Error ? error : new Error(String(error))
    } finally {
      clearTimeout(timer)
    }
  }

  async #fail(error: Error): Promise<void> {
    const { worker, job } = this.#options
    const failures = job.errors + 1
    const tries = this.#allowed('maxExecCount', worker.maxExecCount ?? 1)
    const message = messageOf(error)
    const isLast = failures >= tries || (error instanceof JobFailure && error.final)
    this.#log.warning('a job failed', { attempt: failures, of: tries, error })
    if (isLast) {
      await this.#finish(message)
      return
    }
    this.#members = queuedAgainMembers(this.#members, message)
    const delayMs = worker.retryDelayMs?.(failures) ?? Math.min(60_000, 100 * 2 ** (failures - 1))
    await this.#write({ kind: 'again', delayMs, failed: true }, this.#body())
  }

  /** What the job asks for, reduced to what is allowed for clients. */
  #allowed(option: keyof JobOptions, own: number): number {
    const { job, mostOfClients } = this.#options
    const asked = optionsOf(this.#members)[option] ?? own
    return job.trusted ? asked : Math.min(asked, Math.max(own, mostOfClients[option] ?? own))
  }

  async #finish(error: string | undefined): Promise<void> {
    this.#members = finishedMembers(this.#members, now(), error)
    await this.#write({ kind: 'end' }, this.#body())
  }

  #progress(progress: Progress): void {
    const time = performance.now()
    if (this.#controller.signal.aborted || time - this.#lastProgress < progressEveryMs) return
    this.#lastProgress = time
    this.#members = progressMembers(this.#members, progress)
    this.#writing = this.#write({ kind: 'keep' }, this.#body()).catch(() => false)
  }

  /** False when another process has the job. */
  async #write(then: JobStep, body?: Body): Promise<boolean> {
    const { store, by, job } = this.#options
    this.isPutBack = then.kind === 'again'
    const record = { prefix: job.prefix, id: job.id, body, then }
    const [written] = await this.#untilDone(() => store.record(by, [record]))
    return written ?? false
  }

  /**
   * Tries again for as long as the store fails: a job that nobody looks after would stay with this process as long as that
   * lives. Gives up when the server stops or another process has the job.
   */
  async #untilDone<Result>(work: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work()
      } catch (error) {
        if (this.#outcome === 'lost' || (this.#outcome === 'stopped' && attempt >= stoppingTries)) throw error
        if (attempt === 1) this.#log.warning('a job waits for the store', { error })
        await sleep(Math.min(storePauseMs, 50 * 2 ** attempt))
      }
    }
  }

  #body(): Body {
    return jobBody(this.#options.job.id, this.#members)
  }

  get #tenant(): Tenant {
    return { prefix: this.#options.job.prefix, domain: String(this.#members['domain'] ?? '') }
  }

  #event(): JsonObject | undefined {
    const event = decoded(this.#members['event'])
    return isObject(event) ? event : undefined
  }
}

/** The message that the owner of the job sees. */
function messageOf(error: Error): string {
  if (error instanceof JobFailure) return error.message
  return error instanceof Problem ? error.reason : 'the worker failed'
}

function now(): string {
  return new Date().toISOString()
}
