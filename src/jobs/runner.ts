/** Takes jobs from the queue and runs them in this process, a few of each worker at a time. */
import type { JobStore, TakenJob } from '../../storage/jobs/contract.ts'
import { Alarm } from '../documents/alarm.ts'
import type { Log } from '../log.ts'
import type { Admission } from './admission.ts'
import { Attempt } from './attempt.ts'
import { hasEnded, newProcessName } from './process-name.ts'
import { JobFailure, type JobOptions, type Tenant, type Worker } from './service.ts'
import { knownWorkers } from './worker-names.ts'

const defaultConcurrency = 4
/** Reads without having been notified, in case a notification was lost. */
const lookMs = 5_000
const retryMs = 1_000
/** Least milliseconds between two checks for jobs whose time has come. */
const restMs = 50
/** Attempts that were told to end get this much time. */
const patienceMs = 3_000

export interface RunnerOptions {
  readonly store: JobStore
  readonly admit: (tenant: Tenant, worker: string) => Promise<Admission>
  readonly log: Log
  readonly leaseMs: number
  /** Of all workers together. */
  readonly concurrency: number
  readonly limits: Readonly<Record<string, WorkerLimits>>
  /** What clients may choose at most, unless the worker's own is more. */
  readonly mostOfClients: Required<JobOptions>
}

/** Settings that replace a worker's own. */
export interface WorkerLimits {
  readonly concurrency?: number | undefined
  readonly max_exec_count?: number | undefined
  /** Seconds. */
  readonly timeout?: number | undefined
}

/** The jobs of one worker in this process. */
interface Lane {
  readonly worker: Worker
  running: number
  /** The tenant that was served last: the next turn begins after it. */
  after: string
  /** There may be more jobs than were taken. */
  more: boolean
}

export class Runner {
  readonly #by = newProcessName()
  readonly #lanes = new Map<string, Lane>()
  readonly #attempts = new Map<string, Attempt>()
  readonly #alarm = new Alarm()
  readonly #options: RunnerOptions
  /** There may be jobs that two processes ended with: one at a time is run here, so that only the culprit dies again. */
  #suspects = true
  #suspect: Attempt | undefined
  #stopped = false
  /** A job was queued. */
  #called = true
  /** When to look next for jobs whose time has come, by the process's clock. */
  #ripenAt = 0
  #ripened = Number.NEGATIVE_INFINITY
  #unwatch: (() => void) | undefined
  #renewing: ReturnType<typeof setInterval> | undefined
  #serving: Promise<void> | undefined

  constructor(options: RunnerOptions) {
    this.#options = options
    for (const name of knownWorkers) this.register(missingWorker(name))
  }

  get running(): number {
    return this.#attempts.size
  }

  register(worker: Worker): void {
    const { concurrency, max_exec_count, timeout } = this.#options.limits[worker.name] ?? {}
    const limited = {
      ...worker,
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(max_exec_count === undefined ? {} : { maxExecCount: max_exec_count }),
      ...(timeout === undefined ? {} : { timeout }),
    }
    this.#lanes.set(worker.name, { worker: limited, running: 0, after: '', more: true })
  }

