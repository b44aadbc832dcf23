/** `_all_docs` by GET and POST, CouchDB's and the projecting variant. */
import { z } from '@hono/zod-openapi'
import type { DatabaseRef } from '../../storage/documents/contract.ts'
import { allDocsText, joinRows, lastBounds, parseListing, sendListing, withBody } from '../http/all-docs.ts'
import { filling } from '../http/attachment.ts'
import { readJson } from '../http/body.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import type { HttpContext } from '../http/router.ts'
import { streamJson } from '../http/stream.ts'
import { enterWhole } from './access.ts'
import { projectedListing, projectedRows } from './projected-rows.ts'
import type { DataServices } from './services.ts'

const dataText = allDocsText.extend({
  Fields: z.string().optional().describe('Paths divided by commas: documents cut down to these'),
  DesignDocs: z.string().optional().describe('false: leave out design documents, also from total_rows'),
})

export function allDocsRoutes(face: Face, { documents, instances, limits }: DataServices): void {
  const declaration = {
    path: '/data/{type}/_all_docs',
    tag: 'documents',
    needs: 'GET on the whole doctype',
    query: dataText,
    answers: {
      200: z.object({ total_rows: z.number(), offset: z.number().nullable(), rows: z.array(z.looseObject({})) }),
      404: 'No such doctype',
    },
  } as const

  endpoint(face, { ...declaration, method: 'GET', summary: 'List documents by id' }, (c, { path, query }) =>
    list(c, path.type, query),
  )

  endpoint(
    face,
    {
      ...declaration,
      method: 'POST',
      summary: 'List documents by id, or those that the body names',
      body: z.looseObject({ keys: z.array(z.string()).optional() }),
    },
    async (c, { path, query }) => {
      const { ref } = await enterWhole(c, instances, path.type, 'GET', 'read')
      const { value } = await readJson(c, { maxBytes: limits.maxRequestBytes })
      return send(c, ref, withBody(lastBounds(c, query), value))
    },
  )

  async function list(c: HttpContext, type: string, text: z.output<typeof dataText>): Promise<Response> {
    const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
    return send(c, ref, lastBounds(c, text))
  }

  async function send(c: HttpContext, ref: DatabaseRef, text: z.output<typeof dataText>): Promise<Response> {
    if (text.Fields !== undefined || text.DesignDocs !== undefined) {
      const answer = await documents.allDocs(ref, projectedListing(text))
      const { print, kept } = projectedRows(text)
      const total = () => (text.DesignDocs === 'false' ? kept() : answer.totalRows)
      const head = `{"offset":${answer.offset},"rows":[`
      return streamJson(c, head, joinRows(answer.rows, print), () => `],"total_rows":${total()}}`)
    }
    const listing = parseListing(text, 'all')
    const answer = await documents.allDocs(ref, listing)
    return sendListing(c, answer, listing, filling(documents, ref, listing.attachments))
  }
}
