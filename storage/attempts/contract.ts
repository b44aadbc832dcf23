/** Counts attempts that are limited: passphrases, registrations, links. All processes share one count. */

export interface AttemptLimit {
  /** Attempts that are allowed in one window. */
  readonly max: number
  /** Milliseconds of a window. It begins with its first attempt, by the database's clock. */
  readonly perMs: number
}

export interface AttemptCount {
  readonly allowed: boolean
  /** Milliseconds until the window ends. */
  readonly endsInMs: number
}

export interface AttemptStore {
  /** Counts one attempt. Of `max + 1` concurrent ones exactly one is not allowed. Keys are at most 500 characters. */
  count(key: string, limit: AttemptLimit): Promise<AttemptCount>
  /** The current state, without counting an attempt. */
  look(key: string, limit: AttemptLimit): Promise<AttemptCount>
  /** Takes one attempt back: it does not count. */
  undo(key: string): Promise<void>
}
