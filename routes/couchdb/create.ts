import { z } from '@hono/zod-openapi'
import { newDocumentId } from '../../src/ids.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enterDatabase } from './access.ts'
import { sendWritten } from './answer.ts'
import { requireJson } from './request.ts'
import type { CouchdbServices } from './services.ts'
import { Writer } from './writer.ts'

/** `POST /couchdb/DB`: a document, with an id of its own or a generated one. */
export function createRoute(face: Face, services: CouchdbServices): void {
  const writer = new Writer(services)

  endpoint(
    face,
    {
      method: 'POST',
      path: '/couchdb/{db}',
      tag: 'CouchDB: documents',
      summary: 'Create a document; without `_id` it gets one',
      needs: 'POST on the document, PUT for an update',
      body: z.object({ _id: z.string().optional() }).describe('A document'),
      answers: {
        201: z.object({ ok: z.boolean(), id: z.string(), rev: z.string() }).describe('The new revision'),
        400: 'The document is malformed.',
        404: 'There is no such database.',
        409: 'It exists, and `_rev` is not a leaf of it.',
        413: 'The document is too large.',
        415: 'Not announced as JSON.',
      },
    },
    async (c, { path }) => {
      const visit = await enterDatabase(c, services, path.db, ['POST', 'PUT'], 'write')
      requireJson(c)
      const prepared = await writer.prepare(c, visit)
      const id = prepared.id ?? newDocumentId()
      await writer.allow(visit, id, prepared, prepared.rev)
      return sendWritten(c, 201, visit.ref, await writer.store(visit, id, prepared, prepared.rev))
    },
  )
}
