/** The services of the admin API that no other API uses. Opened once, by services.ts. */
import type { DocumentStore, EveryTenant } from '../../storage/documents/contract.ts'
import type { SecretStore } from '../../storage/files/contract.ts'
import type { Auth } from '../auth/auth.ts'
import type { Config } from '../config/settings.ts'
import type { Instance, InstanceAdministration } from '../instances/service.ts'
import type { JobQueue } from '../jobs/service.ts'
import type { Triggers } from '../jobs/triggers.ts'
import type { Log } from '../log.ts'
import type { Outgoing } from '../outgoing/outgoing.ts'
import { type AccountManager, newAccountManager } from './account-manager.ts'
import { instancesWithApp } from './app-instances.ts'
import type { ContextsConfig } from './contexts.ts'
import { type Debugging, openDebugging } from './debugging.ts'
import { openSharedFlags, type SharedFlags } from './features.ts'
import { type IdentityProvider, openIdentityProvider } from './identity-provider.ts'
import { lastActivity } from './last-activity.ts'
import { type Maintenance, openMaintenance } from './maintenance.ts'
import { type Notifications, openNotifications } from './notifications.ts'

export interface Administration {
  readonly accountManager: AccountManager
  readonly contexts: ContextsConfig
  readonly debugging: Debugging
  readonly identityProvider: IdentityProvider
  readonly maintenance: Maintenance
  readonly notifications: Notifications
  readonly sharedFlags: SharedFlags
  /** The day in UTC on which the owner was last seen. */
  readonly lastActivity: (instance: Instance) => Promise<string>
  /** Domains of the instances that have this version of an application. */
  readonly instancesWithApp: (slug: string, version: string) => Promise<readonly string[]>
}

export interface AdministrationOptions {
  readonly config: Config
  readonly store: DocumentStore & EveryTenant
  readonly secrets: SecretStore
  readonly auth: Pick<Auth, 'codes'>
  readonly instances: InstanceAdministration
  readonly jobs: JobQueue
  readonly triggers: Triggers
  readonly outgoing: Outgoing
  readonly log: Log
}

export function openAdministration(options: AdministrationOptions): Administration {
  const { config, store, secrets, auth, instances, jobs, triggers, outgoing, log } = options
  const { clouderies, authentication } = config
  return {
    accountManager: newAccountManager({ clouderies, outgoing, log }),
    contexts: config,
    debugging: openDebugging(secrets),
    identityProvider: openIdentityProvider({ authentication, codes: auth.codes, outgoing }),
    maintenance: openMaintenance({ store, settings: config, outgoing }),
    notifications: openNotifications({ store, jobs, triggers, log }),
    sharedFlags: openSharedFlags(store),
    lastActivity: (instance) => lastActivity(store, instance),
    instancesWithApp: (slug, version) => instancesWithApp(store, instances, slug, version),
  }
}
