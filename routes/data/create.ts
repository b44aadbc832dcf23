/** `POST /data/T/`: a new document under an id of the server's. */
import { z } from '@hono/zod-openapi'
import { newDocumentId } from '../../src/ids.ts'
import { Problem } from '../../src/model/errors.ts'
import { receiving } from '../http/attachment.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, requireDocument } from './access.ts'
import { documentToWrite } from './account.ts'
import { sendWritten, written } from './answer.ts'
import { readDocumentBody } from './request.ts'
import type { DataServices } from './services.ts'

export function createRoute(face: Face, services: DataServices): void {
  const { documents, instances, limits } = services
  endpoint(
    face,
    {
      method: 'POST',
      path: '/data/{type}',
      summary: 'Create a document',
      tag: 'documents',
      needs: 'POST on the doctype',
      body: z.looseObject({}).describe('A document without _id'),
      answers: {
        201: z.object({ ok: z.boolean(), id: z.string(), type: z.string(), rev: z.string(), data: z.looseObject({}) }),
        400: 'defined_id or doc_validation',
      },
    },
    async (c, { path: { type } }) => {
      const visit = await enter(c, instances, type, ['POST'], 'write')
      const { value, document: sent } = await readDocumentBody(c, type, {
        limits,
        receive: receiving(documents, visit.ref, { create: true }),
      })
      if (sent.id !== undefined) throw new Problem('defined_id', 'document _id should be empty')
      if (sent.rev !== undefined) throw new Problem('doc_validation', 'a new document has no _rev')
      requireDocument(visit, 'POST', value)
      const document = await documentToWrite(c, services, visit, sent, true)
      const request = { id: newDocumentId(), document, unknownParent: 'refuse' } as const
      const done = written(type, await documents.write(visit.ref, request, { create: true }))
      return sendWritten(c, 201, type, done, document)
    },
  )
}
