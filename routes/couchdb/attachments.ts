/** Attachments of documents and design documents. Names may hold slashes, encoded or not. */

import { checkAttachmentName } from '../../src/attachments/given.ts'
import { checkDocumentId } from '../../src/documents/document.ts'
import type { AttachmentOutcome, WriteOutcome } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { orWithoutDatabase } from '../../src/model/no-database.ts'
import type { Verb } from '../../src/model/permissions.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { jsonValue } from '../http/answer.ts'
import {
  attachmentHeaders,
  attachmentQuery,
  attachmentWritten,
  sendAttachment,
  uploadHeaders,
  uploadOf,
} from '../http/attachment.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { parsedRevision, revisionAsked } from '../http/if-match.ts'
import type { HttpContext } from '../http/router.ts'
import {
  enterDatabase,
  enterWhole,
  refuseUnlessWhole,
  refusingRestricted,
  requireDocument,
  requireRendered,
  type Visit,
} from './access.ts'
import { documentPath } from './answer.ts'
import { edited, noDocument, written } from './errors.ts'
import { checkPathId } from './request.ts'
import type { CouchdbServices } from './services.ts'

const tag = 'CouchDB: attachments'
const design = '/couchdb/{db}/_design/{ddoc}/{name*}'
const plain = '/couchdb/{db}/{id}/{name*}'
const reading = {
  method: 'GET',
  tag,
  query: attachmentQuery,
  headers: attachmentHeaders,
  answers: {
    200: 'The content.',
    206: 'A part of it.',
    304: 'Not changed.',
    404: 'No such attachment.',
    416: 'No such part.',
  },
} as const
const writing = {
  method: 'PUT',
  tag,
  query: attachmentQuery,
  headers: uploadHeaders,
  answers: { 201: attachmentWritten, 404: 'No such database.', 409: 'Not a leaf.', 413: 'It is too large.' },
} as const
const removing = {
  method: 'DELETE',
  tag,
  query: attachmentQuery,
  headers: { 'If-Match': 'The same as rev' },
  answers: { 200: attachmentWritten, 404: 'No such attachment.', 409: 'No revision, or not a leaf.' },
} as const

export function attachmentRoutes(face: Face, services: CouchdbServices): void {
  const { documents } = services

  endpoint(
    face,
    {
      ...reading,
      path: design,
      summary: 'Read an attachment of a design document',
      needs: 'GET on the whole database',
    },
    async (c, { path: { db, ddoc, name }, query }) =>
      read(c, await enterWhole(c, services, db, 'GET', 'read'), `_design/${ddoc}`, name, query.rev),
  )
  endpoint(
    face,
    { ...reading, path: plain, summary: 'Read an attachment', needs: 'GET on the document' },
    async (c, { path: { db, id, name }, query }) =>
      read(c, await enterDatabase(c, services, db, ['GET'], 'read'), id, name, query.rev),
  )
  endpoint(
    face,
    { ...writing, path: design, summary: 'Attach to a design document', needs: 'PUT on the whole database' },
    async (c, { path: { db, ddoc, name }, query }) =>
      write(c, await enterWhole(c, services, db, 'PUT', 'read'), `_design/${ddoc}`, name, query.rev),
  )
  endpoint(
    face,
    { ...writing, path: plain, summary: 'Attach to a document', needs: 'PUT on the document, POST for a new one' },
    async (c, { path: { db, id, name }, query }) =>
      write(c, await enterDatabase(c, services, db, ['POST', 'PUT'], 'write'), id, name, query.rev),
  )
  endpoint(
    face,
    { ...removing, path: design, summary: 'Remove from a design document', needs: 'DELETE on the whole database' },
    async (c, { path: { db, ddoc, name }, query }) =>
      remove(c, await enterWhole(c, services, db, 'DELETE', 'read'), `_design/${ddoc}`, name, query.rev),
  )
  endpoint(
    face,
    { ...removing, path: plain, summary: 'Remove an attachment', needs: 'DELETE on the document' },
    async (c, { path: { db, id, name }, query }) =>
      remove(c, await enterDatabase(c, services, db, ['DELETE'], 'write'), id, name, query.rev),
  )

  function read(
    c: HttpContext,
    visit: Visit,
    id: string,
    name: string,
    revision: string | undefined,
  ): Promise<Response> {
    checkPathId(id)
    // Such names are routes of CouchDB's that are not served.
    if (name.startsWith('_')) throw noDocument('missing')
    const rev = parsedRevision(revision)
    return sendAttachment(c, documents, visit.ref, async () => {
      const outcome = await refusingRestricted(visit, documents.readAttachment(visit.ref, id, name, rev))
      if ('document' in outcome) requireRendered(visit, 'GET', outcome.document)
      else refuseUnlessWhole(visit, 'GET')
      if (outcome.kind === 'found') return outcome
      throw outcome.kind === 'no_attachment' ? noAttachment() : noDocument(outcome.kind)
    })
  }

  async function write(c: HttpContext, visit: Visit, id: string, name: string, revision: string | undefined) {
    checkDocumentId(id)
    checkAttachmentName(name)
    const rev = revisionAsked(c, { query: revision })
    await allow(visit, rev ? 'PUT' : 'POST', id, rev)
    const request = { id, name, rev, ...uploadOf(c) }
    const made = edited(known(await documents.writeAttachment(visit.ref, request, { create: false })))
    const location = `${documentPath(visit.ref, id)}/${encodeURIComponent(name)}`
    return jsonValue(c, 201, { ok: true, id: made.id, rev: made.rev }, { location })
  }

  async function remove(c: HttpContext, visit: Visit, id: string, name: string, revision: string | undefined) {
    checkPathId(id)
    const rev = revisionAsked(c, { query: revision })
    await allow(visit, 'DELETE', id, rev)
    const made = written(known(await documents.removeAttachment(visit.ref, { id, name, rev })))
    return jsonValue(c, 200, { ok: true, id: made.id, rev: made.rev })
  }

  /** For tokens that are restricted to some documents: the stored one must be of these, or the new one. */
  async function allow(visit: Visit, verb: Verb, id: string, rev: RevisionId | undefined): Promise<void> {
    if (visit.permissions.allowsType(verb, visit.ref.name)) return
    if (id.startsWith('_design/')) refuseUnlessWhole(visit, verb)
    const stored = await orWithoutDatabase(documents.read(visit.ref, id, { rev }), undefined)
    if (stored?.kind === 'found') requireRendered(visit, verb, stored.document)
    else requireDocument(visit, verb, { _id: id })
  }
}

/** The outcome, unless it is one that only attachments have. */
function known(outcome: AttachmentOutcome): WriteOutcome {
  if (outcome.kind === 'no_attachment') throw noAttachment()
  // CouchDB's words and status for a revision that is not there.
  if (outcome.kind === 'missing_revision') throw new Problem('not_found', 'missing_rev', { status: 409 })
  return outcome
}

function noAttachment(): Problem {
  return new Problem('not_found', 'Document is missing attachment')
}
