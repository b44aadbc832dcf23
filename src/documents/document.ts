/** One document as a client sent it: its special members checked and taken out, its body made ready for the store. */
import { Buffer } from 'node:buffer'
import type { RevisionId } from '../../storage/documents/contract.ts'
import type { ReceivedContents } from '../attachments/extract.ts'
import { parseAttachments, type SentAttachment } from '../attachments/parse.ts'
import { isDesignId, makeBody, type ObjectBody } from '../model/body.ts'
import { Problem } from '../model/errors.ts'
import { elementsOf, memberOf, type ParsedJson, stringifyJson } from '../model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import { parseHash, parseRevision } from '../model/revision.ts'

/** Levels of arrays and objects, the document itself included. */
export const maxDocumentDepth = 200

/** Bytes of UTF-8. */
export const maxIdBytes = 1024

export interface DocumentRules {
  /** Bytes of the body, as text and as the database would print it. */
  readonly maxBytes: number
  /** The id from the path, which wins over `_id`. */
  readonly id?: string | undefined
  /** Treat an empty `_id` or `_rev` as absent instead of refusing it. */
  readonly emptyIsAbsent?: boolean | undefined
  /** Keep the members that CouchDB's replicator writes into its own documents, instead of refusing them. */
  readonly replicatorMembers?: boolean | undefined
  /** Contents that were taken out of the body while it arrived. */
  readonly received?: ReceivedContents | undefined
}

export interface PreparedDocument {
  /** `_id` of the document; the path may say otherwise, the face decides. */
  readonly id?: string | undefined
  /** The revision that the client read: `_revisions` wins over `_rev`. */
  readonly rev?: RevisionId | undefined
  readonly deleted: boolean
  /** Generation of `ids[0]`, hashes newest first; never empty. */
  readonly revisions?: { readonly start: number; readonly ids: readonly string[] } | undefined
  /** `_type`, never stored; the face decides whether it is allowed. */
  readonly type?: string | undefined
  /** `_attachments` as given, absent when there are none; `body` is without them. */
  readonly attachments?: readonly SentAttachment[] | undefined
  readonly body: ObjectBody
}

/**
 * Throws `bad_request` when it is not an object, `doc_validation` for special members that are unknown or of a wrong type,
 * `illegal_docid`, and `document_too_large` with the id as reason. Attachments do not count for
 * the size of a document.
 */
export function prepareDocument({ value, exact }: ParsedJson, rules: DocumentRules): PreparedDocument {
  if (!isObject(value) || !isObject(exact)) throw new Problem('bad_request', 'Document must be a JSON object')
  if (isDeeper(value, maxDocumentDepth)) {
    throw new Problem('bad_request', `Document is nested deeper than ${maxDocumentDepth} levels`)
  }
  const kept = rules.replicatorMembers === true ? replicatorMembers : noMembers
  const special = Object.keys(value).filter((name) => name.startsWith('_') && !kept.has(name))
  for (const name of special) checkMember(name, value[name])
  const id = idOf(value['_id'], rules)
  const revisions = revisionsOf(value['_revisions'])
  const rev = isAbsent(value['_rev'], rules) ? undefined : parseRevision(value['_rev'])
  const members = special.length === 0 ? value : withoutMembers(value, special)
  const printed = exact === value ? members : withoutMembers(exact, special)
  return {
    id,
    rev: revisions ? { gen: revisions.start, hash: revisions.ids[0] as string } : rev,
    deleted: value['_deleted'] === true,
    revisions,
    type: value['_type'] as string | undefined,
    attachments: parseAttachments(value['_attachments'], rules.received),
    body: makeBody(rules.id ?? id, members, stringifyJson(printed), rules.maxBytes),
  }
}

export interface BulkDocuments {
  readonly docs: readonly PreparedDocument[]
  /** False: store the revisions as they are given. */
  readonly newEdits: boolean
}

/**
 * The body of `_bulk_docs`. One document that is malformed fails them all; throws what `prepareDocument` throws, and
 * `bad_request` when the envelope is malformed.
 */
