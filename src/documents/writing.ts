/** Writing documents: protection first, then neutral edits for the store. */

import type {
  DatabaseRef,
  DocumentStore,
  Edit,
  EditOutcome,
  Replicated,
  RevisionId,
} from '../../storage/documents/contract.ts'
import type { Contents } from '../attachments/contents.ts'
import { storeEditContents, storeRevisionContents } from '../attachments/store-contents.ts'
import { noStubs, partsOf, withStubs } from '../attachments/stubs.ts'
import { newDocumentId } from '../ids.ts'
import { emptyBody, makeBody } from '../model/body.ts'
import { isWritable } from '../model/doctypes.ts'
import { Problem } from '../model/errors.ts'
import { stringifyJson } from '../model/json/exact.ts'
import { noDatabase } from '../model/no-database.ts'
import { checkSuccessor, formatRevision, sameRevision } from '../model/revision.ts'
import { builtinDesign, isBuiltinDesign } from './builtin-designs.ts'
import { creating } from './creating.ts'
import { checkDocumentId, type PreparedDocument } from './document.ts'
import type { BulkOptions, BulkOutcome, WriteOutcome, WriteRequest } from './service.ts'

type Store = Pick<
  DocumentStore,
  | 'write'
  | 'replicate'
  | 'createDatabase'
  | 'databaseInfo'
  | 'read'
  | 'readRevision'
  | 'readRevisions'
  | 'readMany'
  | 'readTrees'
>

/** What writing needs: the stores of documents and of attachments. */
export interface Stores {
  readonly store: Store
  readonly contents: Contents
}

/**
 * Reserved doctypes are written by their own APIs only; design documents may be added to those that can be read, since
 * apps with read permission make their indexes.
 */
export function assertWritable(ref: DatabaseRef, id: string): void {
  if (!id.startsWith('_design/') && !isWritable(ref.name)) {
    throw new Problem('forbidden', `reserved doctype ${ref.name} unwritable`)
  }
}

/** Why a design document of the server's own may not be changed; `undefined` when it may. */
export function protection(ref: DatabaseRef, id: string, deleted: boolean): string | undefined {
  if (!id.startsWith('_design/') || !isBuiltinDesign(ref.name, id)) return undefined
  return deleted ? 'This design doc cannot be deleted' : 'This design doc cannot be changed'
}

export async function writeDocument(
  stores: Stores,
  ref: DatabaseRef,
  request: WriteRequest,
  options: BulkOptions = { create: false },
): Promise<WriteOutcome> {
  const { id, document, rev, unknownParent } = request
  assertWritable(ref, id)
  checkSuccessor(rev)
  const reason = protection(ref, id, document.deleted)
  if (reason) return { kind: 'forbidden', id, reason }
  const edit: Edit = { ref, id, parent: rev, deleted: document.deleted, body: document.body, unknownParent }
  if (!document.attachments) {
    const [outcome] = await writeCreating(stores.store, ref, [edit], options)
    return named(id, outcome)
  }
  const [settled] = await withAttachments(stores, ref, [{ edit, document }], options)
  if (!settled || !('body' in settled)) return named(id, settled)
  const outcome = named(id, (await writeCreating(stores.store, ref, [settled], options))[0])
  return outcome.kind === 'ok' ? { ...outcome, text: settled.body.text } : outcome
}

export async function removeDocument(
  store: Store,
  ref: DatabaseRef,
  id: string,
  rev: RevisionId | undefined,
): Promise<WriteOutcome> {
  checkDocumentId(id)
  assertWritable(ref, id)
  checkSuccessor(rev)
  const reason = protection(ref, id, true)
  if (reason) return { kind: 'forbidden', id, reason }
  const edit: Edit = { ref, id, parent: rev, deleted: true, body: emptyBody, unknownParent: 'refuse', mustExist: true }
  const [outcome] = await store.write([edit])
  return named(id, outcome)
}

/** `_bulk_docs`: every document on its own, outcomes in the order given. */
export async function writeBulk(
  stores: Stores,
  ref: DatabaseRef,
  documents: readonly PreparedDocument[],
  options: BulkOptions,
): Promise<readonly BulkOutcome[]> {
  const outcomes: BulkOutcome[] = new Array(documents.length)
  const edits: Edit[] = []
  const places: number[] = []
  for (const [at, document] of documents.entries()) {
    const id = document.id ?? newDocumentId()
    assertWritable(ref, id)
    checkSuccessor(document.rev)
    const reason = protection(ref, id, document.deleted)
    if (reason) {
      outcomes[at] = { kind: 'forbidden', id, reason }
      continue
    }
    edits.push({
      ref,
      id,
      parent: document.rev,
      deleted: document.deleted,
      body: document.body,
      unknownParent: 'accept',
    })
    places.push(at)
  }
  const answers = documents.some(({ attachments }) => attachments)
    ? await writeAttaching(
        stores,
        ref,
        places.map((at, n) => ({ edit: edits[n] as Edit, document: documents[at] as PreparedDocument })),
        options,
      )
    : await writeCreating(stores.store, ref, edits, options)
  if (answers.length > 0 && answers.every((outcome) => outcome.kind === 'no_database')) throw noDatabase()
  for (const [n, at] of places.entries()) outcomes[at] = bulkOutcome(edits[n]?.id ?? '', answers[n])
  return outcomes
}

interface Prepared {
  readonly edit: Edit
  readonly document: PreparedDocument
}

/** Writes those whose attachments are stored; the outcomes of the others are known beforehand. */
async function writeAttaching(
  stores: Stores,
  ref: DatabaseRef,
  prepared: readonly Prepared[],
  options: BulkOptions,
): Promise<readonly EditOutcome[]> {
  const settled = await withAttachments(stores, ref, prepared, options)
  const edits = settled.filter((one): one is Edit => 'body' in one)
  const answers = await writeCreating(stores.store, ref, edits, options)
  let next = 0
  return settled.map((one) => ('body' in one ? (answers[next++] ?? { kind: 'conflict' }) : one))
}

