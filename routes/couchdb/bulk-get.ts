/** `_bulk_get`: many revisions in one answer. Always JSON, as every replicator of today asks for. */
import { parseBulkGet, wantContents } from '../../src/documents/replication.ts'
import { filling } from '../http/attachment.ts'
import { readJson } from '../http/body.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { bulkGetAnswer, bulkGetBody, bulkGetQuery, sendBulkGet } from '../http/replication.ts'
import { enterWhole } from './access.ts'
import { requireJson } from './request.ts'
import type { CouchdbServices } from './services.ts'

export function bulkGetRoute(face: Face, services: CouchdbServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/couchdb/{db}/_bulk_get',
      tag: 'CouchDB: replication',
      summary: 'Read many revisions',
      needs: 'GET on the whole database',
      query: bulkGetQuery,
      body: bulkGetBody,
      answers: {
        200: bulkGetAnswer,
        400: 'There is no list of documents, or a parameter is refused.',
        404: 'There is no such database.',
        415: 'Not announced as JSON.',
      },
    },
    async (c, { path, query }) => {
      const { ref } = await enterWhole(c, services, path.db, 'GET', 'read')
      requireJson(c)
      const { value } = await readJson(c, { maxBytes: services.limits.maxRequestBytes })
      const { documents } = services
      const lines = parseBulkGet(value)
      const pages = await documents.bulkGet(ref, lines, query)
      return sendBulkGet(c, pages, filling(documents, ref, query.attachments || wantContents(lines)))
    },
  )
}
