/** The server's own documents: plain members in and out, over the same store as all others (no HTTP, no doctype rules). */

import type {
  Body,
  DatabaseRef,
  DocumentStore,
  Edit,
  EditOutcome,
  RevisionId,
} from '../../storage/documents/contract.ts'
import { makeBody } from '../model/body.ts'
import { parseJson, stringifyJson } from '../model/json/exact.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'
import { orWithoutDatabase } from '../model/no-database.ts'
import { scanPage } from '../model/page-limits.ts'

/** A live document of our own. */
export interface OwnDocument extends RevisionId {
  readonly id: string
  readonly value: JsonObject
}

export interface OwnEdit {
  readonly ref: DatabaseRef
  readonly id: string
  /** Members, without `_id` and `_rev`; left out for a deletion. */
  readonly value?: JsonObject
  /** The revision that was read; absent for a creation. */
  readonly parent?: RevisionId | undefined
}

/** The winner; `undefined` when the document or its database does not exist, or the document is deleted. */
export async function readDocument(
  store: Pick<DocumentStore, 'read'>,
  ref: DatabaseRef,
  id: string,
): Promise<OwnDocument | undefined> {
  const found = await orWithoutDatabase(store.read(ref, id), undefined)
  if (found === undefined || found.deleted) return undefined
  return { id, gen: found.gen, hash: found.hash, value: membersOf(found.text) }
}

/** All live documents of a database by id, design documents left out; none when there is no such database. */
export async function* scanDocuments(
  store: Pick<DocumentStore, 'scanIds'>,
  ref: DatabaseRef,
): AsyncGenerator<OwnDocument, void> {
  let after: string | undefined
  for (;;) {
    const start = after === undefined ? undefined : { id: after, inclusive: false }
    const range = { start, descending: false, skip: 0, limit: scanPage, designs: 'none', bodies: true } as const
    const page = await orWithoutDatabase(store.scanIds(ref, range), [])
    for (const { id, gen, hash, text } of page) yield { id, gen, hash, value: membersOf(text) }
    after = page.at(-1)?.id
    if (page.length < scanPage || after === undefined) return
  }
}

/** The same, but a database that does not exist is an error. @throws Problem `no_database` */
export async function* scanExisting(
  store: Pick<DocumentStore, 'scanIds' | 'databaseInfo'>,
  ref: DatabaseRef,
): AsyncGenerator<OwnDocument, void> {
  await store.databaseInfo(ref)
  yield* scanDocuments(store, ref)
}

/** The members of a stored document. Numbers that a double would change are kept as they are (`ParsedJson.exact`). */
export function membersOf(text: string): JsonObject {
  const { exact } = parseJson(text)
  if (!isObject(exact)) throw new Error('a stored document is not an object')
  return exact
}

/** An edit as the store takes it. */
export function editOf({ ref, id, value, parent }: OwnEdit): Edit {
  const edit = {
    ref,
    id,
    deleted: value === undefined,
    body: bodyOf(id, value ?? {}),
    unknownParent: 'refuse' as const,
  }
  return parent === undefined ? edit : { ...edit, parent: { gen: parent.gen, hash: parent.hash } }
}

/** Writes one document. */
export async function writeDocument(store: Pick<DocumentStore, 'write'>, edit: OwnEdit): Promise<EditOutcome['kind']> {
  const [outcome] = await store.write([editOf(edit)])
  return outcome?.kind ?? 'conflict'
}

/** A revision as clients see it. */
export function revText({ gen, hash }: RevisionId): string {
  return `${gen}-${hash}`
}

/** Printed and parsed again: `members` may hold numbers as they were read, which must not lose digits. */
export function bodyOf(id: string, members: JsonObject): Body {
  const text = stringifyJson(members)
  const { value } = parseJson(text)
  return makeBody(id, isObject(value) ? value : {}, text, Number.POSITIVE_INFINITY)
}
