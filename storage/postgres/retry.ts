/** The one retry policy: a few attempts, growing pauses with jitter. Only for operations that are safe to repeat. */
import { setTimeout as sleep } from 'node:timers/promises'

const baseMs = 50

/** Waits before attempt `attempt + 1` (attempt counts from 0): about 50, 100, 200, 400 ms. */
export async function backoff(attempt: number): Promise<void> {
  await sleep(baseMs * 2 ** attempt * (0.5 + Math.random() / 2))
}
