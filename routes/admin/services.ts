import type { Administration } from '../../src/admin/administration.ts'
import type { Audit } from '../../src/admin/audit.ts'
import type { AdminAuth } from '../../src/admin/passphrase.ts'
import type { Apps } from '../../src/apps/apps.ts'
import type { Auth } from '../../src/auth/auth.ts'
import type { Drive, Files } from '../../src/files/service.ts'
import type { Fsck } from '../../src/fsck/service.ts'
import type { Instance, InstanceAdministration, Instances } from '../../src/instances/service.ts'
import type { Jobs } from '../../src/jobs/service.ts'
import type { Log } from '../../src/log.ts'
import type { Metrics } from '../../src/metrics.ts'
import type { Exports } from '../../src/move/exports.ts'
import type { ImportUploads } from '../../src/move/import-upload.ts'
import type { Imports } from '../../src/move/imports.ts'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import type { ClientOf } from '../http/client.ts'
import type { Gateway } from '../realtime/gateway.ts'

/** What the admin routes need; each module asks for its part. */
export interface AdminServices extends Administration {
  /** The check of the admin passphrase. */
  readonly adminAuth: Pick<AdminAuth, 'verify'>
  readonly audit: Pick<Audit, 'record'>
  readonly clientOf: ClientOf
  readonly apps: Pick<Apps, 'install'>
  /** The websockets of operators. */
  readonly announced: Pick<Gateway, 'accept' | 'isClosing'>
  /** Owners' sessions, codes and OAuth clients, and the limits of guessing. */
  readonly auth: Pick<Auth, 'codes' | 'sessions' | 'clients' | 'limits'>
  readonly instances: InstanceAdministration & Pick<Instances, 'byHost'>
  readonly store: DocumentStore
  readonly fsck: Pick<Fsck, 'check' | 'fixContents'>
  readonly files: Pick<Files, 'usage'>
  readonly objects: Pick<ObjectStore, 'list' | 'get' | 'stat' | 'put' | 'delete'>
  /** The files of an instance, for no one in particular. */
  readonly driveOf: (instance: Instance) => Drive | Promise<Drive>
  readonly exports: Pick<Exports, 'order' | 'byId' | 'part' | 'parts' | 'list'>
  readonly imports: Pick<Imports, 'order' | 'jobOf'>
  readonly uploads: ImportUploads
  readonly jobs: Pick<Jobs, 'find'>
  readonly metrics: Pick<Metrics, 'text'>
  readonly log: Log
}
