/** Creating an instance: databases first, then everything that makes it exist in one atomic write. */
import { randomBytes } from 'node:crypto'
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import type { JsonObject } from '../model/json/value.ts'
import { instanceMembers, liftSettings, settingsMembers } from './changes.ts'
import { type DomainRules, normaliseDomain, prefixOf } from './domain.ts'
import { editOf, type OwnEdit } from './own-documents.ts'
import { checkIterations, type KeptPassword, keepPassword } from './password.ts'
import { instanceExists, invalidParameter } from './problems.ts'
import { claimEdit, domainsRef, formerDomainEdits, instancesRef, recordOfDomain } from './records.ts'
import type { Instance, NewInstance } from './service.ts'

/** Databases that every instance has from its first moment. */
export const ownDatabases = [
  'io.cozy.files',
  'io.cozy.apps',
  'io.cozy.konnectors',
  'io.cozy.oauth.clients',
  'io.cozy.jobs',
  'io.cozy.triggers',
  'io.cozy.permissions',
  'io.cozy.sharings',
  'io.cozy.shared',
  'com.bitwarden.ciphers',
  'io.cozy.sessions.logins',
  'io.cozy.notifications',
  'io.cozy.settings',
  'io.cozy.contacts',
] as const

const indexesVersion = 1
const defaultLayout = 2

/**
 * Creates an instance. When something fails before the atomic write, only empty databases are left, which the next try
 * uses; there is no half-made instance.
 * @throws Problem `exists` when the domain or an alias is taken, `invalid_parameter` for bad values
 */
export async function createInstance(store: DocumentStore, rules: DomainRules, order: NewInstance): Promise<Instance> {
  const options = liftSettings(order)
  const names = namesOf(options, rules)
  const members = {
    ...instanceMembers({ ...options, tosSigned: undefined, tosLatest: undefined }),
    ...creationMembers(options),
  }
  checkIterations(options.kdfIterations)

  await store.createDatabase(instancesRef)
  await store.createDatabase(domainsRef)
  const claims = await store.readMany(domainsRef, names.all, false)
  if (claims.some((claim) => !claim.deleted)) throw instanceExists()

  const id = randomBytes(16).toString('hex')
  const reused = claims.some((claim) => claim.id === names.domain)
  const prefix = namespace(names.domain, reused ? id : undefined)
  const password = await passwordOf(options, names.domain)
  // All at once: their commits share a write to the disk.
  await Promise.all(ownDatabases.map((name) => store.createDatabase({ prefix, name })))

  const database = (name: (typeof ownDatabases)[number]): DatabaseRef => ({ prefix, name })
  const document: JsonObject = {
    locale: 'en',
    ...members,
    ...ownMembers(names, prefix, password, options),
  }
  const edits: OwnEdit[] = [
    { ref: instancesRef, id, value: document },
    ...names.all.map((name) => claimEdit(name, id)),
    { ref: database('io.cozy.settings'), id: 'io.cozy.settings.instance', value: settingsMembers(options) },
    {
      ref: database('io.cozy.contacts'),
      id: randomBytes(16).toString('hex'),
      value: ownerContact(names.domain, options),
    },
    ...(await formerDomainEdits(store, { id, value: {} }, options.oldDomain)),
    ...vaultEdits(database('io.cozy.settings'), password, options),
  ]
  const outcomes = await store.write(edits.map(editOf), { atomic: true })
  if (outcomes.some((outcome) => outcome.kind !== 'ok')) {
    // A generated namespace is used by no one else; the plain one may now belong to the winner.
    if (reused) await store.dropPrefix(prefix)
    throw instanceExists()
  }
  return (await recordOfDomain(store, names.domain)).instance
}

interface Names {
  readonly domain: string
  readonly aliases: readonly string[]
  readonly all: readonly string[]
}

function namesOf(options: NewInstance, rules: DomainRules): Names {
  const domain = normaliseDomain(options.domain, rules)
  const aliases = [...new Set((options.domainAliases ?? []).map((alias) => normaliseDomain(alias, rules)))]
  if (aliases.includes(domain)) throw instanceExists()
  const all = [domain, ...aliases]
  return { domain, aliases, all }
}

