/**
 * Named places between the steps of what must survive a crash. With `HEARTH_TEST_FAILPOINT=name` the process kills itself when it
 * gets there, which is how tests see every half-way state; an absolute path instead of a name is a file that holds one, or
 * nothing. `HEARTH_TEST_FAILPOINT_LOG` names a file that gets the places passed.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

/** Every place, so that a test can say that it was at all of them. */
export const failpoints = [
  'certs:written',
  'certs:placed',
  'certs:switched',
  'update:decrypted',
  'update:verified',
  'update:unpacked',
  'update:placed',
  'update:noted',
  'update:switched',
  'restore:staged',
  'restore:filled',
  'restore:objects',
  'restore:switched',
  // Of a move: what happens at the source,
  'move:closed',
  'move:announced',
  'move:ordered',
  'move:exported',
  'move:handed-over',
  'move:finalized',
  // and at the target.
  'move:received',
  'move:accepted',
  'move:queued',
  'move:loaded',
  'move:exchanged',
  'move:opened',
  'move:told',
] as const
export type Failpoint = (typeof failpoints)[number]

/** Passes a place. */
export async function reach(place: Failpoint): Promise<void> {
  const { HEARTH_TEST_FAILPOINT: wanted, HEARTH_TEST_FAILPOINT_LOG: file } = process.env
  if (file !== undefined) appendFileSync(file, `${place}\n`)
  if (wanted === undefined || nameIn(wanted) !== place) return
  process.kill(process.pid, 'SIGKILL')
  // The signal needs a moment; nothing may happen in it.
  await new Promise(() => {})
}

function nameIn(wanted: string): string {
  if (!wanted.startsWith('/')) return wanted
  return existsSync(wanted) ? readFileSync(wanted, 'utf8').trim() : ''
}
