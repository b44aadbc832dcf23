/**
 * Attachments of documents, as CouchDB has them. Names may hold slashes, encoded or not; those that begin
 * with `relationships` belong to references and are not attachments.
 */
import { checkDocumentId } from '../../src/documents/document.ts'
import {
  type AttachmentFace,
  answerRead,
  answerRemove,
  answerWrite,
  attachmentDeclarations,
} from '../http/attachment-requests.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { access, enter, enterWhole } from './access.ts'
import { written } from './answer.ts'
import { documentConflict, frameworkProblem, missingDocument } from './errors.ts'
import { checkPathId } from './request.ts'
import type { DataServices } from './services.ts'

const tag = 'attachments'
const design = '/data/{type}/_design/{ddoc}/{name*}'
const plain = '/data/{type}/{id}/{name*}'
const { reading, writing, removing } = attachmentDeclarations

export function attachmentRoutes(face: Face, { documents, instances }: DataServices): void {
  const own: AttachmentFace = {
    documents,
    access,
    create: true,
    checkStoredId: checkDocumentId,
    unserved: () => frameworkProblem('not_found', 'Not Found'),
    missing: ({ ref }, id, kind) => missingDocument(ref.name, id, kind),
    missingRevision: documentConflict,
    edited: ({ ref }, outcome) => written(ref.name, outcome),
    removed: ({ ref }, outcome) => written(ref.name, outcome),
  }

  endpoint(
    face,
    {
      ...reading,
      tag,
      path: design,
      summary: 'Read an attachment of a design document',
      needs: 'GET on the whole doctype',
    },
    async (c, { path: { type, ddoc, name }, query: { rev } }) => {
      const visit = await enterWhole(c, instances, type, 'GET', 'read')
      return answerRead(c, own, visit, { id: `_design/${ddoc}`, name, rev })
    },
  )
  endpoint(
    face,
    { ...reading, tag, path: plain, summary: 'Read an attachment', needs: 'GET on the document' },
    async (c, { path: { type, id, name }, query: { rev } }) => {
      checkNames(id, name)
      return answerRead(c, own, await enter(c, instances, type, ['GET'], 'read'), { id, name, rev })
    },
  )
  endpoint(
    face,
    { ...writing, tag, path: design, summary: 'Attach to a design document', needs: 'PUT on the whole doctype' },
    async (c, { path: { type, ddoc, name }, query: { rev } }) => {
      const visit = await enterWhole(c, instances, type, 'PUT', 'read')
      return answerWrite(c, own, visit, { id: `_design/${ddoc}`, name, rev })
    },
  )
  endpoint(
    face,
    { ...writing, tag, path: plain, summary: 'Attach to a document', needs: 'PUT on the document, POST for a new one' },
    async (c, { path: { type, id, name }, query: { rev } }) => {
      checkNames(id, name)
      return answerWrite(c, own, await enter(c, instances, type, ['PUT', 'POST'], 'write'), { id, name, rev })
    },
  )
  endpoint(
    face,
    { ...removing, tag, path: design, summary: 'Remove from a design document', needs: 'DELETE on the whole doctype' },
    async (c, { path: { type, ddoc, name }, query: { rev } }) => {
      const visit = await enterWhole(c, instances, type, 'DELETE', 'read')
      return answerRemove(c, own, visit, { id: `_design/${ddoc}`, name, rev })
    },
  )
  endpoint(
    face,
    { ...removing, tag, path: plain, summary: 'Remove an attachment', needs: 'DELETE on the document' },
    async (c, { path: { type, id, name }, query: { rev } }) => {
      checkNames(id, name)
      return answerRemove(c, own, await enter(c, instances, type, ['DELETE'], 'write'), { id, name, rev })
    },
  )
}

function checkNames(id: string, name: string): void {
  if (/^relationships(\/|$)/.test(name)) throw frameworkProblem('not_found', 'Not Found')
  checkPathId(id)
}
