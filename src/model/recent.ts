/** A map of bounded size that forgets what was used least recently. */
export class Recent<Value> {
  readonly #entries = new Map<string, Value>()
  readonly #limit: number
  /** Asking for this one again, which is what one request after the other does, moves nothing. */
  #newest: string | undefined

  /** @param limit most entries that are kept */
  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: string): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined || key === this.#newest) return value
    this.#place(key, value)
    return value
  }

  set(key: string, value: Value): void {
    this.#place(key, value)
    if (this.#entries.size <= this.#limit) return
    const oldest = this.#entries.keys().next()
    if (!oldest.done) this.#entries.delete(oldest.value)
  }

  /** Removes the entry, but only if it still holds this value. */
  forget(key: string, value: Value): void {
    if (this.#entries.get(key) === value) this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  get size(): number {
    return this.#entries.size
  }

  #place(key: string, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    this.#newest = key
  }
}
