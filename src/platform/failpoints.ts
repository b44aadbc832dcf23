import { passFailpoint } from './failpoint.ts'

/** Every place between two steps, so that a test can say that it was at all of them. */
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
export function reach(place: Failpoint): Promise<void> {
  return passFailpoint(place)
}
