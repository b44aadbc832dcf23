/** Files and directories as stored in `io.cozy.files`, parsed into types. */
import type { StoredDocument } from '../../storage/documents/contract.ts'
import { parseJson } from '../model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import { formatRevision } from '../model/revision.ts'

export const rootId = 'io.cozy.files.root-dir'
export const trashId = 'io.cozy.files.trash-dir'
export const sharedDrivesId = 'io.cozy.files.shared-drives-dir'
export const trashPath = '/.cozy_trash'

/** A document that says it uses a file: an album its photos, a note its images. */
export interface Reference {
  readonly type: string
  readonly id: string
}

interface AnyNode {
  readonly id: string
  /** `N-hash`. */
  readonly rev: string
  readonly name: string
  /** Empty for the root. */
  readonly dirId: string
  readonly createdAt: string
  readonly updatedAt: string
  readonly tags: readonly string[]
  readonly referencedBy: readonly Reference[]
  /** Where a trashed node was: the path of its former directory. */
  readonly restorePath: string | undefined
  /** The document as stored, without `_id` and `_rev`. */
  readonly value: JsonObject
  /** The same for printing or changing: numbers as they were written (`ParsedJson.exact`). */
  readonly exact: JsonObject
}

export interface Directory extends AnyNode {
  readonly kind: 'directory'
  readonly path: string
}

export interface FileNode extends AnyNode {
  readonly kind: 'file'
  /** Bytes. */
  readonly size: number
  /** Base64 of the 16 bytes. */
  readonly md5sum: string
  readonly mime: string
  readonly class: string
  readonly executable: boolean
  readonly trashed: boolean
  readonly encrypted: boolean
  /** Names the content in the object store; new with each write. */
  readonly internalId: string
}

export type Node = Directory | FileNode

/** Reads a stored document. Members of a wrong type count as empty: a checker reports them, and nothing fails because of them. */
export function nodeOf(document: Pick<StoredDocument, 'id' | 'gen' | 'hash' | 'text'>): Node {
  const { value, exact } = parseJson(document.text)
  const members = isObject(value) ? value : {}
  const common = {
    id: document.id,
    rev: formatRevision(document),
    name: text(members['name']),
    dirId: text(members['dir_id']),
    createdAt: text(members['created_at']),
    updatedAt: text(members['updated_at']),
    tags: list(members['tags']).filter((tag): tag is string => typeof tag === 'string'),
    referencedBy: list(members['referenced_by']).filter(isReference),
    restorePath: typeof members['restore_path'] === 'string' ? members['restore_path'] : undefined,
    value: members,
    exact: isObject(exact) ? exact : {},
  }
  if (members['type'] === 'directory') return { ...common, kind: 'directory', path: text(members['path']) }
  return {
    ...common,
    kind: 'file',
    size: Number(members['size'] ?? 0),
    md5sum: text(members['md5sum']),
    mime: text(members['mime']),
    class: text(members['class']),
    executable: members['executable'] === true,
    trashed: members['trashed'] === true,
    encrypted: members['encrypted'] === true,
    internalId: text(members['internal_vfs_id']),
  }
}

/** A node that was written as a file. */
export function asFile(node: Node): FileNode {
  if (node.kind !== 'file') throw new Error(`not a file: ${node.id}`)
  return node
}

/** A node that was written as a directory. */
export function asDirectory(node: Node): Directory {
  if (node.kind !== 'directory') throw new Error(`not a directory: ${node.id}`)
  return node
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : []
}

function isReference(value: Json): value is JsonObject & Reference {
  return isObject(value) && typeof value['type'] === 'string' && typeof value['id'] === 'string'
}
