/** Changing an instance: only given members, never blanking others; conflicts are retried. */
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import type { JsonObject } from '../model/json/value.ts'
import { coversTos, instanceMembers, liftSettings, settingsMembers } from './changes.ts'
import { type DomainRules, normaliseDomain } from './domain.ts'
import { editOf, type OwnEdit, readDocument, writeDocument } from './own-documents.ts'
import { checkIterations, type GivenPassword, keepPassword, saltDomain } from './password.ts'
import { instanceExists, invalidParameter } from './problems.ts'
import {
  changedRecord,
  claimEdit,
  findRecord,
  formerDomainEdits,
  type InstanceRecord,
  recordOfDomain,
  releaseEdits,
  settingsDoctype,
  settingsId,
  vaultId,
} from './records.ts'
import type { Instance, InstanceMembers, InstanceModification, ModifiedInstance } from './service.ts'

const attempts = 10

/** Applies changes to an instance. @throws Problem `not_found`, `exists` for an alias, `invalid_parameter` */
export async function modifyInstance(
  store: DocumentStore,
  rules: DomainRules,
  domain: string,
  asked: InstanceModification,
): Promise<ModifiedInstance> {
  if (asked.deleting !== undefined) {
    const flag = asked.deleting ? true : undefined
    return updateRecord(store, domain, async (record) => [changedRecord(record, { deleting: flag })])
  }
  const changes = liftSettings(asked)
  const members = instanceMembers(changes)
  const aliases = [...new Set(changes.domainAliases?.map((alias) => normaliseDomain(alias, rules)))]
  const instance = await updateRecord(store, domain, async (record) => [
    changedRecord(record, {
      ...members,
      ...ownMembers(changes),
      ...tosMembers(record, members),
      ...aliasMembers(aliases),
    }),
    ...(aliases.length === 0 ? [] : await aliasEdits(store, record, aliases)),
    ...(await formerDomainEdits(store, record, changes.oldDomain)),
  ])
  const changedSettings = await updateSettings(store, instance, settingsId, settingsMembers(changes))
  return changedSettings === undefined ? instance : { ...instance, changedSettings }
}

/** Changes members of an instance's document, unless `changed` gives nothing. */
export async function updateInstance(
  store: DocumentStore,
  domain: string,
  changed: (document: JsonObject) => InstanceMembers | undefined,
): Promise<Instance> {
  return updateRecord(store, domain, async (record) => {
    const members = changed(record.value)
    return members === undefined ? [] : [changedRecord(record, members)]
  })
}

/** Replaces the instance's secret for `cli` tokens. */
export function rotateSecret(store: DocumentStore, domain: string): Promise<Instance> {
  const secret = randomBytes(128).toString('base64')
  return updateRecord(store, domain, async (record) => [changedRecord(record, { cli_secret: secret })])
}

/** Keeps a new passphrase, and what clients must know to make its hash. @throws Problem `conflict` when its token was spent */
export async function setPassphrase(store: DocumentStore, domain: string, password: GivenPassword): Promise<Instance> {
  checkIterations(password.kdfIterations)
  const known = await recordOfDomain(store, domain)
  requireToken(known, password)
  const { instance } = known
  const kept = await keepPassword(password, saltDomain(instance))
  await updateSettings(store, instance, vaultId, {
    passphrase_kdf: 0,
    passphrase_kdf_iterations: kept.kdfIterations,
    ...(password.key ? { key: password.key } : {}),
  })
  return updateRecord(store, domain, async (record) => {
    requireToken(record, password)
    return [
      changedRecord(record, {
        passphrase_hash: kept.hash,
        register_token: undefined,
        onboarding_finished: true,
        password_defined: true,
      }),
    ]
  })
}

function requireToken({ value }: InstanceRecord, { registerToken }: GivenPassword): void {
  if (registerToken === undefined || value['register_token'] === registerToken) return
  throw new Problem('conflict', 'This link was used already.')
}

/** Reads, changes and writes in one atomic step, again when someone else was faster. */
async function updateRecord(
  store: DocumentStore,
  domain: string,
  editsFor: (record: InstanceRecord) => Promise<readonly OwnEdit[]>,
): Promise<Instance> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const record = await recordOfDomain(store, domain)
    const edits = await editsFor(record)
    if (edits.length === 0) return record.instance
    const outcomes = await store.write(edits.map(editOf), { atomic: true })
    if (outcomes.every((outcome) => outcome.kind === 'ok'))
      return (await recordOfDomain(store, record.instance.domain)).instance
  }
  throw new Problem('conflict', 'Document update conflict.')
}

function ownMembers(changes: InstanceModification): InstanceMembers {
  const { diskQuota, blocked, blockingReason, onboardingFinished } = changes
  if (diskQuota !== undefined && diskQuota < -1n) {
    throw invalidParameter('DiskQuota', 'DiskQuota is a number of bytes, or -1 for no quota')
  }
  return {
    ...(diskQuota === undefined || diskQuota === 0n ? {} : { disk_quota: diskQuota < 0n ? undefined : `${diskQuota}` }),
    // A manual block, or its end, replaces a temporary one made by an import.
    ...(blocked === undefined
      ? {}
      : { blocked: blocked || undefined, blocked_by: undefined, blocked_until: undefined }),
    ...(blockingReason ? { blocking_reason: blockingReason } : {}),
    ...(onboardingFinished === undefined ? {} : { onboarding_finished: onboardingFinished }),
  }
}

/** A version that is already signed is not asked for again. */
function tosMembers({ value }: InstanceRecord, members: JsonObject): InstanceMembers {
  const signed = members['tos'] ?? value['tos']
  const latest = members['tos_latest'] ?? value['tos_latest']
  if (typeof signed !== 'string' || typeof latest !== 'string') return {}
  return coversTos(signed, latest) ? { tos_latest: undefined } : {}
}

function aliasMembers(aliases: readonly string[]): InstanceMembers {
  return aliases.length === 0 ? {} : { domain_aliases: aliases }
}

/** Claims for new aliases and the release of those no longer listed. @throws Problem `exists` */
async function aliasEdits(
  store: DocumentStore,
  record: InstanceRecord,
  aliases: readonly string[],
): Promise<readonly OwnEdit[]> {
  const { domain, aliases: former } = record.instance
  if (aliases.includes(domain)) throw instanceExists()
  const added = aliases.filter((alias) => !former.includes(alias))
  const holders = await Promise.all(added.map((alias) => findRecord(store, alias)))
  if (holders.some((holder) => holder !== undefined)) throw instanceExists()
  const removed = former.filter((alias) => !aliases.includes(alias))
  return [...added.map((alias) => claimEdit(alias, record.id)), ...(await releaseEdits(store, removed, record.id))]
}

/** What the document holds afterwards; `undefined` when it held all of it before. */
async function updateSettings(
  store: DocumentStore,
  { prefix }: Instance,
  id: string,
  members: JsonObject,
): Promise<JsonObject | undefined> {
  if (Object.keys(members).length === 0) return undefined
  const ref = { prefix, name: settingsDoctype }
  await store.createDatabase(ref)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const known = await readDocument(store, ref, id)
    const isKnown = Object.entries(members).every(([name, value]) => isDeepStrictEqual(known?.value[name], value))
    if (known !== undefined && isKnown) return undefined
    const value = { ...known?.value, ...members }
    if ((await writeDocument(store, { ref, id, value, parent: known })) === 'ok') return value
  }
  throw new Problem('conflict', 'Document update conflict.')
}
