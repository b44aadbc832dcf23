import { passFailpoint } from '../platform/failpoint.ts'

/** Every place between two steps of a move at its source, so that a test can say that it was at all of them. */
export const sourceFailpoints = [
  'move:closed',
  'move:announced',
  'move:ordered',
  'move:exported',
  'move:handed-over',
  'move:finalized',
] as const

/** The same at its target. */
export const targetFailpoints = [
  'move:received',
  'move:accepted',
  'move:queued',
  'move:loaded',
  'move:exchanged',
  'move:opened',
  'move:told',
] as const
export type MoveFailpoint = (typeof sourceFailpoints)[number] | (typeof targetFailpoints)[number]

/** Passes a place. */
export function reach(place: MoveFailpoint): Promise<void> {
  return passFailpoint(place)
}
