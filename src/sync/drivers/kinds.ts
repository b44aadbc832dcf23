import type { DriverKind } from './contract.ts'
import { localStorage } from './local/local-storage.ts'

/** All drivers. */
export function driverKinds(): readonly DriverKind[] {
  return [localStorage]
}
