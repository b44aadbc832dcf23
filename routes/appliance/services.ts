import type { Appliance } from '../../src/appliance/appliance.ts'
import type { Log } from '../../src/log.ts'

/** What the appliance's routes need. */
export interface ApplianceServices {
  readonly appliance: Appliance
  readonly log: Log
}
