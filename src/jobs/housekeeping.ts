/** What is done once a day for every instance: old jobs are forgotten, old trash is emptied by a job. One process does it. */
import type { Instance, InstanceAdministration } from '../instances/service.ts'
import type { Log } from '../log.ts'
import type { Jobs } from './service.ts'

const page = 100

export interface HousekeepingOptions {
  readonly instances: Pick<InstanceAdministration, 'list'>
  readonly jobs: Pick<Jobs, 'purge' | 'push'>
  readonly log: Log
  /** Milliseconds that jobs which have ended are kept. */
  readonly keepMs: number
  readonly cleansTrash: (instance: Instance) => boolean
}

export class Housekeeping {
  readonly #options: HousekeepingOptions

  constructor(options: HousekeepingOptions) {
    this.#options = options
  }

  /** Stops after the instance that is under way when the signal says so. */
  async run(signal?: AbortSignal): Promise<void> {
    const { instances, jobs, log, keepMs, cleansTrash } = this.#options
    let cursor: string | undefined
    do {
      const { instances: some, next } = await instances.list({ limit: page, cursor })
      for (const instance of some) {
        if (signal?.aborted) return
        // One that is being deleted, or has lost its jobs, must not keep it from everybody behind it.
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
}