  start(): void {
    const { store, leaseMs, concurrency } = this.#options
    if (this.#serving !== undefined || concurrency === 0) return
    this.#unwatch = store.watch('queue', () => this.#call())
    this.#renewing = setInterval(() => void this.#renew(), leaseMs / 4)
    this.#serving = this.#serve()
  }

  async close(): Promise<void> {
    this.#stopped = true
    this.#unwatch?.()
    this.#alarm.ring()
    await this.#serving
    for (const attempt of this.#attempts.values()) attempt.stop()
    const ends = [...this.#attempts.values()].map((attempt) => attempt.ended)
    let timer: ReturnType<typeof setTimeout> | undefined
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, patienceMs)
    })
    await Promise.race([Promise.all(ends), patience])
    clearTimeout(timer)
    clearInterval(this.#renewing)
    // If this fails, the jobs are started again when their lease ends.
    if (this.#serving !== undefined) await this.#options.store.release(this.#by).catch(() => 0)
  }

  #call(): void {
    this.#called = true
    this.#alarm.ring()
  }

  async #serve(): Promise<void> {
    const { store, log } = this.#options
    let failing = false
    const recovered = await store.recover(hasEnded).catch(() => 0)
    if (recovered > 0) log.info('jobs are started again', { count: recovered })
    while (!this.#stopped) {
      this.#alarm.clear()
      let pauseMs = lookMs
      try {
        pauseMs = await this.#look()
        failing = false
      } catch (error) {
        if (!failing) log.warning('jobs are late', { error })
        failing = true
        this.#called = true
        pauseMs = retryMs
      }
      if (!this.#stopped) await this.#alarm.wait(pauseMs)
    }
  }

  /** Takes as many jobs as there are free slots. @returns milliseconds until there may be one without a notification */
  async #look(): Promise<number> {
    const { store } = this.#options
    const now = performance.now()
    // What was queued just now may be for later.
    if (now >= this.#ripenAt || (this.#called && now >= this.#ripened + restMs)) {
      const nextMs = await store.ripen(this.#by)
      this.#ripened = performance.now()
      this.#ripenAt = this.#ripened + Math.min(lookMs, this.#options.leaseMs / 2, Math.max(1, nextMs ?? lookMs))
      this.#called = true
    } else if (this.#called) this.#ripenAt = Math.min(this.#ripenAt, this.#ripened + restMs)
    if (this.#called) {
      this.#called = false
      const { workers, suspects } = await store.ready()
      this.#suspects = suspects
      for (const name of workers) {
        const lane = this.#lanes.get(name)
        if (lane) lane.more = true
      }
    }
    if (this.#suspects && this.#suspect === undefined) await this.#takeSuspect()
    for (const lane of this.#lanes.values()) if (lane.more && !this.#stopped) await this.#take(lane)
    return Math.max(0, this.#ripenAt - performance.now())
  }

  async #takeSuspect(): Promise<void> {
    const { store, leaseMs, concurrency } = this.#options
    if (this.#attempts.size >= concurrency) return
    const free = [...this.#lanes].filter(([, lane]) => lane.running < concurrencyOf(lane)).map(([name]) => name)
    const job = await store.takeSuspect(free, { by: this.#by, leaseMs })
    this.#suspects = job !== undefined
    const lane = job && this.#lanes.get(job.worker)
    if (lane) this.#suspect = this.#begin(lane, job)
  }

  async #take(lane: Lane): Promise<void> {
    const { store, leaseMs } = this.#options
    const { name } = lane.worker
    const slots = Math.min(concurrencyOf(lane) - lane.running, this.#options.concurrency - this.#attempts.size)
    if (slots <= 0) return
    const jobs = await store.take(name, { slots, after: lane.after, by: this.#by, leaseMs })
    lane.more = jobs.length === slots
    lane.after = jobs.at(-1)?.prefix ?? lane.after
    for (const job of jobs) this.#begin(lane, job)
  }

  #begin(lane: Lane, job: TakenJob): Attempt {
    const { store, admit, log, mostOfClients } = this.#options
    const key = keyOf(job)
    const attempt = new Attempt({ store, admit, log, mostOfClients, by: this.#by, worker: lane.worker, job })
    this.#attempts.set(key, attempt)
    lane.running += 1
    void attempt.ended.then(() => {
      if (this.#attempts.get(key) === attempt) this.#attempts.delete(key)
      if (this.#suspect === attempt) this.#suspect = undefined
      lane.running -= 1
      if (attempt.isPutBack) this.#call()
      else this.#alarm.ring()
    })
    return attempt
  }

  /** Reports that this process is alive, and ends jobs that were taken away from it because it seemed dead. */
  async #renew(): Promise<void> {
    if (this.#attempts.size === 0) return
    const before = [...this.#attempts]
    try {
      const held = new Set((await this.#options.store.renew(this.#by, this.#options.leaseMs)).map(keyOf))
      for (const [key, attempt] of before) if (!held.has(key)) attempt.lose()
    } catch {
      // The next one tells.
    }
  }
}

function concurrencyOf({ worker }: Lane): number {
  return worker.concurrency ?? defaultConcurrency
}

/** For workers that are known by name only: their jobs fail with this reason. */
function missingWorker(name: string): Worker {
  return {
    name,
    async run() {
      throw new JobFailure(`this server has no worker ${name}`, { final: true })
    },
  }
}

function keyOf({ prefix, id }: { readonly prefix: string; readonly id: string }): string {
  return `${prefix}\n${id}`
}
