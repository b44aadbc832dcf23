/** Writing documents: protection first, then neutral edits for the store. */
import type {
  Body,
  DatabaseRef,
  DocumentStore,
  Edit,
  EditOutcome,
  Replicated,
  RevisionId,
} from '../../storage/documents/contract.ts'
import { Problem } from '../errors.ts'
import { newDocumentId } from '../ids.ts'
import { bodyDigest, parseJson } from '../json/exact.ts'
import { isObject } from '../json/value.ts'
import { isWritable } from './doctypes.ts'
import { checkDocumentId, makeBody, type PreparedDocument } from './document.ts'
import { isBuiltinDesign } from './reserved-designs.ts'
import { formatRevision } from './revision.ts'
import type { BulkOptions, WriteOutcome, WriteRequest } from './service.ts'

type Store = Pick<DocumentStore, 'write' | 'replicate' | 'createDatabase' | 'read' | 'readRevision'>

/** The body of a plain deletion. */
export const emptyBody: Body = { text: '{}', raw: false, digest: bodyDigest({}), value: {} }

/**
 * Reserved doctypes are written by their own APIs only; design documents may be added to those that can be read, since
 * apps with read permission make their indexes (documents 1.19, 3.4).
 */
export function assertWritable(ref: DatabaseRef, id: string): void {
  if (!id.startsWith('_design/') && !isWritable(ref.name)) {
    throw new Problem('forbidden', `reserved doctype ${ref.name} unwritable`)
  }
}

/** Why a design document of the server's own may not be changed; `undefined` when it may. */
function protection(ref: DatabaseRef, id: string, deleted: boolean): string | undefined {
  if (!id.startsWith('_design/') || !isBuiltinDesign(ref.name, id)) return undefined
  return deleted ? 'This design doc cannot be deleted' : 'This design doc cannot be changed'
}

export async function writeDocument(
  store: Store,
  ref: DatabaseRef,
  request: WriteRequest,
  options: BulkOptions = { create: false },
): Promise<WriteOutcome> {
  const { id, document, rev } = request
  assertWritable(ref, id)
  const reason = protection(ref, id, document.deleted)
  if (reason) return { kind: 'forbidden', id, reason }
  const edit: Edit = {
    ref,
    id,
    parent: rev,
    deleted: document.deleted,
    body: document.body,
    unknownParent: request.unknownParent,
  }
  const [outcome] = await writeCreating(store, ref, [edit], options)
  return named(id, outcome)
}

export async function removeDocument(
  store: Store,
  ref: DatabaseRef,
  id: string,
  rev: RevisionId | undefined,
): Promise<WriteOutcome> {
  checkDocumentId(id)
  assertWritable(ref, id)
  const reason = protection(ref, id, true)
  if (reason) return { kind: 'forbidden', id, reason }
  const edit: Edit = { ref, id, parent: rev, deleted: true, body: emptyBody, unknownParent: 'refuse', mustExist: true }
  const [outcome] = await store.write([edit])
  return named(id, outcome)
}

/** `_bulk_docs`: every document on its own, outcomes in the order given. */
export async function writeBulk(
  store: Store,
  ref: DatabaseRef,
  documents: readonly PreparedDocument[],
  options: BulkOptions,
): Promise<readonly WriteOutcome[] | 'no_database'> {
  const outcomes: WriteOutcome[] = new Array(documents.length)
  const edits: Edit[] = []
  const places: number[] = []
  for (const [at, document] of documents.entries()) {
    const id = document.id ?? newDocumentId()
    assertWritable(ref, id)
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
  const answers = await writeCreating(store, ref, edits, options)
  if (answers.length > 0 && answers.every((outcome) => outcome.kind === 'no_database')) return 'no_database'
  for (const [n, at] of places.entries()) outcomes[at] = named(edits[n]?.id ?? '', answers[n])
  return outcomes
}

/** `new_edits: false`: only what could not be stored comes back. */
export async function replicateDocuments(
  store: Store,
  ref: DatabaseRef,
  documents: readonly PreparedDocument[],
  options: BulkOptions,
): Promise<readonly WriteOutcome[] | 'no_database'> {
  const refused: WriteOutcome[] = []
  const revisions: Replicated[] = []
  for (const document of documents) {
    const id = document.id ?? newDocumentId()
    assertWritable(ref, id)
    const reason = protection(ref, id, document.deleted)
    if (reason) {
      refused.push({ kind: 'forbidden', id, reason })
      continue
    }
    revisions.push({ id, deleted: document.deleted, body: document.body, ...historyOf(document) })
  }
  if (await store.replicate(ref, revisions)) return refused
  if (!options.create) return 'no_database'
  await store.createDatabase(ref)
  return (await store.replicate(ref, revisions)) ? refused : 'no_database'
}

/** `_revisions` wins over `_rev` where they disagree (documents 4.6). */
function historyOf({ rev, revisions }: PreparedDocument): { gen: number; path: readonly string[] } {
  if (revisions) return { gen: revisions.start, path: revisions.ids }
  if (rev) return { gen: rev.gen, path: [rev.hash] }
  throw new Problem('bad_request', 'When `new_edits: false`, the document needs `_rev` or `_revisions` specified')
}

/** COPY of the winner, or of one revision, onto another id. */
export async function copyDocument(
  store: Store,
  ref: DatabaseRef,
  from: { readonly id: string; readonly rev?: RevisionId | undefined },
  to: { readonly id: string; readonly rev?: RevisionId | undefined },
): Promise<WriteOutcome> {
  checkDocumentId(to.id)
  const winner = await store.read(ref, from.id)
  if (winner === 'no_database') return { kind: 'no_database', id: from.id }
  if (!winner) return { kind: 'missing', id: from.id }
  const source = from.rev ? await store.readRevision(ref, from.id, from.rev) : winner
  if (!source) return { kind: 'missing', id: from.id }
  if (source.deleted) return { kind: 'deleted', id: from.id }
  const { value } = parseJson(source.text)
  const body = makeBody(to.id, isObject(value) ? value : {}, source.text, Number.POSITIVE_INFINITY)
  assertWritable(ref, to.id)
  const reason = protection(ref, to.id, false)
  if (reason) return { kind: 'forbidden', id: to.id, reason }
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

function named(id: string, outcome: EditOutcome | undefined): WriteOutcome {
  if (!outcome) throw new Error('the store gave no outcome')
  return outcome.kind === 'ok' ? { kind: 'ok', id, rev: formatRevision(outcome.rev) } : { kind: outcome.kind, id }
}
