/** Reading, writing and removing attachments of documents, as both faces do it. */
import { checkAttachmentName } from '../../src/attachments/parse.ts'
import { checkDocumentId } from '../../src/documents/document.ts'
import type { AttachmentOutcome, Documents, WriteOutcome } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { orWithoutDatabase } from '../../src/model/no-database.ts'
import type { Verb } from '../../src/model/permissions.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { jsonValue } from './answer.ts'
import {
  attachmentHeaders,
  attachmentQuery,
  attachmentWritten,
  sendAttachment,
  uploadHeaders,
  uploadOf,
} from './attachment.ts'
import type { DocumentAccess, DocumentVisit } from './document-access.ts'
import { parsedRevision, revisionAsked } from './if-match.ts'
import type { HttpContext } from './router.ts'

const common = { query: attachmentQuery } as const

/** The declaration of each route, except for its path. */
export const attachmentDeclarations = {
  reading: {
    ...common,
    method: 'GET',
    headers: attachmentHeaders,
    answers: {
      200: 'The content',
      206: 'A part of it',
      304: 'Not changed',
      404: 'No such attachment',
      416: 'No such part',
    },
  },
  writing: {
    ...common,
    method: 'PUT',
    headers: uploadHeaders,
    answers: { 201: attachmentWritten, 404: 'No such database', 409: 'Not a leaf', 413: 'It is too large' },
  },
  removing: {
    ...common,
    method: 'DELETE',
    headers: { 'If-Match': 'The same as rev' },
    answers: { 200: attachmentWritten, 404: 'No such attachment', 409: 'No revision, or not a leaf' },
  },
} as const

/** The id and revision of a write that worked; throws what the face answers for every other outcome. */
type Written = (visit: DocumentVisit, outcome: WriteOutcome) => { readonly id: string; readonly rev: string }

/** What differs between the faces. */
export interface AttachmentFace {
  readonly documents: Pick<
    Documents,
    'read' | 'readAttachment' | 'writeAttachment' | 'removeAttachment' | 'openContent'
  >
  readonly access: DocumentAccess
  /** Whether a write creates the database. */
  readonly create: boolean
  /** Checks the id of an existing document. */
  readonly checkStoredId: (id: string) => void
  /** The answer for names with an underscore in front: routes of CouchDB that are not served. */
  readonly unserved: () => Problem
  readonly missing: (visit: DocumentVisit, id: string, kind: 'missing' | 'deleted') => Problem
  readonly missingRevision: () => Problem
  readonly edited: Written
  readonly removed: Written
  /** Further headers of the answer to a PUT. */
  readonly writtenHeaders?: (visit: DocumentVisit, id: string, name: string) => Readonly<Record<string, string>>
  /** Refuses a token before the stored document is read. */
  readonly refuseUnread?: (visit: DocumentVisit, verb: Verb, id: string) => void
}

/** An attachment that a request names, and the `rev` of its query. */
export interface AttachmentAsked {
  readonly id: string
  readonly name: string
  readonly rev: string | undefined
}

/** Sends the content. Throws 403 and 404. */
export async function answerRead(
  c: HttpContext,
  face: AttachmentFace,
  visit: DocumentVisit,
  { id, name, rev: asked }: AttachmentAsked,
): Promise<Response> {
  const { documents, access } = face
  face.checkStoredId(id)
  if (name.startsWith('_')) throw face.unserved()
  const rev = parsedRevision(asked)
  return sendAttachment(c, documents, visit.ref, async () => {
    const outcome = await documents.readAttachment(visit.ref, id, name, rev).catch((error: unknown) => {
      throw access.errorFor(visit, error)
    })
    if ('document' in outcome) access.requireRendered(visit, 'GET', outcome.document)
    else access.refuseUnlessWhole(visit, 'GET')
    if (outcome.kind === 'found') return outcome
    throw outcome.kind === 'no_attachment' ? noAttachment() : face.missing(visit, id, outcome.kind)
  })
}

/** Stores the body of the request. Throws 403, 404 and 409. */
export async function answerWrite(
  c: HttpContext,
  face: AttachmentFace,
  visit: DocumentVisit,
  { id, name, rev: asked }: AttachmentAsked,
): Promise<Response> {
  checkDocumentId(id)
  checkAttachmentName(name)
  const rev = revisionAsked(c, { query: asked })
  await allow(face, visit, rev ? 'PUT' : 'POST', id, rev)
  const request = { id, name, rev, ...uploadOf(c) }
  const outcome = await face.documents.writeAttachment(visit.ref, request, { create: face.create })
  const made = face.edited(visit, writeOutcome(face, outcome))
  return jsonValue(c, 201, { ok: true, id: made.id, rev: made.rev }, face.writtenHeaders?.(visit, id, name))
}

/** Removes it. Throws 403, 404 and 409. */
export async function answerRemove(
  c: HttpContext,
  face: AttachmentFace,
  visit: DocumentVisit,
  { id, name, rev: asked }: AttachmentAsked,
): Promise<Response> {
  face.checkStoredId(id)
  const rev = revisionAsked(c, { query: asked })
  await allow(face, visit, 'DELETE', id, rev)
  const outcome = await face.documents.removeAttachment(visit.ref, { id, name, rev })
  const made = face.removed(visit, writeOutcome(face, outcome))
  return jsonValue(c, 200, { ok: true, id: made.id, rev: made.rev })
}

/** For tokens that are restricted to some documents: the stored one must be among these, or the new one. */
async function allow(
  { documents, access, refuseUnread }: AttachmentFace,
  visit: DocumentVisit,
  verb: Verb,
  id: string,
  rev: RevisionId | undefined,
): Promise<void> {
  if (visit.permissions.allowsType(verb, visit.ref.name)) return
  refuseUnread?.(visit, verb, id)
  const stored = await orWithoutDatabase(documents.read(visit.ref, id, { rev }), undefined)
  if (stored?.kind === 'found') access.requireRendered(visit, verb, stored.document)
  else access.requireDocument(visit, verb, { _id: id })
}

/** The outcome, unless it is one that only attachments have. */
function writeOutcome(face: AttachmentFace, outcome: AttachmentOutcome): WriteOutcome {
  if (outcome.kind === 'no_attachment') throw noAttachment()
  if (outcome.kind === 'missing_revision') throw face.missingRevision()
  return outcome
}

function noAttachment(): Problem {
  return new Problem('not_found', 'Document is missing attachment')
}
