/** What the parts of one process know of the other processes of the same server. */
import type { Counts } from '../metrics-sum.ts'

export interface Siblings {
  /** One process of a server does what must be done once: jobs, schedules, sweeps, synchronising. The others only answer. */
  readonly leads: boolean
  /** Has the others forget what they remember of instances and tokens. Resolves when they have; never rejects. */
  instancesChanged(): Promise<void>
  /** What the others counted. */
  counts(): Promise<readonly Counts[]>
}

/** There are no others. */
export const alone: Siblings = {
  leads: true,
  instancesChanged: () => Promise.resolve(),
  counts: () => Promise.resolve([]),
}