export function prepareBulk(body: ParsedJson, rules: DocumentRules): BulkDocuments {
  if (!isObject(body.value)) throw new Problem('bad_request', 'Request body must be a JSON object')
  const docs = memberOf(body, 'docs')
  if (!docs) throw new Problem('bad_request', 'POST body must include `docs` parameter.')
  const documents = elementsOf(docs)
  if (!documents) throw new Problem('bad_request', '`docs` parameter must be an array.')
  const asked = memberOf(body, 'new_edits')
  const newEdits = asked ? asked.value : true
  if (typeof newEdits !== 'boolean') throw new Problem('bad_request', '`new_edits` must be true or false.')
  return { docs: documents.map((document) => prepareDocument(document, rules)), newEdits }
}

/**
 * Checks the id of a document or design document. Throws `illegal_docid`.
 */
export function checkDocumentId(id: string): void {
  if (id === '') throw illegalId('Document id must not be empty')
  if (id === '.' || id === '..') throw illegalId('Document id must not be . or ..')
  if (id === '_design/') throw illegalId('Illegal document id `_design/`')
  if (id.startsWith('_') && !isDesignId(id)) {
    throw illegalId('Only reserved document ids may start with underscore.')
  }
  if (id.includes('\u0000')) throw illegalId('Document id must not contain U+0000')
  if (id.length > maxIdBytes / 3 && Buffer.byteLength(id) > maxIdBytes) {
    throw illegalId(`Document id is too long: at most ${maxIdBytes} bytes`)
  }
}

/** Special members that are ignored, so that a document read with them can be written back. */
const ignored = new Set(['_revs_info', '_local_seq', '_conflicts', '_deleted_conflicts'])

/** Members that CouchDB stores although they begin with an underscore: its replicator writes them. */
const replicatorMembers: ReadonlySet<string> = new Set([
  '_replication_state',
  '_replication_state_time',
  '_replication_state_reason',
  '_replication_id',
  '_replication_stats',
  '_access',
])
const noMembers: ReadonlySet<string> = new Set()

function checkMember(name: string, value: Json | undefined): void {
  const fits =
    name === '_id' ||
    name === '_rev' ||
    name === '_revisions' ||
    (name === '_deleted' && typeof value === 'boolean') ||
    (name === '_type' && typeof value === 'string') ||
    // It has its own checks.
    name === '_attachments' ||
    ignored.has(name)
  if (!fits) throw new Problem('doc_validation', `Bad special document member: ${name}`)
}

function isAbsent(value: Json | undefined, { emptyIsAbsent }: DocumentRules): boolean {
  return value === undefined || (value === '' && emptyIsAbsent === true)
}

function idOf(id: Json | undefined, rules: DocumentRules): string | undefined {
  if (isAbsent(id, rules)) return undefined
  if (typeof id !== 'string') throw illegalId('Document id must be a string')
  checkDocumentId(id)
  return id
}

function revisionsOf(revisions: Json | undefined): PreparedDocument['revisions'] {
  if (revisions === undefined) return undefined
  if (!isObject(revisions)) throw new Problem('doc_validation', '_revisions must be an object')
  const { start, ids } = revisions
  if (!Number.isSafeInteger(start) || typeof start !== 'number')
    throw new Problem('doc_validation', "_revisions.start isn't an integer.")
  if (!Array.isArray(ids)) throw new Problem('doc_validation', "_revisions.ids isn't a array.")
  const gen = Number(start)
  if (gen === 0 && ids.length === 0) return undefined
  if (gen < 0 || ids.length === 0 || ids.length > Math.max(gen, 1)) {
    throw new Problem('doc_validation', '_revisions.ids must hold 1 to `start` hashes')
  }
  const hashes = ids.map((hash: unknown) => {
    if (typeof hash !== 'string') throw new Problem('doc_validation', "RevId isn't a string")
    return parseHash(hash)
  })
  return { start: gen, ids: hashes }
}

/** What is left can be assigned: `__proto__` is a special member, too. */
function withoutMembers(object: JsonObject, special: readonly string[]): JsonObject {
  const members: Record<string, Json> = {}
  for (const name of Object.keys(object)) if (!special.includes(name)) members[name] = object[name] as Json
  return members
}

function isDeeper(value: JsonObject | readonly Json[], levels: number): boolean {
  if (levels === 0) return true
  const members = Array.isArray(value) ? value : Object.values(value)
  for (const member of members) {
    if (typeof member === 'object' && member !== null && isDeeper(member, levels - 1)) return true
  }
  return false
}

function illegalId(reason: string): Problem {
  return new Problem('illegal_docid', reason)
}
