import { setTimeout as pause } from 'node:timers/promises'
import { AdminClientError } from './admin-client.ts'

const maxFailures = 6
const firstPauseMs = 250
/** A gateway without its server, or a server without its store. */
const passing = new Set([502, 503, 504])

/**
 * Repeats `work` while the server cannot be reached or breaks off, with growing pauses, and gives up after a few attempts
 * in which nothing came through. `done` tells how much has, in any unit. What the server refuses is thrown at once.
 */
export async function persist<T>(work: () => Promise<T>, done: () => number = () => 0): Promise<T> {
  let before = done()
  for (let failures = 1; ; failures += 1) {
    try {
      return await work()
    } catch (error) {
      const passes = error instanceof AdminClientError && (error.status === undefined || passing.has(error.status))
      if (done() > before) failures = 1
      if (!passes || failures >= maxFailures) throw error
      before = done()
      await pause(firstPauseMs * 2 ** (failures - 1))
    }
  }
}