/** The edits with their attachments, or why they cannot be made. */
async function withAttachments(
  { store, contents }: Stores,
  ref: DatabaseRef,
  prepared: readonly Prepared[],
  { create }: BulkOptions,
): Promise<readonly (Edit | EditOutcome)[]> {
  const edits = prepared.map(({ edit, document: { attachments = [] } }) => ({
    id: edit.id,
    rev: edit.parent,
    attachments,
    refuseUnknown: edit.unknownParent === 'refuse',
  }))
  const stubs = await creating(store, ref, create, () => storeEditContents(store, contents, ref, edits))
  return prepared.map(({ edit, document }, at) => {
    const one = stubs[at] ?? 'conflict'
    return typeof one === 'string' ? { kind: one } : { ...edit, body: withStubs(document.body, one) }
  })
}

/** `new_edits: false`: only what could not be stored comes back. */
export async function replicateDocuments(
  { store, contents }: Stores,
  ref: DatabaseRef,
  documents: readonly PreparedDocument[],
  options: BulkOptions,
): Promise<readonly WriteOutcome[]> {
  const refused: WriteOutcome[] = []
  const revisions: Replicated[] = []
  const attached: { readonly at: number; readonly document: PreparedDocument }[] = []
  for (const document of documents) {
    const id = document.id ?? newDocumentId()
    assertWritable(ref, id)
    const reason = protection(ref, id, document.deleted)
    if (reason) {
      refused.push({ kind: 'forbidden', id, reason })
      continue
    }
    if (document.attachments) attached.push({ at: revisions.length, document })
    revisions.push({ id, deleted: document.deleted, body: document.body, ...historyOf(document) })
  }
  const replicate = async () => {
    if (attached.length === 0) return store.replicate(ref, revisions)
    const withContents = attached.map(({ at, document: { attachments = [] } }) => {
      const { id, gen, path } = revisions[at] as Replicated
      return { id, gen, path, attachments }
    })
    const stubs = await storeRevisionContents(store, contents, ref, withContents)
    const whole = [...revisions]
    for (const [n, { at, document }] of attached.entries()) {
      whole[at] = { ...(revisions[at] as Replicated), body: withStubs(document.body, stubs[n] ?? noStubs) }
    }
    return store.replicate(ref, whole)
  }
  await creating(store, ref, options.create, replicate)
  return refused
}

/** `_revisions` wins over `_rev` where they disagree. */
function historyOf({ rev, revisions }: PreparedDocument): { gen: number; path: readonly string[] } {
  if (revisions) return { gen: revisions.start, path: revisions.ids }
  if (rev) return { gen: rev.gen, path: [rev.hash] }
  throw new Problem('bad_request', 'When `new_edits: false`, the document needs `_rev` or `_revisions` specified')
}

/** COPY of the winner, or of one revision, onto another id. */
export async function copyDocument(
  { store, contents }: Stores,
  ref: DatabaseRef,
  from: { readonly id: string; readonly rev?: RevisionId | undefined },
  to: { readonly id: string; readonly rev?: RevisionId | undefined },
): Promise<WriteOutcome> {
  checkDocumentId(to.id)
  checkSuccessor(to.rev)
  const winner = (await store.read(ref, from.id)) ?? builtinDesign(ref.name, from.id)?.document
  if (!winner) return { kind: 'missing', id: from.id }
  const isOlder = from.rev !== undefined && !sameRevision(from.rev, winner)
  const source = isOlder ? await store.readRevision(ref, from.id, from.rev) : winner
  if (!source) return { kind: 'missing', id: from.id }
  if (source.deleted) return { kind: 'deleted', id: from.id }
  const { members, stubs } = partsOf(source.text)
  const made = makeBody(to.id, members.value, stringifyJson(members.exact), Number.POSITIVE_INFINITY)
  const body = withStubs(made, stubs)
  assertWritable(ref, to.id)
  const reason = protection(ref, to.id, false)
  if (reason) return { kind: 'forbidden', id: to.id, reason }
  // The source may be deleted and compacted before its copy is written.
  const held = stubs.size === 0 ? [] : await contents.hold(ref, [...stubs.values()])
  if (held.includes(false)) return { kind: 'missing', id: from.id }
  const [outcome] = await store.write([
    { ref, id: to.id, parent: to.rev, deleted: false, body, unknownParent: 'accept' },
  ])
  return named(to.id, outcome?.kind === 'missing' || outcome?.kind === 'deleted' ? { kind: 'conflict' } : outcome)
}

async function writeCreating(
  store: Store,
  ref: DatabaseRef,
  edits: readonly Edit[],
  { create }: BulkOptions,
): Promise<readonly EditOutcome[]> {
  const outcomes = await store.write(edits)
  if (!create || !outcomes.some((outcome) => outcome.kind === 'no_database')) {
    if (create && edits.length === 0) await store.createDatabase(ref)
    return outcomes
  }
  await store.createDatabase(ref)
  return store.write(edits)
}

/** The outcome of a single edit. Throws `no_database`. */
function named(id: string, outcome: EditOutcome | undefined): WriteOutcome {
  const named = bulkOutcome(id, outcome)
  if (named.kind === 'no_database') throw noDatabase()
  return named
}

function bulkOutcome(id: string, outcome: EditOutcome | undefined): BulkOutcome {
  if (!outcome) throw new Error('the store gave no outcome')
  return outcome.kind === 'ok' ? { kind: 'ok', id, rev: formatRevision(outcome.rev) } : { kind: outcome.kind, id }
}
