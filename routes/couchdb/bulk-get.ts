/** `_bulk_get`: many revisions in one answer. Always JSON, which every current replicator requests. */
import { endpoint, type Face } from '../http/endpoint.ts'
import { answerBulkGet, bulkGetAnswer, bulkGetBody, bulkGetQuery } from '../http/replication.ts'
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
      return answerBulkGet(c, services.documents, ref, query, services.limits.maxRequestBytes)
    },
  )
}
