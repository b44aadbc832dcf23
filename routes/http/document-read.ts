/** Reading one document, or several of its revisions, as both faces do it. */
import type { Documents, ReadOptions, ReadOutcome, RenderedDocument } from '../../src/documents/service.ts'
import type { Problem } from '../../src/model/errors.ts'
import { jsonText, notModified, revisionTag } from './answer.ts'
import { sendWithContents } from './attachment.ts'
import { unchanged } from './conditional.ts'
import type { DocumentAccess, DocumentVisit } from './document-access.ts'
import type { ReadQuery } from './read-query.ts'
import { type HttpContext, headerReader } from './router.ts'

type Reading = Pick<Documents, 'read' | 'openRevisions' | 'openContent' | 'withContents'>

/** What a face adds to reading. */
export interface ReadingFace {
  readonly documents: Reading
  readonly access: DocumentAccess
  /** How the face words a document that does not exist. */
  readonly missing: (visit: DocumentVisit, id: string, kind: 'missing' | 'deleted') => Problem
}

/** The document, if the token may read it. Throws 403 and 404. */
export async function readDocument(
  { documents, access, missing }: ReadingFace,
  visit: DocumentVisit,
  id: string,
  options: ReadOptions,
): Promise<RenderedDocument> {
  let outcome: ReadOutcome
  try {
    outcome = await documents.read(visit.ref, id, options)
  } catch (error) {
    throw access.errorFor(visit, error)
  }
  if (outcome.kind !== 'found') {
    // A token for some documents only must not learn which others exist.
    access.refuseUnlessWhole(visit, 'GET')
    throw missing(visit, id, outcome.kind)
  }
  access.requireRendered(visit, 'GET', outcome.document)
  return outcome.document
}

/** Answers a document, or 304 where the client has this revision. */
export function sendDocument(
  c: HttpContext,
  { documents }: ReadingFace,
  { ref }: DocumentVisit,
  document: RenderedDocument,
  { tagged }: ReadQuery,
): Promise<Response> | Response {
  if (!tagged) return sendWithContents(c, documents, ref, document.text)
  const etag = revisionTag(document.rev)
  if (unchanged(headerReader(c), { etag })) return notModified({ etag })
  return jsonText(c, 200, document.text, { etag })
}

/** Answers `open_revs`: an array of revisions. Throws 403 and 404. */
export async function sendOpenRevisions(
  c: HttpContext,
  { documents, access, missing }: ReadingFace,
  visit: DocumentVisit,
  id: string,
  { options, openRevs }: ReadQuery & { readonly openRevs: NonNullable<ReadQuery['openRevs']> },
): Promise<Response> {
  const rows = await documents.openRevisions(visit.ref, id, openRevs, options).catch((error: unknown) => {
    throw access.errorFor(visit, error)
  })
  if (rows === 'missing') {
    access.refuseUnlessWhole(visit, 'GET')
    throw missing(visit, id, 'missing')
  }
  for (const row of rows) if ('ok' in row) access.requireRendered(visit, 'GET', row.ok)
  const text = rows.map((row) => ('ok' in row ? `{"ok":${row.ok.text}}` : JSON.stringify({ missing: row.missing })))
  return sendWithContents(c, documents, visit.ref, `[${text.join(',')}]`)
}
