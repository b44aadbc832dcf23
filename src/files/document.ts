/** Documents of directories, files and versions: made, changed and turned into edits. */

import { type FileEdit, type FilesTransaction, filesDoctype, versionsDoctype } from '../../storage/files/contract.ts'
import { makeBody } from '../model/body.ts'
import { parseJson, stringifyJson } from '../model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import { parseRevision } from '../model/revision.ts'
import { isBefore } from './dates.ts'
import { type Node, nodeOf } from './node.ts'
import { type Act, changed, made, uploaded } from './provenance.ts'
import type { NewDirectory, NewFile } from './service.ts'

/** The members of a file's document that describe its content. */
export interface Content {
  readonly internalId: string
  readonly size: number
  readonly md5sum: string
  readonly mime: string
  readonly class: string
  readonly executable: boolean
  readonly encrypted: boolean
}

export function newDirectory(act: Act, directory: NewDirectory, path: string): JsonObject {
  return {
    type: 'directory',
    ...common(act, directory),
    path,
    cozyMetadata: made(act, { account: directory.sourceAccount }),
  }
}

export function newFile(act: Act, file: NewFile, content: Content): JsonObject {
  return {
    type: 'file',
    ...common(act, file),
    ...contentMembers(content),
    trashed: false,
    cozyMetadata: {
      ...made(act, { account: file.sourceAccount, id: file.sourceAccountIdentifier }),
      ...uploaded(act),
    },
  }
}

/** The members of a file that change with its content. */
export function contentMembers(content: Content): JsonObject {
  return {
    size: String(content.size),
    md5sum: content.md5sum,
    mime: content.mime,
    class: content.class,
    executable: content.executable,
    encrypted: content.encrypted,
    internal_vfs_id: content.internalId,
  }
}

/** A document with some members changed; `undefined` removes one. `cozyMetadata` says that it was changed. */
export function changedMembers(
  act: Act,
  before: JsonObject,
  members: Readonly<Record<string, Json | undefined>>,
  provenance: Readonly<Record<string, Json | undefined>> = {},
): JsonObject {
  return merged(before, {
    ...members,
    cozyMetadata: merged(changed(before['cozyMetadata'], act), provenance),
  })
}

/** An edit of a node: `value` absent deletes it. */
export function nodeEdit(node: Pick<Node, 'id' | 'rev'>, value: JsonObject | undefined): FileEdit {
  return edit(filesDoctype, node.id, node.rev, value)
}

export function newNodeEdit(id: string, value: JsonObject): FileEdit {
  return edit(filesDoctype, id, undefined, value)
}

export function versionEdit(version: { readonly id: string; readonly rev?: string }, value: JsonObject | undefined) {
  return edit(versionsDoctype, version.id, version.rev, value)
}

/** Writes edits of which the first is a node's, and gives that node as it is now. */
export async function writeNode(
  tx: Pick<FilesTransaction, 'write'>,
  first: FileEdit,
  ...more: readonly FileEdit[]
): Promise<Node> {
  const [revision] = await tx.write([first, ...more])
  if (revision === undefined || first.body === undefined) throw new Error('the store gave no revision')
  return nodeOf({ id: first.id, ...revision, text: first.body.text })
}

function common(act: Act, node: NewDirectory | NewFile): JsonObject {
  const createdAt = node.createdAt ?? act.at
  // A file that claims to be created in the future was not changed before.
  const updatedAt = node.updatedAt ?? (isBefore(act.at, createdAt) ? createdAt : act.at)
  return {
    name: node.name,
    dir_id: node.dirId,
    created_at: createdAt,
    updated_at: updatedAt,
    tags: node.tags ?? [],
    ...(node.metadata === undefined ? {} : { metadata: node.metadata }),
  }
}

function merged(before: JsonObject, members: Readonly<Record<string, Json | undefined>>): JsonObject {
  const entries = Object.entries({ ...before, ...members })
  return Object.fromEntries(entries.filter((entry): entry is [string, Json] => entry[1] !== undefined))
}

function edit(
  doctype: FileEdit['doctype'],
  id: string,
  rev: string | undefined,
  value: JsonObject | undefined,
): FileEdit {
  const parent = rev === undefined ? undefined : parseRevision(rev)
  if (value === undefined) return { doctype, id, parent, body: undefined }
  const text = stringifyJson(value)
  // Parsed again, since `value` may hold numbers as raw text, from which no digest can be computed.
  const parsed = parseJson(text).value
  return { doctype, id, parent, body: makeBody(id, isObject(parsed) ? parsed : {}, text, Number.POSITIVE_INFINITY) }
}
