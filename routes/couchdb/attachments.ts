/** Attachments of documents and design documents. Names may hold slashes, encoded or not. */
import { Problem } from '../../src/model/errors.ts'
import {
  type AttachmentFace,
  answerRead,
  answerRemove,
  answerWrite,
  attachmentDeclarations,
} from '../http/attachment-requests.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { access, enterDatabase, enterWhole } from './access.ts'
import { documentPath } from './answer.ts'
import { edited, noDocument, written } from './errors.ts'
import { checkPathId } from './request.ts'
import type { CouchdbServices } from './services.ts'

const tag = 'CouchDB: attachments'
const design = '/couchdb/{db}/_design/{ddoc}/{name*}'
const plain = '/couchdb/{db}/{id}/{name*}'
const { reading, writing, removing } = attachmentDeclarations

export function attachmentRoutes(face: Face, services: CouchdbServices): void {
  const own: AttachmentFace = {
    documents: services.documents,
    access,
    create: false,
    checkStoredId: checkPathId,
    unserved: () => noDocument('missing'),
    missing: (_visit, _id, kind) => noDocument(kind),
    // CouchDB's words and status for a missing revision.
    missingRevision: () => new Problem('not_found', 'missing_rev', { status: 409 }),
    edited: (_visit, outcome) => edited(outcome),
    removed: (_visit, outcome) => written(outcome),
    writtenHeaders: ({ ref }, id, name) => ({ location: `${documentPath(ref, id)}/${encodeURIComponent(name)}` }),
    // Design documents come here too, with their slash encoded.
    refuseUnread: (visit, verb, id) => {
      if (id.startsWith('_design/')) access.refuseUnlessWhole(visit, verb)
    },
  }

  endpoint(
    face,
    {
      ...reading,
      tag,
      path: design,
      summary: 'Read an attachment of a design document',
      needs: 'GET on the whole database',
    },
    async (c, { path: { db, ddoc, name }, query: { rev } }) => {
      const visit = await enterWhole(c, services, db, 'GET', 'read')
      return answerRead(c, own, visit, { id: `_design/${ddoc}`, name, rev })
    },
  )
  endpoint(
    face,
    { ...reading, tag, path: plain, summary: 'Read an attachment', needs: 'GET on the document' },
    async (c, { path: { db, id, name }, query: { rev } }) =>
      answerRead(c, own, await enterDatabase(c, services, db, ['GET'], 'read'), { id, name, rev }),
  )
  endpoint(
    face,
    { ...writing, tag, path: design, summary: 'Attach to a design document', needs: 'PUT on the whole database' },
    async (c, { path: { db, ddoc, name }, query: { rev } }) => {
      const visit = await enterWhole(c, services, db, 'PUT', 'read')
      return answerWrite(c, own, visit, { id: `_design/${ddoc}`, name, rev })
    },
  )
  endpoint(
    face,
    { ...writing, tag, path: plain, summary: 'Attach to a document', needs: 'PUT on the document, POST for a new one' },
    async (c, { path: { db, id, name }, query: { rev } }) =>
      answerWrite(c, own, await enterDatabase(c, services, db, ['POST', 'PUT'], 'write'), { id, name, rev }),
  )
  endpoint(
    face,
    { ...removing, tag, path: design, summary: 'Remove from a design document', needs: 'DELETE on the whole database' },
    async (c, { path: { db, ddoc, name }, query: { rev } }) => {
      const visit = await enterWhole(c, services, db, 'DELETE', 'read')
      return answerRemove(c, own, visit, { id: `_design/${ddoc}`, name, rev })
    },
  )
  endpoint(
    face,
    { ...removing, tag, path: plain, summary: 'Remove an attachment', needs: 'DELETE on the document' },
    async (c, { path: { db, id, name }, query: { rev } }) =>
      answerRemove(c, own, await enterDatabase(c, services, db, ['DELETE'], 'write'), { id, name, rev }),
  )
}
