/**
 * Design documents that belong to the server, as cozy-stack makes them in every instance. They are part of the program and
 * not of the data: no feed and no backup holds them, and they cost an instance nothing.
 */
import { createHash } from 'node:crypto'
import type { IndexView, StoredDocument } from '../../storage/documents/contract.ts'
import { stringifyJson } from '../model/json/exact.ts'
import type { Json, JsonObject } from '../model/json/value.ts'
import { type BuiltinScript, builtinScripts } from './builtin-scripts.ts'
import { compareBytes } from './mango/collation.ts'
import { designDocument } from './mango/design-document.ts'
import { parseIndexRequest } from './mango/index-request.ts'

type Index = readonly string[] | { readonly fields: readonly string[]; readonly partial_filter_selector: JsonObject }

/** Indexes by doctype, by the name of their design document. */
const indexes: Readonly<Record<string, Readonly<Record<string, Index>>>> = {
  'com.bitwarden.ciphers': { 'by-folder-id': ['folder_id'], 'by-organization-id': ['organization_id'] },
  'io.cozy.contacts': { 'by-me': ['me'], 'by-groups': ['relationships.groups.data'] },
  'io.cozy.files': {
    'dir-children': ['dir_id', '_id'],
    'dir-by-path': ['path'],
    'by-mime-updated-at': ['mime', 'trashed', 'updated_at'],
    'with-conflicts': ['_conflicts'],
    'by-sharing-status': ['metadata.sharing.status'],
    'by-dir-id-updated-at': ['dir_id', 'updated_at'],
  },
  'io.cozy.jobs': {
    'by-worker-and-state': ['worker', 'state'],
    'by-trigger-id': ['trigger_id', 'queued_at'],
    'by-queued-at': ['queued_at'],
  },
  'io.cozy.notifications': { 'by-source-id': ['source_id', 'created_at'] },
  'io.cozy.oauth.clients': {
    'by-client-name': ['client_name'],
    'by-notification-platform': ['notification_platform'],
    'connected-user-clients': {
      fields: ['client_kind', 'client_name'],
      partial_filter_selector: {
        $and: [{ client_kind: { $in: ['browser', 'desktop', 'mobile'] } }, { pending: { $exists: false } }],
      },
    },
  },
  'io.cozy.permissions': { 'by-source-and-type': ['source_id', 'type'] },
  'io.cozy.sessions.logins': { 'by-os-browser-ip': ['os', 'browser', 'ip'] },
  'io.cozy.sharings': { active: ['active'] },
  'io.cozy.triggers': { 'by-worker-and-type': ['worker', 'type'] },
}

export interface BuiltinDesign {
  /** As a store would return it. */
  readonly document: StoredDocument
  readonly body: Json
  /** The index that it holds; absent where it holds a script. */
  readonly view?: IndexView
}

const prefix = '_design/'
const made = new Map<string, readonly BuiltinDesign[]>()

/** Those of a doctype, ordered by id. Their indexes have negative numbers, which no stored one has. */
export function builtinDesigns(doctype: string): readonly BuiltinDesign[] {
  const known = made.get(doctype)
  if (known) return known
  const own = Object.hasOwn(indexes, doctype) ? indexes[doctype] : undefined
  const scripts = Object.entries(builtinScripts(doctype))
  if (own === undefined && scripts.length === 0) return none
  const entries = Object.entries(own ?? {}).sort(([a], [b]) => compareBytes(a, b))
  const designs = [
    ...entries.map(([name, index], at) => designOf(name, index, -1 - at)),
    ...scripts.map(([name, script]) => scriptDesign(name, script)),
  ].sort((a, b) => compareBytes(a.document.id, b.document.id))
  made.set(doctype, designs)
  return designs
}

const none: readonly BuiltinDesign[] = []

export function builtinDesign(doctype: string, id: string): BuiltinDesign | undefined {
  return id.startsWith(prefix) ? builtinDesigns(doctype).find(({ document }) => document.id === id) : undefined
}

/** True for an id `_design/NAME` that clients may neither delete nor change in this doctype. */
export function isBuiltinDesign(doctype: string, designId: string): boolean {
  return builtinDesign(doctype, designId) !== undefined
}

function designOf(name: string, index: Index, indexId: number): BuiltinDesign {
  const request = parseIndexRequest({ ddoc: name, index: 'fields' in index ? { ...index } : { fields: [...index] } })
  const { id, body, viewName } = designDocument(undefined, request)
  const view = { ddoc: id, name: viewName, indexId, definition: request.definition, ready: true }
  return { ...withDocument(id, body), view }
}

function scriptDesign(name: string, script: BuiltinScript): BuiltinDesign {
  return withDocument(`${prefix}${name}`, { language: 'javascript', views: { [name]: { ...script } } })
}

function withDocument(id: string, body: Json): BuiltinDesign {
  const text = stringifyJson(body)
  const hash = createHash('md5').update(text).digest('hex')
  return { document: { id, gen: 1, hash, deleted: false, leaves: 1, seq: 0n, text }, body }
}
