/** Waits for a ring or the end of a time, whichever comes first. A ring while no one waits is kept. */
export class Alarm {
  #rung = false
  #wake: (() => void) | undefined

  readonly ring = (): void => {
    this.#rung = true
    this.#wake?.()
  }

  /** Forgets the rings so far; call it before reading what they were about. */
  clear(): void {
    this.#rung = false
  }

  /** Resolves at the first ring since `clear`, or after `ms`. For one waiter at a time. */
  wait(ms: number): Promise<void> {
    if (this.#rung || ms <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#wake = done
    })
  }
}
