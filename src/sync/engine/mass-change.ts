/**
 * Counts files that got another content. A program that encrypts or empties everything is seen here, before what it left
 * takes the place of all other copies.
 */
import { fewFiles, share } from './mass-deletion.ts'
import type { Timing } from './timing.ts'

/** Whether this many changes within a while need a user's confirmation. */
export function isMassChange(changed: number, held: number): boolean {
  return changed > fewFiles && changed > held * share
}

export class Overwritten {
  readonly #windowMs: number
  /** When each was seen to have changed. */
  readonly #seen = new Map<string, number>()
  /** Those that wait for a person. */
  readonly #waiting = new Set<string>()
  /** Those that a user has confirmed. */
  readonly #allowed = new Set<string>()

  constructor({ longestQuietMs }: Pick<Timing, 'longestQuietMs'>) {
    this.#windowMs = longestQuietMs
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Those that are not confirmed. A confirmation is good for one change. */
  withoutAllowed(natives: readonly string[]): readonly string[] {
    return natives.filter((native) => !this.#allowed.delete(native))
  }

  /** Returns how many have changed lately, these included. */
  add(natives: readonly string[]): number {
    const now = performance.now()
    for (const native of natives) this.#seen.set(native, now)
    for (const [native, at] of this.#seen) if (now - at > this.#windowMs) this.#seen.delete(native)
    return this.#seen.size
  }

  /** Lets these wait for a person. */
  keep(natives: readonly string[]): void {
    for (const native of natives) this.#waiting.add(native)
  }

  /** It has its old content again, or is gone. */
  forget(native: string): void {
    this.#seen.delete(native)
    this.#waiting.delete(native)
  }

  /** A user has confirmed: returns those that waited, to be checked again. */
  allow(): readonly string[] {
    const natives = [...this.#waiting]
    this.#waiting.clear()
    this.#seen.clear()
    for (const native of natives) this.#allowed.add(native)
    return natives
  }
}
