import type { AdminAuth } from '../../src/admin/passphrase.ts'
import type { InstanceAdministration } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'
import type { Metrics } from '../../src/metrics.ts'

/** What the admin routes need; each module asks for its part. */
export interface AdminServices {
  readonly auth: Pick<AdminAuth, 'verify'>
  readonly instances: InstanceAdministration
  readonly metrics: Pick<Metrics, 'text'>
  readonly log: Log
}
