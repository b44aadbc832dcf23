/** `_local` documents, and their list `_local_docs`. Reading rights suffice: they hold checkpoints. */
import { z } from '@hono/zod-openapi'
import { localPrefix, type PreparedLocal } from '../../src/documents/local-document.ts'
import { allDocsText, lastBounds, parseListing, sendListing, withBody } from '../http/all-docs.ts'
import { jsonText, jsonValue } from '../http/answer.ts'
import { readJson } from '../http/body.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { noLocalAttachments, removalOf, withRevision } from '../http/local-documents.ts'
import { textParameter } from '../http/parameters.ts'
import { segment } from '../http/path.ts'
import type { HttpContext } from '../http/router.ts'
import { enterWhole, type Visit } from './access.ts'
import { noDocument, written } from './errors.ts'
import { prepareLocalDocument, readJsonBody } from './request.ts'
import type { CouchdbServices } from './services.ts'

const tag = 'CouchDB: replication'
const needs = 'GET on the whole database'
const accepted = z.object({ ok: z.boolean(), id: z.string(), rev: z.string() }).describe('The new revision, 0-N')
const revQuery = z.object({ rev: textParameter().describe('The revision that the client read, 0-N') })
const headers = { 'If-Match': 'The same as rev' }
const noLocal = 'No such database or local document.'
const rows = z
  .object({ total_rows: z.null(), offset: z.null(), rows: z.array(z.object({})) })
  .describe('One row a local document, ordered by the bytes of the id')

export function localRoutes(face: Face, services: CouchdbServices): void {
  const { documents, limits } = services
  const path = '/couchdb/{db}/_local/{id}'
  const list = '/couchdb/{db}/_local_docs'

  endpoint(
    face,
    {
      method: 'GET',
      path,
      tag,
      summary: 'Read a local document',
      needs,
      answers: { 200: z.object({ _id: z.string(), _rev: z.string() }), 404: noLocal },
    },
    async (c, { path }) => {
      const { ref } = await enterWhole(c, services, path.db, 'GET', 'read')
      const outcome = await documents.readLocal(ref, localPrefix + path.id)
      if (outcome.kind === 'found') return jsonText(c, 200, outcome.document.text)
      throw noDocument('missing')
    },
  )

  endpoint(
    face,
    {
      method: 'PUT',
      path,
      tag,
      summary: 'Write a local document: it is neither counted, listed nor replicated',
      needs,
      query: revQuery,
      headers,
      body: z.object({ _rev: z.string().optional() }),
      answers: { 200: 'It was deleted.', 201: accepted, 400: 'It is malformed.', 404: noLocal, 409: 'Another _rev.' },
    },
    async (c, { path, query }) => {
      const visit = await enterWhole(c, services, path.db, 'GET', 'read')
      const body = await readJson(c, { maxBytes: limits.maxRequestBytes })
      return write(c, visit, prepareLocalDocument(body, limits.maxDocumentBytes, localPrefix + path.id), query.rev)
    },
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path,
      tag,
      summary: 'Delete a local document',
      needs,
      query: revQuery,
      headers,
      answers: { 200: accepted, 404: noLocal, 409: 'Another revision.' },
    },
    async (c, { path, query }) => {
      const visit = await enterWhole(c, services, path.db, 'GET', 'read')
      return write(c, visit, removalOf(localPrefix + path.id), query.rev)
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: list,
      tag,
      summary: 'List local documents',
      needs,
      query: allDocsText,
      answers: { 200: rows, 404: noLocal },
    },
    async (c, { path, query }) => {
      const visit = await enterWhole(c, services, path.db, 'GET', 'read')
      return send(c, visit, lastBounds(c, query))
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: list,
      tag,
      summary: 'List local documents, with parameters in the body',
      needs,
      query: allDocsText,
      body: z.object({ keys: z.array(z.string()).optional() }),
      answers: { 200: rows, 404: noLocal },
    },
    async (c, { path, query }) => {
      const visit = await enterWhole(c, services, path.db, 'GET', 'read')
      return send(c, visit, withBody(lastBounds(c, query), await readJsonBody(c, limits.maxRequestBytes)))
    },
  )

  face.router.all('/couchdb/:db/_local/:id/*', async (c) => {
    const error = await enterWhole(c, services, segment(c.req.param('db')), 'GET', 'read').catch((error) => error)
    return face.onError(error instanceof Error ? error : noLocalAttachments(), c)
  })

  async function write(c: HttpContext, { ref }: Visit, local: PreparedLocal, rev: string | undefined) {
    const outcome = await documents.writeLocal(ref, withRevision(c, local, rev))
    const { id, rev: made } = written(outcome)
    return jsonValue(c, local.deleted ? 200 : 201, { ok: true, id, rev: made })
  }

  async function send(c: HttpContext, { ref }: Visit, text: z.output<typeof allDocsText>): Promise<Response> {
    const listing = parseListing(text, 'all')
    const answer = await documents.listLocals(ref, listing)
    return sendListing(c, { ...answer, totalRows: null, offset: null }, listing)
  }
}
