import { setTimeout as pause } from 'node:timers/promises'

/** Lets this many bytes pass per second; a burst is one second's worth. */
export class Bandwidth {
  readonly #bytesPerSecond: number
  #paidUntil = 0

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Resolves when these bytes may pass. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = performance.now()
    const start = Math.max(now - 1_000, this.#paidUntil)
    this.#paidUntil = start + (bytes / this.#bytesPerSecond) * 1_000
    const wait = this.#paidUntil - now
    if (wait > 0) await pause(wait, undefined, { signal })
  }
}

/** None for an entry without a limit. */
export function bandwidthOf(options: Readonly<Record<string, unknown>>): Bandwidth | undefined {
  const limit = options['max_bytes_per_second']
  return typeof limit === 'number' ? new Bandwidth(limit) : undefined
}
