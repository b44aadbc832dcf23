/** The one retry policy for what is safe to repeat when a connection was lost: a few attempts with growing pauses. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isConnectionLost } from './failures.ts'

const maxAttempts = 5
/** Milliseconds before the second attempt; the pause doubles with each one, less up to a half at random. */
const firstPauseMs = 50
/** No attempt begins later than this after the first one: a server that cannot be reached is reported soon. */
const maxElapsedMs = 3_000

/** Repeats `work` as long as it loses its connection. `attempt` counts from 0. Other errors pass at once. */
export async function retrying<Result>(work: (attempt: number) => Promise<Result>): Promise<Result> {
  const began = performance.now()
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work(attempt)
    } catch (error) {
      const isLast = attempt + 1 === maxAttempts || performance.now() - began > maxElapsedMs
      if (isLast || !isConnectionLost(error)) throw error
      await sleep(firstPauseMs * 2 ** attempt * (0.5 + Math.random() / 2))
    }
  }
}
