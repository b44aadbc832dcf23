/** Deletes bytes that nothing references any more, and the remains of unfinished uploads. */
import type { ObjectLedger } from '../../storage/files/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import type { Log } from '../log.ts'

const batch = 500
/** More than this is left to the sweeper, so that no request waits for it. */
const maxAtOnce = 100
/** A slow store must not delay an answer whose commit is done. */
const patienceMs = 2_000

export interface SweeperOptions {
  readonly ledger: ObjectLedger
  readonly objects: ObjectStore
  readonly log: Log
}

export class Sweeper {
  readonly #running = new Set<Promise<unknown>>()
  #sweeping: Promise<number> | undefined
  #closed = false

  readonly #options: SweeperOptions

  constructor(options: SweeperOptions) {
    this.#options = options
  }

  /** Deletes everything that is due; resolves to how many objects (or whole tenants) there were. */
  sweep(): Promise<number> {
    this.#sweeping ??= this.#sweepAll().finally(() => {
      this.#sweeping = undefined
    })
    return this.#sweeping
  }

  /**
   * Deletes objects that a commit discarded or that nobody will reference: soon, at best before it resolves. What
   * fails here is tried again by the sweep.
   */
  async reclaim(objects: readonly string[]): Promise<void> {
    if (objects.length === 0 || this.#closed) return
    if (objects.length > maxAtOnce) {
      this.#track(this.sweep())
      return
    }
    const work = this.#options.ledger.sweep({ limit: objects.length, objects }, (names) => this.#remove(names))
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, patienceMs)
    })
    await Promise.race([this.#track(work), patience])
    clearTimeout(timer)
  }

  /** Waits for the current deletion, not for the rest: the next start continues. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#running)
    await this.#sweeping?.catch(() => {})
  }

  async #sweepAll(): Promise<number> {
    let total = 0
    while (!this.#closed) {
      const count = await this.#options.ledger.sweep({ limit: batch }, (names) => this.#remove(names))
      total += count
      if (count < batch) break
    }
    return total
  }

  /** A name that ends in `/` stands for all objects that begin with it. */
  async #remove(names: readonly string[]): Promise<void> {
    const { objects } = this.#options
    const prefixes = names.filter((name) => name.endsWith('/'))
    const single = names.filter((name) => !name.endsWith('/'))
    if (single.length > 0) await objects.delete(single)
    for (const prefix of prefixes) {
      let after: string | undefined
      for (;;) {
        const page = await objects.list(prefix, { after, limit: batch })
        await objects.delete(page.objects.map(({ name }) => name))
        after = page.objects.at(-1)?.name
        if (!page.more || after === undefined) break
      }
    }
  }

  /** A failure shows in the log only. */
  #track(work: Promise<unknown>): Promise<unknown> {
    const watched = work.catch((error: unknown) => this.#options.log.warning('objects could not be deleted', { error }))
    this.#running.add(watched)
    return watched.finally(() => this.#running.delete(watched))
  }
}
