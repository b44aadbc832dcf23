/**
 * Deletions wait here until no more come, so that one that was a rename is paired and a mass of them is seen as a mass: an
 * unmounted disk and a slip of the hand both look like "everything was deleted".
 */
import type { Timing } from './timing.ts'

/** From this many on, the share counts. */
export const fewFiles = 50
export const share = 0.25
/** Emptying an entry of more files than this is a mass change, however few they are. */
const fewInAll = 10

/** Whether this many deletions of an entry with this many files need a user's confirmation. */
export function isMassDeletion(deleted: number, held: number): boolean {
  if (deleted > fewFiles && deleted > held * share) return true
  return deleted >= held && deleted > fewInAll
}

export interface MissingOptions {
  readonly timing: Pick<Timing, 'quietMs' | 'longestQuietMs'>
  /** Takes what is due; what it does not want yet it adds again. */
  readonly onDue: (natives: readonly string[]) => void
}

export class Missing {
  readonly #names = new Set<string>()
  readonly #options: MissingOptions
  #timer: ReturnType<typeof setTimeout> | undefined
  #first = 0

  constructor(options: MissingOptions) {
    this.#options = options
  }

  get names(): ReadonlySet<string> {
    return this.#names
  }

  add(native: string): void {
    if (this.#names.has(native)) return
    if (this.#names.size === 0) this.#first = performance.now()
    this.#names.add(native)
    const { quietMs, longestQuietMs } = this.#options.timing
    const left = this.#first + longestQuietMs - performance.now()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#flush(), Math.max(0, Math.min(quietMs, left)))
  }

  delete(native: string): void {
    this.#names.delete(native)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#names.clear()
  }

  #flush(): void {
    const due = [...this.#names]
    this.#names.clear()
    if (due.length > 0) this.#options.onDue(due)
  }
}
