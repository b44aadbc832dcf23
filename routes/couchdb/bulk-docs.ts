/** `_bulk_docs` with both values of `new_edits` (documents 1.14). */
import { z } from '@hono/zod-openapi'
import { jsonValue } from '../http/answer.ts'
import { readJson } from '../http/body.ts'
import { bulkRequest } from '../http/bulk-request.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enterWhole } from './access.ts'
import { requireJson } from './content-type.ts'
import { existing, noDatabase, outcomeRow } from './failure.ts'
import { prepare } from './prepare.ts'
import type { CouchdbServices } from './services.ts'

export function bulkRoute(face: Face, services: CouchdbServices): void {
  const { documents, limits } = services

  endpoint(
    face,
    {
      method: 'POST',
      path: '/couchdb/{db}/_bulk_docs',
      tag: 'CouchDB: documents',
      summary: 'Write many documents, each on its own',
      needs: 'POST on the whole database',
      body: z.object({
        docs: z.array(z.object({})),
        new_edits: z.boolean().optional().describe('false: store revisions as they are given'),
      }),
      answers: {
        201: 'One row a document in the order given; with `new_edits: false` only what was refused.',
        400: 'A document is malformed; none was written.',
        404: 'There is no such database.',
        413: 'The request or a document is too large.',
        415: 'Not announced as JSON.',
      },
    },
    async (c, { path }) => {
      const { ref } = await enterWhole(c, services, path.db, 'POST', 'read')
      requireJson(c)
      const { docs, newEdits } = bulkRequest(await readJson(c, { maxBytes: limits.maxRequestBytes }))
      const prepared = docs.map((doc) => prepare(doc, limits.maxDocumentBytes))
      // Without documents the engine touches no database.
      if (docs.length === 0 && (await documents.info(ref)) === undefined) throw noDatabase()
      const outcomes = newEdits
        ? await documents.bulk(ref, prepared, { create: false })
        : await documents.replicate(ref, prepared, { create: false })
      return jsonValue(c, 201, existing(outcomes).map(outcomeRow))
    },
  )
}
