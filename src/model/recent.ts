interface Entry<Value> {
  readonly key: string
  value: Value
  older: Entry<Value> | undefined
  newer: Entry<Value> | undefined
}

/**
 * A map of bounded size that forgets what was used least recently. The order is a list of its own: to delete a key from a
 * large `Map` and set it again took 50 microseconds in JavaScriptCore.
 */
export class Recent<Value> {
  readonly #entries = new Map<string, Entry<Value>>()
  readonly #limit: number
  #oldest: Entry<Value> | undefined
  #newest: Entry<Value> | undefined

  /** @param limit most entries that are kept */
  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#use(entry)
    return entry.value
  }

  set(key: string, value: Value): void {
    const known = this.#entries.get(key)
    if (known !== undefined) {
      known.value = value
      this.#use(known)
      return
    }
    const entry: Entry<Value> = { key, value, older: undefined, newer: undefined }
    this.#entries.set(key, entry)
    this.#append(entry)
    if (this.#entries.size > this.#limit && this.#oldest !== undefined) this.#remove(this.#oldest)
  }

  /** Removes the entry, or leaves it where `value` is given and it holds another one. */
  forget(key: string, value?: Value): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined && (value === undefined || entry.value === value)) this.#remove(entry)
  }

  clear(): void {
    this.#entries.clear()
    this.#oldest = undefined
    this.#newest = undefined
  }

  get size(): number {
    return this.#entries.size
  }

  #use(entry: Entry<Value>): void {
    if (entry === this.#newest) return
    this.#unlink(entry)
    this.#append(entry)
  }

  #append(entry: Entry<Value>): void {
    entry.older = this.#newest
    entry.newer = undefined
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
  }

  #unlink({ older, newer }: Entry<Value>): void {
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
  }

  #remove(entry: Entry<Value>): void {
    this.#unlink(entry)
    this.#entries.delete(entry.key)
  }
}
