/**
 * How many rows of a feed follow a place, remembered from the answer that ended there: a client that reads page by page
 * goes on from it, and counting the rest for every page would cost more than the page. Holds while the database's last
 * sequence is the same, since every change moves that.
 */
export class PendingMemory {
  private readonly known = new Map<string, { readonly updateSeq: bigint; readonly pending: number }>()

  /** `undefined`: count them. */
  recall(epoch: string, at: bigint, updateSeq: bigint): number | undefined {
    const found = this.known.get(`${epoch}:${at}`)
    return found?.updateSeq === updateSeq ? found.pending : undefined
  }

  remember(epoch: string, at: bigint, updateSeq: bigint, pending: number): void {
    const key = `${epoch}:${at}`
    this.known.delete(key)
    this.known.set(key, { updateSeq, pending })
    if (this.known.size <= maxKnown) return
    const oldest = this.known.keys().next()
    if (!oldest.done) this.known.delete(oldest.value)
  }
}

const maxKnown = 1_000
