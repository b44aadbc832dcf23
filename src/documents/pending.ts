import { Recent } from '../model/recent.ts'

const maxKnown = 1_000

/**
 * How many rows of a feed follow a place, remembered from the answer that ended there: a client that reads page by page
 * continues from it, and counting the rest for every page would cost more than the page. Valid while the database's last
 * sequence is the same.
 */
export class PendingMemory {
  readonly #known = new Recent<{ readonly updateSeq: bigint; readonly pending: number }>(maxKnown)

  /** `undefined`: count them. */
  recall(epoch: string, at: bigint, updateSeq: bigint): number | undefined {
    const found = this.#known.get(`${epoch}:${at}`)
    return found?.updateSeq === updateSeq ? found.pending : undefined
  }

  remember(epoch: string, at: bigint, updateSeq: bigint, pending: number): void {
    this.#known.set(`${epoch}:${at}`, { updateSeq, pending })
  }
}