/**
 * The namespace of a domain that was never used is the documented one. A later owner of the domain gets another, so
 * that nothing of the former one can reach the new one: neither a write that was under way nor a cached instance.
 */
function namespace(domain: string, instanceId: string | undefined): string {
  return prefixOf(instanceId === undefined ? domain : `${domain}\n${instanceId}`)
}

function creationMembers(options: NewInstance): JsonObject {
  const { swiftLayout, couchCluster, diskQuota, tosSigned, tosLatest } = options
  if (swiftLayout === 0) throw invalidParameter('SwiftLayout', 'Swift layout v1 disabled for instance creation')
  if (diskQuota !== undefined && diskQuota < -1n) throw invalidParameter('DiskQuota', 'DiskQuota is a number of bytes')
  const layout = swiftLayout === undefined || swiftLayout < 0 ? defaultLayout : swiftLayout
  return {
    swift_cluster: layout,
    ...(couchCluster !== undefined && couchCluster >= 0 ? { couch_cluster: couchCluster } : {}),
    ...(diskQuota !== undefined && diskQuota > 0n ? { disk_quota: `${diskQuota}` } : {}),
    // Whatever the operator says; changing it is stricter. A bare date means version 1.0.0 of that day.
    ...(tosSigned ? { tos: [...tosSigned].length === 8 ? `1.0.0-${tosSigned}` : tosSigned } : {}),
    ...(tosLatest ? { tos_latest: tosLatest } : {}),
    ...(options.orgDomain ? { org_domain: options.orgDomain } : {}),
    ...(options.orgId ? { org_id: options.orgId } : {}),
    ...(options.featureSets?.length ? { feature_sets: options.featureSets } : {}),
  }
}

/** An owner who signs in by other means gets a password that no one knows. */
async function passwordOf(options: NewInstance, domain: string): Promise<KeptPassword | undefined> {
  const salt = options.oldDomain || domain
  if (options.passphrase) return keepPassword({ ...options, passphrase: options.passphrase }, salt)
  if (!options.franceConnectId && !options.magicLink) return undefined
  return keepPassword({ passphrase: randomBytes(32).toString('base64') }, domain)
}

function ownMembers(
  names: Names,
  prefix: string,
  password: KeptPassword | undefined,
  options: NewInstance,
): JsonObject {
  const secret = (bytes: number) => randomBytes(bytes).toString('base64')
  return {
    domain: names.domain,
    ...(names.aliases.length > 0 ? { domain_aliases: names.aliases } : {}),
    prefix,
    indexes_version: indexesVersion,
    password_defined: Boolean(options.passphrase),
    onboarding_finished: password !== undefined,
    ...(password === undefined ? { register_token: secret(16) } : { passphrase_hash: password.hash }),
    session_secret: secret(64),
    oauth_secret: secret(128),
    cli_secret: secret(128),
  }
}

function ownerContact(domain: string, { publicName, email, phone }: NewInstance): JsonObject {
  const url = `https://${domain}`
  return {
    me: true,
    ...(publicName ? { fullname: publicName, displayName: publicName } : {}),
    ...(email ? { email: [{ address: email, primary: true }] } : {}),
    ...(phone ? { phone: [{ number: phone, primary: true }] } : {}),
    cozy: [{ url, primary: true }],
    // Applications that list contacts ask for those with this key only.
    indexes: { byFamilyNameGivenNameEmailCozyUrl: url },
  }
}

/** The vault's parameters, which a client needs before it can sign in. */
function vaultEdits(ref: DatabaseRef, password: KeptPassword | undefined, { key }: NewInstance): readonly OwnEdit[] {
  if (password === undefined) return []
  const value = { passphrase_kdf: 0, passphrase_kdf_iterations: password.kdfIterations, ...(key ? { key } : {}) }
  return [{ ref, id: 'io.cozy.settings.bitwarden', value }]
}
