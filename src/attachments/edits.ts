/** Attachments one by one: GET, PUT and DELETE of a name below a document. */

import type { DatabaseRef, DocumentStore, Edit, RevisionId, StoredDocument } from '../../storage/documents/contract.ts'
import { creating } from '../documents/creating.ts'
import { checkDocumentId } from '../documents/document.ts'
import { render } from '../documents/reading.ts'
import type {
  AttachmentOutcome,
  AttachmentPlace,
  AttachmentRead,
  AttachmentRequest,
  BulkOptions,
} from '../documents/service.ts'
import { assertWritable, protection, type Stores } from '../documents/writing.ts'
import { makeBody } from '../model/body.ts'
import { stringifyJson } from '../model/json/exact.ts'
import { noDatabase } from '../model/no-database.ts'
import { checkSuccessor, formatRevision, sameRevision } from '../model/revision.ts'
import { checkAttachmentName } from './parse.ts'
import { noStubs, partsOf, type Stubs, stubsOf, withStubs } from './stubs.ts'

export async function readAttachment(
  store: Pick<DocumentStore, 'read' | 'readRevision'>,
  ref: DatabaseRef,
  id: string,
  name: string,
  rev?: RevisionId,
): Promise<AttachmentRead> {
  const winner = await store.read(ref, id)
  if (!winner) return { kind: 'missing' }
  if (!rev && winner.deleted) return { kind: 'deleted' }
  const stored = !rev || sameRevision(rev, winner) ? winner : await store.readRevision(ref, id, rev)
  if (!stored) return { kind: 'missing' }
  const document = render(stored)
  const attachment = stubsOf(stored.text).get(name)
  return attachment ? { kind: 'found', document, attachment } : { kind: 'no_attachment', document }
}

export async function writeAttachment(
  stores: Stores,
  ref: DatabaseRef,
  request: AttachmentRequest,
  { create }: BulkOptions,
): Promise<AttachmentOutcome> {
  const { name, rev, contentType, encoding } = request
  const refusal = check(ref, request)
  if (refusal) return refusal
  // Before any byte is read: most of what can be wrong is known by then.
  const begun = await creating(stores.store, ref, create && !rev, async () => {
    const base = await baseOf(stores, ref, request)
    return isOutcome(base) ? base : { ...base, content: await stores.contents.put(ref, request) }
  })
  if ('kind' in begun) return begun
  const stub = { ...begun.content, contentType, revpos: (rev?.gen ?? 0) + 1, encoding }
  return edit(stores, ref, request, begun.stored, (stubs) => new Map([...stubs, [name, stub]]))
}

export async function removeAttachment(
  stores: Stores,
  ref: DatabaseRef,
  place: AttachmentPlace,
): Promise<AttachmentOutcome> {
  const { id, name, rev } = place
  const refusal = check(ref, place)
  if (refusal) return refusal
  const found = await readAttachment(stores.store, ref, id, name, rev)
  if (found.kind === 'missing' && rev) {
    const winner = await stores.store.read(ref, id)
    return winner ? { kind: 'missing_revision', id } : { kind: 'missing', id }
  }
  if (found.kind !== 'found') return { kind: found.kind, id }
  if (!rev) return { kind: 'conflict', id }
  const stored = await stores.store.readRevision(ref, id, rev)
  if (!stored || stored.deleted) return { kind: 'conflict', id }
  return edit(stores, ref, place, stored, (stubs) => new Map([...stubs].filter(([other]) => other !== name)))
}

function check(ref: DatabaseRef, { id, name, rev }: AttachmentPlace): AttachmentOutcome | undefined {
  checkDocumentId(id)
  checkAttachmentName(name)
  checkSuccessor(rev)
  assertWritable(ref, id)
  const reason = protection(ref, id, false)
  return reason === undefined ? undefined : { kind: 'forbidden', id, reason }
}

/** What to attach to: the revision that the client read, or nothing yet. */
async function baseOf(
  { store }: Stores,
  ref: DatabaseRef,
  { id, rev }: AttachmentPlace,
): Promise<AttachmentOutcome | { readonly stored: StoredDocument | undefined }> {
  const winner = await store.read(ref, id)
  if (!rev) return winner && !winner.deleted ? { kind: 'conflict', id } : { stored: undefined }
  if (!winner) return { kind: 'missing', id }
  if (sameRevision(rev, winner)) return winner.deleted ? { kind: 'conflict', id } : { stored: winner }
  const stored = await store.readRevision(ref, id, rev)
  if (!stored) return { kind: 'missing_revision', id }
  // The only leaf is another revision.
  return stored.deleted || winner.leaves === 1 ? { kind: 'conflict', id } : { stored }
}

function isOutcome(base: Awaited<ReturnType<typeof baseOf>>): base is AttachmentOutcome {
  return 'kind' in base
}

/** Writes a revision that differs in its attachments only. */
async function edit(
  { store }: Stores,
  ref: DatabaseRef,
  { id, rev }: AttachmentPlace,
  stored: StoredDocument | undefined,
  change: (stubs: Stubs) => Stubs,
): Promise<AttachmentOutcome> {
  const { members, stubs } = stored ? partsOf(stored.text) : { members: { value: {}, exact: {} }, stubs: noStubs }
  const made = makeBody(id, members.value, stringifyJson(members.exact), Number.POSITIVE_INFINITY)
  const body = withStubs(made, change(stubs))
  const one: Edit = { ref, id, parent: rev, deleted: false, body, unknownParent: 'refuse' }
  const [outcome] = await store.write([one])
  if (!outcome) throw new Error('the store gave no outcome')
  if (outcome.kind === 'ok') return { kind: 'ok', id, rev: formatRevision(outcome.rev) }
  if (outcome.kind === 'no_database') throw noDatabase()
  return { kind: 'conflict', id }
}
