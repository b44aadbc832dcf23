/** `_bulk_get`. Documents carry no `_type` here: replicators store what they read. */
import { parseBulkGet, wantContents } from '../../src/documents/replication.ts'
import { filling } from '../http/attachment.ts'
import { readJson } from '../http/body.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { bulkGetAnswer, bulkGetBody, bulkGetQuery, sendBulkGet } from '../http/replication.ts'
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
      const { value } = await readJson(c, { maxBytes: limits.maxRequestBytes })
      const lines = parseBulkGet(value)
      const pages = await documents.bulkGet(ref, lines, query)
      return sendBulkGet(c, pages, filling(documents, ref, query.attachments || wantContents(lines)))
    },
  )
}
