import type { AdminAuth } from '../../src/admin/passphrase.ts'
import type { Drive } from '../../src/files/service.ts'
import type { Fsck } from '../../src/fsck/service.ts'
import type { Instance, InstanceAdministration, Instances } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'
import type { Metrics } from '../../src/metrics.ts'
import type { Exports } from '../../src/move/exports.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'

/** What the admin routes need; each module asks for its part. */
export interface AdminServices {
  readonly auth: Pick<AdminAuth, 'verify'>
  readonly instances: InstanceAdministration & Pick<Instances, 'byHost'>
  readonly fsck: Pick<Fsck, 'check' | 'fixContents'>
  readonly objects: Pick<ObjectStore, 'list' | 'get' | 'stat' | 'put' | 'delete'>
  /** The files of an instance, for nobody in particular. */
  readonly driveOf: (instance: Instance) => Drive | Promise<Drive>
  readonly exports: Pick<Exports, 'order' | 'byId' | 'part'>
  readonly metrics: Pick<Metrics, 'text'>
  readonly log: Log
}
