/** Instance documents and the claims on their domains, as they lie in the server's own databases. */
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import type { JsonObject } from '../model/json/value.ts'
import { type OwnDocument, type OwnEdit, readDocument, revText } from './own-documents.ts'
import { instanceNotFound } from './problems.ts'
import type { Instance } from './service.ts'

/** The instance documents. */
export const instancesRef: DatabaseRef = { prefix: 'global', name: 'instances' }
/** One document for each domain and alias, which makes them unique; its id is the name. */
export const domainsRef: DatabaseRef = { prefix: 'global', name: 'instances.domains' }

/** One document for each domain that an instance had before; its id is the name. */
export const formerDomainsRef: DatabaseRef = { prefix: 'global', name: 'instances.former' }

/** Where an instance keeps what its owner has set. */
export const settingsDoctype = 'io.cozy.settings'
export const settingsId = 'io.cozy.settings.instance'
/** The parameters of the owner's passphrase, and the key that it protects. */
export const vaultId = 'io.cozy.settings.bitwarden'

/** An instance with its document's revision, for a change. */
export interface InstanceRecord extends OwnDocument {
  readonly instance: Instance
}

export function recordOf(document: OwnDocument): InstanceRecord {
  const { id, value } = document
  const aliases = Array.isArray(value['domain_aliases']) ? value['domain_aliases'].map(String) : []
  const domain = String(value['domain'])
  const instance = { id, rev: revText(document), domain, aliases, prefix: String(value['prefix']), document: value }
  return { ...document, instance }
}

/** The instance that has a (normalised) domain or alias. */
export async function findRecord(
  store: Pick<DocumentStore, 'read'>,
  domain: string,
): Promise<InstanceRecord | undefined> {
  const claim = await readDocument(store, domainsRef, domain)
  if (claim === undefined) return undefined
  const document = await readDocument(store, instancesRef, String(claim.value['instance']))
  return document && recordOf(document)
}

/** The same. @throws Problem `not_found` */
export async function recordOfDomain(store: Pick<DocumentStore, 'read'>, domain: string): Promise<InstanceRecord> {
  const record = await findRecord(store, domain)
  if (record === undefined) throw instanceNotFound()
  return record
}

/** Takes a name for an instance. A conflict means that it is taken. */
export function claimEdit(domain: string, instanceId: string): OwnEdit {
  return { ref: domainsRef, id: domain, value: { instance: instanceId } }
}

/** The instance that had a domain before, and has another one now. */
export async function findFormer(store: Pick<DocumentStore, 'read'>, domain: string): Promise<Instance | undefined> {
  const former = await readDocument(store, formerDomainsRef, domain)
  if (former === undefined) return undefined
  const document = await readDocument(store, instancesRef, String(former.value['instance']))
  if (document === undefined || document.value['old_domain'] !== domain) return undefined
  return recordOf(document).instance
}

/** Edits that make a domain known as the former one of an instance. The latest instance that says so has it. */
export async function formerDomainEdits(
  store: Pick<DocumentStore, 'read' | 'createDatabase'>,
  { id, value }: Pick<OwnDocument, 'id' | 'value'>,
  domain: string | undefined,
): Promise<readonly OwnEdit[]> {
  if (domain === undefined || domain === '' || domain === value['old_domain'] || domain.length > 253) return []
  await store.createDatabase(formerDomainsRef)
  const parent = await readDocument(store, formerDomainsRef, domain)
  return [{ ref: formerDomainsRef, id: domain, value: { instance: id }, parent }]
}

/** Edits that free names; those held by another instance are left alone. */
export async function releaseEdits(
  store: Pick<DocumentStore, 'read'>,
  domains: readonly string[],
  instanceId: string,
): Promise<readonly OwnEdit[]> {
  const claims = await Promise.all(domains.map((domain) => readDocument(store, domainsRef, domain)))
  return claims
    .filter((claim): claim is OwnDocument => claim?.value['instance'] === instanceId)
    .map((claim) => ({ ref: domainsRef, id: claim.id, parent: claim }))
}

/** The document of an instance with some members changed; `undefined` removes one. */
export function changedRecord(
  record: InstanceRecord,
  members: Readonly<Record<string, JsonObject[string] | undefined>>,
): OwnEdit {
  const merged = Object.entries({ ...record.value, ...members })
  const kept = merged.filter((entry): entry is [string, JsonObject[string]] => entry[1] !== undefined)
  return { ref: instancesRef, id: record.id, value: Object.fromEntries(kept), parent: record }
}
