import { passFailpoint } from '../platform/failpoint.ts'

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
] as const
export type Failpoint = (typeof failpoints)[number]

/** Passes a place. */
export function reach(place: Failpoint): Promise<void> {
  return passFailpoint(place)
}
