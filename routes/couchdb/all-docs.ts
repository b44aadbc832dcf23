/** `_all_docs` and `_design_docs`, each with GET, POST and `/queries`. */
import { z } from '@hono/zod-openapi'
import type { AllDocsQuery } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'
import {
  allDocsText,
  joinRows,
  type Listing,
  lastBounds,
  listingHead,
  parseListing,
  rowText,
  sendListing,
  withBody,
} from '../http/all-docs.ts'
import { filling } from '../http/attachment.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import type { HttpContext } from '../http/router.ts'
import { streamJson } from '../http/stream.ts'
import { enterWhole, type Visit } from './access.ts'
import { readJsonBody } from './request.ts'
import type { CouchdbServices } from './services.ts'

const tag = 'CouchDB: documents'
const needs = 'GET on the whole database'
const answers = {
  200: z
    .object({ total_rows: z.int(), offset: z.int().nullable(), rows: z.array(z.object({})) })
    .describe('One row a document, ordered by the bytes of the id'),
  400: 'A parameter is malformed.',
  404: 'There is no such database.',
}

export function allDocsRoutes(face: Face, services: CouchdbServices): void {
  const body = (c: HttpContext) => readJsonBody(c, services.limits.maxRequestBytes)
  listing('_all_docs', 'all')
  listing('_design_docs', 'only')

  function listing(name: '_all_docs' | '_design_docs', designs: AllDocsQuery['designs']): void {
    const what = designs === 'all' ? 'documents' : 'design documents'

    endpoint(
      face,
      {
        method: 'GET',
        path: `/couchdb/{db}/${name}`,
        tag,
        summary: `List ${what}`,
        needs,
        query: allDocsText,
        answers,
      },
      async (c, { path, query }) => {
        const visit = await enterWhole(c, services, path.db, 'GET', 'read')
        return send(c, visit, parseListing(lastBounds(c, query), designs))
      },
    )

    endpoint(
      face,
      {
        method: 'POST',
        path: `/couchdb/{db}/${name}`,
        tag,
        summary: `List ${what}, with parameters in the body`,
        needs,
        query: allDocsText,
        body: z.object({ keys: z.array(z.string()).optional() }).describe('Any of the parameters, as JSON'),
        answers,
      },
      async (c, { path, query }) => {
        const visit = await enterWhole(c, services, path.db, 'GET', 'read')
        return send(c, visit, parseListing(withBody(lastBounds(c, query), await body(c)), designs))
      },
    )

    endpoint(
      face,
      {
        method: 'POST',
        path: `/couchdb/{db}/${name}/queries`,
        tag,
        summary: `Several lists of ${what} in one answer`,
        needs,
        query: allDocsText,
        body: z.object({ queries: z.array(z.object({})) }),
        answers: { ...answers, 200: '`{results: [...]}`, one list a query.' },
      },
      async (c, { path, query }) => {
        const visit = await enterWhole(c, services, path.db, 'GET', 'read')
        const entries = readQueries(await body(c))
        const asked = entries.map((entry) => parseListing({ ...lastBounds(c, query), ...withBody({}, entry) }, designs))
        return streamJson(c, '{"results":[', results(visit, asked), ']}')
      },
    )
  }

  async function send(c: HttpContext, visit: Visit, asked: Listing): Promise<Response> {
    const { documents } = services
    const answer = await documents.allDocs(visit.ref, asked)
    return sendListing(c, answer, asked, filling(documents, visit.ref, asked.attachments))
  }

  async function* results(visit: Visit, queries: readonly Listing[]): AsyncIterable<string> {
    for (const [index, asked] of queries.entries()) {
      const answer = await services.documents.allDocs(visit.ref, asked)
      yield (index === 0 ? '' : ',\n') + listingHead(answer, asked)
      yield* joinRows(answer.rows, (row) => rowText(row, asked.includeDocs))
      yield ']}'
    }
  }
}

function readQueries(body: Json): readonly Json[] {
  const queries = isObject(body) ? body['queries'] : undefined
  if (queries === undefined) throw new Problem('bad_request', 'POST body must include `queries` parameter.')
  if (!Array.isArray(queries)) throw new Problem('query_parse_error', '`queries` parameter must be an array.')
  return queries
}
