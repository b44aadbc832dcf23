/** Instances (tenants) and their tokens as routes see them. `openInstances` in instances.ts implements it. */
import type { JsonObject } from '../model/json/value.ts'
import type { Audience, Permissions } from '../model/permissions.ts'
import type { Instance } from './instance.ts'
import type { GivenPassword } from './password.ts'

export type { Instance }

export interface Instances {
  /** Exact domain or alias in lower case, else the same without `:80` or `:443`. Cached: hot path. */
  byHost(host: string): Promise<Instance | undefined>
  /** The same without waiting: `undefined` also where it would have to be looked up. */
  peekHost(host: string): Instance | undefined
  /**
   * What a token may do on this instance. Verified tokens are cached. Throws a Problem with `identity.token` set to
   * `invalid` or `expired` otherwise.
   */
  authorise(instance: Instance, token: string): Promise<Permissions>
}

/** What creating and modifying can set. An empty string counts as not given. */
export interface InstanceChanges {
  readonly oldDomain?: string | undefined
  readonly locale?: string | undefined
  readonly uuid?: string | undefined
  readonly oidcId?: string | undefined
  readonly franceConnectId?: string | undefined
  /** `A.B.C-YYYYMMDD`, or the date alone. */
  readonly tosSigned?: string | undefined
  readonly tosLatest?: string | undefined
  readonly contextName?: string | undefined
  readonly timezone?: string | undefined
  readonly email?: string | undefined
  readonly publicName?: string | undefined
  readonly phone?: string | undefined
  /** Members of the settings document; some names are the instance's own and go there. */
  readonly settings?: readonly (readonly [name: string, value: string])[] | undefined
  readonly domainAliases?: readonly string[] | undefined
  readonly sponsorships?: readonly string[] | undefined
  /** Bytes; 0 is not given. */
  readonly diskQuota?: bigint | undefined
  readonly magicLink?: boolean | undefined
  readonly autoUpdate?: boolean | undefined
  /** `basic`, `two_factor_mail` or `two_factor_oidc`; any other value is ignored. */
  readonly authMode?: string | undefined
}

export interface NewInstance extends InstanceChanges {
  readonly domain: string
  readonly orgDomain?: string | undefined
  readonly orgId?: string | undefined
  readonly featureSets?: readonly string[] | undefined
  readonly passphrase?: string | undefined
  readonly key?: string | undefined
  /** 50,000 to 5,000,000. */
  readonly kdfIterations?: number | undefined
  /** 0 is refused; absent and -1 mean 2. */
  readonly swiftLayout?: number | undefined
  readonly couchCluster?: number | undefined
}

export interface InstanceModification extends InstanceChanges {
  readonly blocked?: boolean | undefined
  readonly blockingReason?: string | undefined
  readonly onboardingFinished?: boolean | undefined
  /** When given, nothing else is changed. */
  readonly deleting?: boolean | undefined
}

/** Members of an instance's document; `undefined` stands for none. */
export type InstanceMembers = Readonly<Record<string, JsonObject[string] | undefined>>

export interface ModifiedInstance extends Instance {
  /** The members of the settings document, where the change was one of them. */
  readonly changedSettings?: JsonObject
}

export interface InstancePage {
  readonly instances: readonly Instance[]
  /** The id that the next page starts with. */
  readonly next: string | undefined
}

export interface InstanceList {
  /** Absent: all. */
  readonly limit?: number | undefined
  /** The id to start from, inclusive. */
  readonly cursor?: string | undefined
  readonly skip?: number | undefined
}

export interface TokenOrder {
  readonly domain: string
  readonly audience: Audience
  /** Permission rules. One that covers everything is for `cli` only. */
  readonly scope: string
  /** Slug of an application, id of an OAuth client, or any name for `cli`. */
  readonly subject: string
  /** Seconds from now instead of the audience's lifetime; `never` for `cli` only. */
  readonly expires?: number | 'never' | undefined
}

/** Administration of instances. Domains are normalised first: `invalid_parameter` (422) where that fails. */
export interface InstanceAdministration {
  /** By domain or alias. Not cached. @throws Problem `not_found` */
  find(domain: string): Promise<Instance>
  /** The instance whose `old_domain` a host is. Cached. */
  byFormerHost(host: string): Promise<Instance | undefined>
  /** By id. */
  list(options: InstanceList): Promise<InstancePage>
  count(): Promise<number>
  /** All or nothing: of two concurrent calls with a name in common one throws Problem `exists`. */
  create(instance: NewInstance): Promise<Instance>
  modify(domain: string, changes: InstanceModification): Promise<ModifiedInstance>
  /** Drops all databases and the instance; the domain is free again afterwards. */
  remove(domain: string): Promise<void>
  mintToken(order: TokenOrder): Promise<string>
  /**
   * Changes members of the instance's own document, `undefined` removing one; nothing is written when `changed` gives
   * nothing. It may be called again when somebody else was faster.
   */
  update(domain: string, changed: (document: JsonObject) => InstanceMembers | undefined): Promise<Instance>
  /** The members of the instance's settings document; empty when there is none. */
  settingsOf(instance: Pick<Instance, 'prefix'>): Promise<JsonObject>
  /** Sets the owner's passphrase: the instance is ready for use then. Ends nothing by itself. */
  setPassphrase(domain: string, password: GivenPassword): Promise<Instance>
  /** Ends every `cli` token of the instance. */
  rotateCliSecret(domain: string): Promise<void>
  /** Forgets what is cached of one domain or of all, after a change by another process. */
  invalidate(domain?: string): void
}
