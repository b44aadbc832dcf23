/** Work that comes again and again and is done for all processes by one of them: whose turn it is the store says. */
import type { JobStore } from '../../storage/jobs/contract.ts'
import type { Log } from '../log.ts'

/** Work of a long period is looked for this often, so that a process that starts late does not put it off. */
const lookMs = 10 * 60_000
/** Clocks of timers are not exact: what is nearly due is done. */
const nearly = 0.9

export interface RecurringWork {
  /** The same in all processes. */
  readonly name: string
  readonly everyMs: number
  /** Does all of it, or stops early when the signal says so: the next turn goes on. */
  run(signal: AbortSignal): Promise<unknown>
}

export interface RecurringOptions {
  readonly store: Pick<JobStore, 'isTurn'>
  readonly log: Log
  readonly works: readonly RecurringWork[]
}

export class Recurring {
  readonly #options: RecurringOptions
  readonly #ending = new AbortController()
  readonly #running = new Map<string, Promise<void>>()
  #timers: readonly ReturnType<typeof setInterval>[] = []

  constructor(options: RecurringOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#timers.length > 0) return
    this.#timers = this.#options.works.map((work) => {
      const timer = setInterval(() => this.#look(work), Math.min(work.everyMs, lookMs))
      timer.unref()
      return timer
    })
  }

  /** Tells what is under way to stop, and waits for it. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#ending.abort()
    await Promise.all(this.#running.values())
  }

  #look(work: RecurringWork): void {
    if (this.#running.has(work.name) || this.#ending.signal.aborted) return
    const { log } = this.#options
    const running = this.#take(work)
      .catch((error: unknown) => {
        if (!this.#ending.signal.aborted) log.warning('recurring work failed', { work: work.name, error })
      })
      .finally(() => this.#running.delete(work.name))
    this.#running.set(work.name, running)
  }

  async #take({ name, everyMs, run }: RecurringWork): Promise<void> {
    if (await this.#options.store.isTurn(name, everyMs * nearly)) await run(this.#ending.signal)
  }
}
