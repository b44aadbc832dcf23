/** `PUT /data/T/ID`: a new version of a document, or a new document under the client's id. */

import { z } from '@hono/zod-openapi'
import { receiving } from '../http/attachment.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { revisionAsked } from '../http/if-match.ts'
import { receiveParts } from '../http/multipart-document.ts'
import { textParameter } from '../http/parameters.ts'
import { enter, requireDocument, requireStored } from './access.ts'
import { documentToWrite } from './account.ts'
import { sendWritten, written } from './answer.ts'
import { requestProblem } from './errors.ts'
import { checkPathId, readDocumentBody } from './request.ts'
import type { DataServices } from './services.ts'

const eitherBothOrNeither =
  'You must either provide an _id and _rev in document (update) or neither (create with fixed id).'

const mismatch = () => requestProblem('The revisions in the document, If-Match and the rev parameter are not the same')

export function updateRoute(face: Face, services: DataServices): void {
  const { documents, instances, limits } = services
  endpoint(
    face,
    {
      method: 'PUT',
      path: '/data/{type}/{id}',
      summary: 'Update a document, or create one with this id',
      tag: 'documents',
      needs: 'PUT on the document for an update, POST for a creation',
      query: z.object({ rev: textParameter().describe('The revision read, when the document holds no _rev') }),
      headers: { 'If-Match': 'The same as rev' },
      body: z.looseObject({ _id: z.string().optional(), _rev: z.string().optional() }),
      answers: {
        200: z.object({ ok: z.boolean(), id: z.string(), type: z.string(), rev: z.string(), data: z.looseObject({}) }),
        400: 'The id or the revision does not fit',
        404: 'missing, deleted or wrong_doctype',
        409: 'Not the current revision, or the id is taken',
      },
    },
    async (c, { path: { type, id }, query }) => {
      checkPathId(id)
      const visit = await enter(c, instances, type, ['PUT', 'POST'], 'write')
      const {
        value,
        document: sent,
        parts,
      } = await readDocumentBody(c, type, {
        limits,
        receive: receiving(documents, visit.ref, { create: true }),
        id,
      })
      if (sent.id !== undefined && sent.id !== id) throw requestProblem('document _id doesnt match url')
      const rev = revisionAsked(c, { body: sent.rev, query: query.rev }, mismatch)
      const verb = rev === undefined ? 'POST' : 'PUT'
      if (rev !== undefined) await requireStored(documents, visit, verb, id, rev)
      const named = { ...value, _id: id }
      requireDocument(visit, verb, named)
      if (sent.deleted) requireDocument(visit, 'DELETE', named)
      const create = rev === undefined
      const document = await documentToWrite(c, services, visit, sent, create)
      const whole = parts ? await receiveParts(documents, visit.ref, document, parts, { create }) : document
      const request = { id, rev, document: whole, unknownParent: 'refuse' } as const
      const outcome = await documents.write(visit.ref, request, { create })
      // Some clients create documents with an id and no revision; for an existing document that is a bad request, not a conflict.
      if (outcome.kind === 'conflict' && rev === undefined && document.id !== undefined) {
        throw requestProblem(eitherBothOrNeither)
      }
      return sendWritten(c, 200, type, written(type, outcome), document)
    },
  )
}
