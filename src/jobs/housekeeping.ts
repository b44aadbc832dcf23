/** What is done once a day for every instance: old jobs are forgotten, old trash is emptied by a job. One process does it. */
import type { JobStore } from '../../storage/jobs/contract.ts'
import type { Instance, InstanceAdministration } from '../instances/service.ts'
import type { Log } from '../log.ts'
import type { Jobs } from './service.ts'

const dayMs = 24 * 3_600_000
const lookMs = 10 * 60_000
const page = 100

export interface HousekeepingOptions {
  readonly store: Pick<JobStore, 'isTurn'>
  readonly instances: Pick<InstanceAdministration, 'list'>
  readonly jobs: Pick<Jobs, 'purge' | 'push'>
  readonly log: Log
  /** Milliseconds that jobs which have ended are kept. */
  readonly keepMs: number
  readonly cleansTrash: (instance: Instance) => boolean
}

export class Housekeeping {
  readonly #options: HousekeepingOptions
  #timer: ReturnType<typeof setInterval> | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: HousekeepingOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.#running = this.#look()
    }, lookMs)
    this.#timer.unref()
  }

  async close(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#running
  }

  /** Does it now, even if it is another process's turn. */
  async run(): Promise<void> {
    const { instances, jobs, log, keepMs, cleansTrash } = this.#options
    let cursor: string | undefined
    do {
      const { instances: some, next } = await instances.list({ limit: page, cursor })
      for (const instance of some) {
        if (this.#stopped) return
        // One that is being deleted, or has lost its jobs, must not block all those after it.
        try {
          await jobs.purge(instance.prefix, { ageMs: keepMs })
          if (cleansTrash(instance)) await jobs.push({ tenant: instance, worker: 'clean-old-trashed', message: null })
        } catch (error) {
          log.warning('housekeeping failed for an instance', { instance: instance.domain, error })
        }
      }
      cursor = next
    } while (cursor !== undefined)
  }

  async #look(): Promise<void> {
    try {
      if (await this.#options.store.isTurn('jobs.housekeeping', dayMs)) await this.run()
    } catch (error) {
      this.#options.log.warning('housekeeping failed', { error })
    }
  }
}
