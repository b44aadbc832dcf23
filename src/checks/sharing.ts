/** A sharing according to its document. What cannot be read counts as absent; a check reports it. */
import type { OwnDocument } from '../instances/own-documents.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'

export interface SharingRule {
  readonly title: string
  readonly doctype: string
  readonly selector: string
  readonly values: readonly string[]
  readonly add: string
  readonly update: string
  readonly remove: string
  readonly local: boolean
}

export interface SharingMember {
  readonly status: string
  /** URL of the member's instance; empty where it is not known yet. */
  readonly instance: string
  readonly readOnly: boolean
  readonly onlyInGroups: boolean
}

export interface SharingCredential {
  readonly hasClient: boolean
  readonly hasAccessToken: boolean
  readonly inboundClientId: string
  /** Relates the ids of documents on both sides. */
  readonly xorKey: Uint8Array
}

export interface Sharing {
  readonly id: string
  readonly owner: boolean
  readonly active: boolean
  readonly drive: boolean
  readonly initialSync: boolean
  readonly rules: readonly SharingRule[]
  readonly members: readonly SharingMember[]
  readonly credentials: readonly SharingCredential[]
  readonly trackIds: readonly string[]
  readonly replicateId: string
  readonly uploadId: string
}

export function sharingOf({ id, value }: Pick<OwnDocument, 'id' | 'value'>): Sharing {
  const triggers = objectIn(value['triggers'])
  const track = [textIn(triggers['track_id']), ...texts(triggers['track_ids'])]
  return {
    id,
    owner: value['owner'] === true,
    active: value['active'] === true,
    drive: value['drive'] === true,
    initialSync: value['initial_sync'] === true,
    rules: objects(value['rules']).map(ruleOf),
    members: objects(value['members']).map(memberOf),
    credentials: objects(value['credentials']).map(credentialOf),
    trackIds: track.filter((trigger) => trigger !== ''),
    replicateId: textIn(triggers['replicate_id']),
    uploadId: textIn(triggers['upload_id']),
  }
}

function ruleOf(rule: JsonObject): SharingRule {
  return {
    title: textIn(rule['title']),
    doctype: textIn(rule['doctype']),
    selector: textIn(rule['selector']),
    values: texts(rule['values']),
    add: textIn(rule['add']).toLowerCase(),
    update: textIn(rule['update']).toLowerCase(),
    remove: textIn(rule['remove']).toLowerCase(),
    local: rule['local'] === true,
  }
}

function memberOf(member: JsonObject): SharingMember {
  return {
    status: textIn(member['status']),
    instance: textIn(member['instance']),
    readOnly: member['read_only'] === true,
    onlyInGroups: member['only_in_groups'] === true,
  }
}

function credentialOf(credential: JsonObject): SharingCredential {
  const token = objectIn(credential['access_token'])
  return {
    hasClient: isObject(credential['client']),
    hasAccessToken: Object.keys(token).length > 0,
    inboundClientId: textIn(credential['inbound_client_id']),
    xorKey: Buffer.from(textIn(credential['xor_key']), 'base64'),
  }
}

/** The rule about files that are synchronised; none for sharings of other documents. */
export function filesRule({ rules }: Sharing): SharingRule | undefined {
  return rules.find((rule) => rule.doctype === 'io.cozy.files' && rule.selector !== 'referenced_by' && !rule.local)
}

/** The id of a document on the other side; the same function leads back. */
export function xorId(id: string, key: Uint8Array): string {
  if (key.length === 0) return id
  const digits = [...id].map((character, index) => {
    if (!/[0-9a-f]/i.test(character)) return character
    return (Number.parseInt(character, 16) ^ ((key[index % key.length] ?? 0) & 15)).toString(16)
  })
  return digits.join('')
}

/** Host and port of a member's instance; `undefined` for what is not a URL of one. */
export function domainIn(instance: string): string | undefined {
  if (!/^https?:\/\//i.test(instance) || !URL.canParse(instance)) return undefined
  return new URL(instance).host.toLowerCase() || undefined
}

/** A domain without its first label: instances below one belong to one operator. */
export function parentDomain(domain: string): string {
  return domain.slice(domain.indexOf('.') + 1)
}

function textIn(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

function texts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function objectIn(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}
