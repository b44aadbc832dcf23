/** Making, listing and deleting mango indexes: each is a view of a design document. */

import type { DatabaseRef, DocumentStore, Edit, StoredDocument } from '../../storage/documents/contract.ts'
import { emptyBody, makeBody } from '../model/body.ts'
import { Problem } from '../model/errors.ts'
import { parseJson, stringifyJson } from '../model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import { noDatabase } from '../model/no-database.ts'
import { builtinDesign, isBuiltinDesign } from './builtin-designs.ts'
import { creating } from './creating.ts'
import { checkDocumentId } from './document.ts'
import { designDocument, indexNames, withoutView } from './mango/design-document.ts'
import { type IndexRequest, parseIndexRequest } from './mango/index-request.ts'
import { listing, primaryListing } from './mango/listing.ts'
import type { BulkOptions } from './service.ts'

type Store = Pick<DocumentStore, 'indexes' | 'read' | 'write' | 'createDatabase'>

/** If two requests make one design document, the second sees the first one's document and tries again. */
const maxAttempts = 10

export interface MadeIndex {
  readonly result: 'created' | 'exists'
  readonly id: string
  readonly name: string
}

/** Resolves when the index can be used. */
export async function createIndex(
  store: Store,
  ref: DatabaseRef,
  body: Json,
  { create }: BulkOptions,
): Promise<MadeIndex> {
  const request = parseIndexRequest(body)
  const { id } = indexNames(request)
  checkDocumentId(id)
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const made = await creating(store, ref, create, async () => {
      const stored = await store.read(ref, id)
      return addView(store, ref, builtinDesign(ref.name, id)?.document ?? stored, request)
    })
    if (made === 'conflict') continue
    await store.indexes(ref, { fresh: true })
    return made
  }
  throw new Problem('conflict', 'The design document keeps changing; try again.')
}

async function addView(
  store: Store,
  ref: DatabaseRef,
  existing: StoredDocument | undefined,
  request: IndexRequest,
): Promise<MadeIndex | 'conflict'> {
  const live = existing && !existing.deleted ? existing : undefined
  const design = designDocument(live && parseJson(live.text).value, request)
  const made = { result: design.result, id: design.id, name: design.viewName }
  if (design.result === 'exists') return made
  if (isBuiltinDesign(ref.name, design.id)) throw new Problem('forbidden', 'This design doc cannot be changed')
  return (await writeDesign(store, ref, design.id, live, design.body)) ?? made
}

/** What prevented the write; `undefined` when it is done. */
async function writeDesign(
  store: Store,
  ref: DatabaseRef,
  id: string,
  live: StoredDocument | undefined,
  body: Json | undefined,
): Promise<'conflict' | undefined> {
  const edit: Edit = {
    ref,
    id,
    parent: live,
    deleted: body === undefined,
    body: isObject(body) ? makeBody(id, body, stringifyJson(body), Number.POSITIVE_INFINITY) : emptyBody,
    unknownParent: 'refuse',
  }
  const [outcome] = await store.write([edit])
  if (outcome?.kind === 'ok') return undefined
  if (outcome?.kind === 'no_database') throw noDatabase()
  return 'conflict'
}

/** Rows of GET `_index`, the primary one first. */
export async function listIndexes(store: Pick<Store, 'indexes'>, ref: DatabaseRef): Promise<readonly JsonObject[]> {
  const { views } = await store.indexes(ref, { fresh: true })
  return [primaryListing, ...views.map(listing)]
}

/** Deletes the design document with its last index. False when there is no such index. */
export async function deleteIndex(store: Store, ref: DatabaseRef, ddoc: string, name: string): Promise<boolean> {
  const id = ddoc.startsWith('_design/') ? ddoc : `_design/${ddoc}`
  const own = builtinDesign(ref.name, id)
  if (own?.view?.name === name) throw new Problem('forbidden', 'This design doc cannot be deleted')
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const existing = await store.read(ref, id)
    if (!existing || existing.deleted) return false
    const left = withoutView(parseJson(existing.text).value, name)
    if (left === 'missing') return false
    if (isBuiltinDesign(ref.name, id)) throw new Problem('forbidden', 'This design doc cannot be deleted')
    const stopped = await writeDesign(store, ref, id, existing, left)
    if (!stopped) return true
  }
  throw new Problem('conflict', 'The design document keeps changing; try again.')
}
