/** Milliseconds that the engine waits. Tests shrink them; nothing that is decided depends on them. */
export interface Timing {
  /** A file that may still be being written must not have been touched for this long. */
  readonly settleMs: number
  /** A file that is written all the time is checked again after this. */
  readonly hintMs: number
  /** Deletions are accepted when no further one was seen for this long, so that a mass of them is seen as one. */
  readonly quietMs: number
  /** But they wait no longer than this. */
  readonly longestQuietMs: number
  /** Between two checks of a place that cannot be opened or is on hold. */
  readonly reopenMs: number
  /** Longest pause between two attempts. */
  readonly longestRetryMs: number
  /** Before a refusal (permission, name) is tried again without any event. */
  readonly blockedMs: number
  /** Times the drivers' own interval between full listings. */
  readonly rescanFactor: number
  /** Content stays in the trash for this long. */
  readonly trashMs: number
  /** A few contents are read and compared as often as this. */
  readonly scrubEveryMs: number
  /** Lifecycle changes take at most this long. */
  readonly transitionMs: number
}

export const usualTiming: Timing = {
  settleMs: 500,
  hintMs: 50,
  quietMs: 1_000,
  longestQuietMs: 60_000,
  reopenMs: 5_000,
  longestRetryMs: 300_000,
  blockedMs: 900_000,
  rescanFactor: 1,
  trashMs: 30 * 86_400_000,
  scrubEveryMs: 3_600_000,
  transitionMs: 30_000,
}
