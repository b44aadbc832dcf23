/** Runs work for many callers at once: those that arrive during a run share the next one. */
export class Coalescer<Item> {
  #waiting: { item: Item; resolve: () => void; reject: (error: unknown) => void }[] = []
  #running = false

  readonly #run: (items: readonly Item[]) => Promise<void>

  constructor(run: (items: readonly Item[]) => Promise<void>) {
    this.#run = run
  }

  /** Nothing is under way and nothing waits. */
  get idle(): boolean {
    return !this.#running && this.#waiting.length === 0
  }

  /** Resolves or rejects with the run that had the item. */
  add(item: Item): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      if (!this.#running) void this.#serve()
    })
  }

  async #serve(): Promise<void> {
    this.#running = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#run(batch.map(({ item }) => item))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#running = false
  }
}
