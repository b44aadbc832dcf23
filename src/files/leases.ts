/**
 * Holds the objects of uploads that are under way: none may be taken for rubbish before its document is written. One
 * timer renews them all.
 */
import type { ObjectLedger } from '../../storage/files/contract.ts'
import type { Log } from '../log.ts'

/** A process that dies leaves its objects to the sweeper after this long. */
const leaseMs = 120_000
const renewEveryMs = 30_000

export class Leases {
  readonly #held = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  readonly #ledger: ObjectLedger
  readonly #log: Log

  constructor(ledger: ObjectLedger, log: Log) {
    this.#ledger = ledger
    this.#log = log
  }

  /** On disk when it resolves. */
  async take(object: string): Promise<void> {
    await this.#ledger.lease([object], leaseMs)
    this.#held.add(object)
    this.#timer ??= setInterval(() => void this.#renew(), renewEveryMs).unref()
  }

  /** It is no longer renewed: its document was written, or it was abandoned. */
  release(object: string): void {
    this.#held.delete(object)
    if (this.#held.size === 0) this.close()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  async #renew(): Promise<void> {
    try {
      await this.#ledger.renew([...this.#held], leaseMs)
    } catch (error) {
      // The next turn may succeed; a lease that ran out makes the commit fail.
      this.#log.warning('leases of uploads could not be renewed', { error })
    }
  }
}
