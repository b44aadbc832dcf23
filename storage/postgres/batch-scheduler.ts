/**
 * When requests that wait become a batch: at most two batches are under way, and what arrives in the meantime is the next one. A
 * request that arrives alone is sent at once; those that arrive together wait for what else this turn of the loop brings.
 */
const maxInFlight = 2

export class BatchScheduler<Request> {
  readonly #take: () => readonly Request[]
  readonly #send: (batch: readonly Request[]) => Promise<void>
  #inFlight = 0
  #scheduled = false
  /** Requests in the last batch: shows whether they arrive alone or together. */
  #lastSize = 0

  /** `take` gives the next batch, none when nothing can be sent now; `send` never rejects. */
  constructor(take: () => readonly Request[], send: (batch: readonly Request[]) => Promise<void>) {
    this.#take = take
    this.#send = send
  }

  /** To be called whenever a request was added. */
  schedule(): void {
    if (this.#scheduled || this.#inFlight >= maxInFlight) return
    this.#scheduled = true
    if (this.#inFlight === 0 && this.#lastSize <= 1) queueMicrotask(this.#flush)
    else setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    while (this.#inFlight < maxInFlight) {
      const batch = this.#take()
      if (batch.length === 0) return
      this.#lastSize = batch.length
      void this.#run(batch)
    }
  }

  async #run(batch: readonly Request[]): Promise<void> {
    this.#inFlight += 1
    try {
      await this.#send(batch)
    } finally {
      this.#inFlight -= 1
      this.schedule()
    }
  }
}
