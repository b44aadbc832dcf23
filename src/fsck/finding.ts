/** What a check of an instance's files can find, and how a finding reads on the wire. */
import type { StoredDocument } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import { parseJson, stringifyJson } from '../model/json/exact.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'
import { isNoDatabase } from '../model/no-database.ts'
import { formatRevision } from '../model/revision.ts'

/** Every kind of finding. The first ten are found in the documents alone, the others by looking at the objects. */
export const findingTypes = [
  'conflict_in_index',
  'index_missing_root',
  'index_missing_trash',
  'index_orphan_tree',
  'index_bad_fullpath',
  'index_file_with_path',
  'index_duplicate_name',
  'trashed_not_in_trash',
  'not_trashed_in_trash',
  'file_missing',
  'index_missing',
  'content_mismatch',
  'filesystem_missing',
  'thumbnail_with_no_file',
  'type_mismatch',
] as const

export type FindingType = (typeof findingTypes)[number]

/** What the document says of content and what is stored. Bytes; base64 of the 16 bytes. */
export interface Mismatch {
  readonly size_index: number
  readonly size_file: number
  readonly md5sum_index: string
  readonly md5sum_file: string
}

export interface Finding {
  readonly type: FindingType
  readonly file_doc?: JsonObject
  readonly dir_doc?: JsonObject
  readonly version_doc?: JsonObject
  /** False for some findings about files too: clients know them like that. */
  readonly is_file: boolean
  readonly is_version: boolean
  readonly content_mismatch?: Mismatch
  readonly expected_fullpath?: string
}

/** A finding as one line of JSON, without the line end. */
export function lineOf(finding: Finding): string {
  return stringifyJson(finding)
}

/** The last line of a check that could not go on. What is not a `Problem` is told to the log only. */
export function failureLine(error: unknown): string {
  const reason = error instanceof Problem ? error.reason : 'The check failed; the log of the server says why.'
  return JSON.stringify(isNoDatabase(error) ? { type: 'no_database', error: reason } : { error: reason })
}

/** Facts about a file or directory in addition to its document. */
export interface Place {
  /** Of a file: made of its directory's path and its name. */
  readonly path?: string | undefined
  readonly isOrphan?: boolean
  readonly hasCycle?: boolean
}

/** A file as findings show it. */
export function fileDocument(stored: StoredDocument, place: Place): JsonObject {
  const { path: _stored, ...members } = shown(stored)
  return { ...members, ...(place.path === undefined ? {} : { path: place.path }), ...marks(members, place, false) }
}

/** A directory as findings show it, with the path that is stored. */
export function directoryDocument(stored: StoredDocument, place: Place = {}): JsonObject {
  return { ...shown(stored), ...marks({}, place, true) }
}

/** A version as findings show it. */
export function versionDocument(stored: StoredDocument): JsonObject {
  return shown(stored)
}

/** The path shown for a file whose directory is not known. */
export const orphansPath = '/.cozy_orphans'

/** Left out since nothing bounds them, and a client may read lines of 64 kB only. */
const hidden: ReadonlySet<string> = new Set(['metadata', 'children'])

/** Left out when they are false. */
const silent: ReadonlySet<string> = new Set(['trashed', 'executable', 'encrypted'])

function shown(stored: StoredDocument): JsonObject {
  const { exact } = parseJson(stored.text)
  const entries = isObject(exact) ? Object.entries(exact) : []
  const members = entries.filter(([name, value]) => !hidden.has(name) && !(value === false && silent.has(name)))
  return { _id: stored.id, _rev: formatRevision(stored), ...Object.fromEntries(members) }
}

function marks(members: JsonObject, { isOrphan, hasCycle }: Place, isDirectory: boolean): JsonObject {
  const size = isDirectory ? '0' : members['size']
  return {
    size: typeof size === 'string' ? size : stringifyJson(size ?? '0'),
    is_dir: isDirectory,
    is_orphan: isOrphan === true,
    has_cycle: hasCycle === true,
  }
}
