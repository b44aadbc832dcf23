/** Fires triggers whose time has come. Every process looks; each firing is one commit, so one of them does it. */
import type { DueTrigger, Firing, JobStore } from '../../storage/jobs/contract.ts'
import { Alarm } from '../documents/alarm.ts'
import { membersOf } from '../instances/own-documents.ts'
import type { Log } from '../log.ts'
import { Problem } from '../model/errors.ts'
import { newJob } from './new-job.ts'
import { createdAt, jobOfTrigger, scheduleOf, triggerOf } from './trigger-document.ts'
import { clientWorker, isKnownWorker } from './worker-names.ts'

const page = 100
/** Reads without having been notified, in case a notification was lost. */
const lookMs = 30_000
const retryMs = 1_000

export interface SchedulerOptions {
  readonly store: JobStore
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #alarm = new Alarm()
  #stopped = false
  #serving: Promise<void> | undefined
  #unwatch: (() => void) | undefined

  constructor(options: SchedulerOptions) {
    this.#options = options
  }

  start(): void {
    this.#unwatch = this.#options.store.watch('triggers', this.#alarm.ring)
    this.#serving ??= this.#serve()
  }

  async close(): Promise<void> {
    this.#stopped = true
    this.#unwatch?.()
    this.#alarm.ring()
    await this.#serving
  }

  async #serve(): Promise<void> {
    let failing = false
    while (!this.#stopped) {
      this.#alarm.clear()
      let pauseMs = retryMs
      try {
        pauseMs = await this.#look()
        failing = false
      } catch (error) {
        if (!failing) this.#options.log.warning('triggers are late', { error })
        failing = true
      }
      if (!this.#stopped) await this.#alarm.wait(pauseMs)
    }
  }

  /** @returns milliseconds until the next trigger is due */
  async #look(): Promise<number> {
    const { store, now = Date.now } = this.#options
    const due = await store.dueTriggers(page)
    let failure: { readonly error: unknown } | undefined
    for (const trigger of due) {
      if (this.#stopped) break
      // One that cannot be fired must not delay all others.
      try {
        await store.fire(firingOf(trigger, now()))
      } catch (error) {
        if (error instanceof Problem && error.code === 'store_unavailable') throw error
        failure ??= { error }
      }
    }
    if (failure !== undefined) throw failure.error
    if (due.length === page) return 0
    const next = await store.nextTrigger()
    return Math.min(lookMs, Math.max(due.length === 0 ? 20 : 0, (next ?? Number.POSITIVE_INFINITY) - now()))
  }
}

/** The next step of a trigger that is due or new. */
export function firingOf(due: DueTrigger, nowMs: number, zone?: string): Firing {
  const { prefix, id, version, dueMs } = due
  const trigger = triggerOf(id, undefined, membersOf(due.text), prefix)
  const schedule = scheduleOf(trigger, zone)
  const at = { prefix, id, version }
  if (schedule === undefined) return { trigger: at, jobs: [], next: 'never' }
  const created = createdAt(trigger) ?? nowMs
  if (dueMs === undefined) {
    // What was created while no server ran, or was restored, begins now; a single moment may be a little late.
    const next = schedule.next(nowMs, created)
    return { trigger: at, jobs: [], next: next ?? 'never' }
  }
  const isKnown = trigger.worker === clientWorker || isKnownWorker(trigger.worker)
  const jobs = isKnown ? [newJob(jobOfTrigger(trigger)).job] : []
  return { trigger: at, jobs, next: schedule.once ? 'remove' : (schedule.next(nowMs, created) ?? 'never') }
}
