import { passFailpoint } from '../platform/failpoint.ts'

/** Every place between two steps of the engine, so that a test can say that it was at all of them. */
export const syncFailpoints = [
  'look:read',
  'look:accepted',
  'conflict:aside',
  'copy:intended',
  'copy:part',
  'copy:filled',
  'copy:published',
  'replace:aside',
  'replace:exchanged',
  'delete:done',
  'rename:done',
  'work:done',
] as const
export type SyncFailpoint = (typeof syncFailpoints)[number]

/** Passes a place. */
export function reachSync(place: SyncFailpoint): Promise<void> {
  return passFailpoint(place)
}
