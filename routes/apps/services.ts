import type { Apps } from '../../src/apps/apps.ts'
import type { Instances } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'

export interface AppsServices {
  readonly apps: Apps
  readonly instances: Instances
  readonly log: Log
  /** Status of an invalid or expired token. */
  readonly expiredStatus: 400 | 401
}
