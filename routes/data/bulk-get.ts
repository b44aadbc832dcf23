/** `_bulk_get`. Documents carry no `_type` here: replicators store what they read. */
import { endpoint, type Face } from '../http/endpoint.ts'
import { answerBulkGet, bulkGetAnswer, bulkGetBody, bulkGetQuery } from '../http/replication.ts'
import { enterWhole } from './access.ts'
import type { DataServices } from './services.ts'

export function bulkGetRoute(face: Face, { documents, instances, limits }: DataServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/data/{type}/_bulk_get',
      summary: 'Read many revisions',
      tag: 'replication',
      needs: 'GET on the whole doctype',
      query: bulkGetQuery,
      body: bulkGetBody,
      answers: {
        200: bulkGetAnswer,
        400: 'There is no list of documents, or a parameter is refused',
        404: 'No such doctype',
      },
    },
    async (c, { path: { type }, query }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      return answerBulkGet(c, documents, ref, query, limits.maxRequestBytes)
    },
  )
}
