import type { AccountManager } from '../../src/admin/account-manager.ts'
import type { ContextsConfig } from '../../src/admin/contexts.ts'
import type { Debugging } from '../../src/admin/debugging.ts'
import type { SharedFlags } from '../../src/admin/features.ts'
import type { IdentityProvider } from '../../src/admin/identity-provider.ts'
import type { Maintenance } from '../../src/admin/maintenance.ts'
import type { AdminAuth } from '../../src/admin/passphrase.ts'
import type { Auth } from '../../src/auth/auth.ts'
import type { Drive, Files } from '../../src/files/service.ts'
import type { Fsck } from '../../src/fsck/service.ts'
import type { Instance, InstanceAdministration, Instances } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'
import type { Metrics } from '../../src/metrics.ts'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'

/** What the admin routes need; each module asks for its part. */
export interface AdminServices {
  /** The check of the admin passphrase. */
  readonly adminAuth: Pick<AdminAuth, 'verify'>
  /** Owners' sessions, codes and OAuth clients. */
  readonly auth: Pick<Auth, 'codes' | 'sessions' | 'clients'>
  readonly instances: InstanceAdministration & Pick<Instances, 'byHost'>
  readonly accountManager: AccountManager
  readonly contexts: ContextsConfig
  readonly debugging: Debugging
  readonly identityProvider: IdentityProvider
  readonly maintenance: Maintenance
  readonly sharedFlags: SharedFlags
  readonly lastActivity: (instance: Instance) => Promise<string>
  readonly instancesWithApp: (slug: string, version: string) => Promise<readonly string[]>
  readonly store: DocumentStore
  readonly fsck: Pick<Fsck, 'check' | 'fixContents'>
  readonly files: Pick<Files, 'usage'>
  readonly objects: Pick<ObjectStore, 'list' | 'get' | 'stat' | 'put' | 'delete'>
  /** The files of an instance, for nobody in particular. */
  readonly driveOf: (instance: Instance) => Drive | Promise<Drive>
  readonly metrics: Pick<Metrics, 'text'>
  readonly log: Log
}
