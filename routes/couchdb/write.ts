/** PUT and DELETE of documents and design documents. */
import { z } from '@hono/zod-openapi'
import { checkDocumentId } from '../../src/documents/document.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { revisionAsked } from '../http/if-match.ts'
import { multipartDocument, receiveParts } from '../http/multipart-document.ts'
import { textParameter } from '../http/parameters.ts'
import type { HttpContext } from '../http/router.ts'
import { enterDatabase, enterWhole, refuseUnlessWhole, requireRendered, type Visit } from './access.ts'
import { sendWritten } from './answer.ts'
import { noDocument, written } from './errors.ts'
import { checkPathId } from './request.ts'
import type { CouchdbServices } from './services.ts'
import { Writer } from './writer.ts'

const tag = 'CouchDB: documents'
const accepted = z.object({ ok: z.boolean(), id: z.string(), rev: z.string() }).describe('The new revision')
const body = z.object({ _rev: z.string().optional() }).describe('A document')
const headers = { 'If-Match': 'The revision that the client read, instead of `_rev` or `?rev=`' }
const answers = {
  400: 'The document or a revision is malformed.',
  404: 'There is no such database, or nothing to delete: `missing` or `deleted`.',
  409: 'The revision given is not a leaf of this document.',
  413: 'The document is too large.',
}
const putQuery = z.object({
  rev: textParameter().describe('The revision that the client read, instead of `_rev`'),
  new_edits: textParameter().describe('false: store the revision as it is given'),
})
const deleteQuery = z.object({ rev: textParameter().describe('The revision that the client read') })

export function writeRoutes(face: Face, services: CouchdbServices): void {
  const writer = new Writer(services)
  const { documents } = services

  endpoint(
    face,
    {
      method: 'PUT',
      path: '/couchdb/{db}/_design/{ddoc}',
      tag,
      summary: 'Create or update a design document; `language: "query"` builds indexes',
      needs: 'POST on the whole database, PUT for an update',
      query: putQuery,
      headers,
      body,
      answers: { 201: accepted, ...answers },
    },
    async (c, { path, query }) => {
      const visit = await enterDatabase(c, services, path.db, ['POST', 'PUT'], 'read')
      const id = `_design/${path.ddoc}`
      checkDocumentId(id)
      return put(c, visit, id, query)
    },
  )

  endpoint(
    face,
    {
      method: 'PUT',
      path: '/couchdb/{db}/{id}',
      tag,
      summary: 'Create or update a document',
      needs: 'POST on the document, PUT for an update',
      query: putQuery,
      headers,
      body,
      answers: { 200: 'A tombstone was written.', 201: accepted, ...answers },
    },
    async (c, { path, query }) => {
      const visit = await enterDatabase(c, services, path.db, ['POST', 'PUT'], 'write')
      checkDocumentId(path.id)
      return put(c, visit, path.id, query)
    },
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/couchdb/{db}/_design/{ddoc}',
      tag,
      summary: 'Delete a design document with its indexes',
      needs: 'GET on the whole database',
      query: deleteQuery,
      headers,
      answers: { 200: accepted, ...answers },
    },
    async (c, { path, query }) => {
      const visit = await enterWhole(c, services, path.db, 'GET', 'read')
      const id = `_design/${path.ddoc}`
      checkPathId(id)
      return remove(c, visit, id, query.rev)
    },
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/couchdb/{db}/{id}',
      tag,
      summary: 'Delete a document',
      needs: 'DELETE on the document',
      query: deleteQuery,
      headers,
      answers: { 200: accepted, ...answers },
    },
    async (c, { path, query }) => {
      const visit = await enterDatabase(c, services, path.db, ['DELETE'], 'write')
      checkPathId(path.id)
      if (!visit.permissions.allowsType('DELETE', visit.ref.name)) await allowRemoval(visit, path.id)
      return remove(c, visit, path.id, query.rev)
    },
  )

  async function put(
    c: HttpContext,
    visit: Visit,
    id: string,
    query: { readonly rev?: string | undefined; readonly new_edits?: string | undefined },
  ): Promise<Response> {
    const multipart = await multipartDocument(c, services.limits.maxRequestBytes)
    const received = multipart ? writer.prepared(multipart.json, id) : await writer.prepare(c, visit, id)
    const rev = revisionAsked(c, { body: received.rev, query: query.rev })
    await writer.allow(visit, id, received, rev)
    const prepared = multipart
      ? await receiveParts(documents, visit.ref, received, multipart.parts, { create: false })
      : received
    const stored =
      query.new_edits === 'false'
        ? await writer.storeAsGiven(visit, id, prepared, rev)
        : await writer.store(visit, id, prepared, rev)
    return sendWritten(c, prepared.deleted ? 200 : 201, visit.ref, stored)
  }

  async function allowRemoval(visit: Visit, id: string): Promise<void> {
    const stored = await writer.winner(visit, id)
    if (stored === undefined) refuseUnlessWhole(visit, 'DELETE')
    else requireRendered(visit, 'DELETE', stored)
  }

  async function remove(c: HttpContext, visit: Visit, id: string, rev: string | undefined): Promise<Response> {
    let parent: RevisionId | undefined
    try {
      parent = revisionAsked(c, { query: rev })
    } catch (problem) {
      // A missing document is reported before an error in its revision.
      const outcome = await documents.read(visit.ref, id)
      throw outcome.kind === 'found' ? problem : noDocument(outcome.kind)
    }
    return sendWritten(c, 200, visit.ref, written(await documents.remove(visit.ref, id, parent)))
  }
}
