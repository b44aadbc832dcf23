/** GET of documents and design documents. */

import { z } from '@hono/zod-openapi'
import type { ReadOptions, ReadOutcome, RenderedDocument } from '../../src/documents/service.ts'
import { jsonText, notModified, revisionTag } from '../http/answer.ts'
import { sendWithContents } from '../http/attachment.ts'
import { unchanged } from '../http/conditional.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type ReadQuery, readQuery } from '../http/read-query.ts'
import { type HttpContext, headerReader } from '../http/router.ts'
import {
  enterDatabase,
  enterWhole,
  refuseUnlessWhole,
  refusingRestricted,
  requireRendered,
  type Visit,
} from './access.ts'
import { noDocument } from './errors.ts'
import { checkPathId } from './request.ts'
import type { CouchdbServices } from './services.ts'

const declaration = {
  method: 'GET',
  tag: 'CouchDB: documents',
  query: readQuery,
  headers: { 'If-None-Match': 'Answer 304 when the revision is still this one' },
  answers: {
    200: z.object({ _id: z.string(), _rev: z.string() }).describe('The document, or an array with `open_revs`'),
    304: 'The revision that If-None-Match names.',
    400: 'A revision is malformed.',
    404: 'No such database, or no such document: `missing` or `deleted`.',
  },
} as const

/** Both routes read alike; what lies behind `_design/` needs GET on the whole database. */
export function readRoutes(face: Face, services: Pick<CouchdbServices, 'documents' | 'instances'>): void {
  const { documents } = services

  endpoint(
    face,
    {
      ...declaration,
      path: '/couchdb/{db}/_design/{ddoc}',
      summary: 'Read a design document',
      needs: 'GET on the whole database',
    },
    async (c, { path, query }) =>
      read(c, await enterWhole(c, services, path.db, 'GET', 'read'), `_design/${path.ddoc}`, query),
  )

  endpoint(
    face,
    { ...declaration, path: '/couchdb/{db}/{id}', summary: 'Read a document', needs: 'GET on the document' },
    async (c, { path, query }) => {
      const visit = await enterDatabase(c, services, path.db, ['GET'], 'read')
      return read(c, visit, path.id, query)
    },
  )

  async function read(c: HttpContext, visit: Visit, id: string, asked: ReadQuery): Promise<Response> {
    checkPathId(id)
    if (asked.openRevs !== undefined) return openRevisions(c, visit, id, asked, asked.openRevs)
    const document = found(await refusingRestricted(visit, documents.read(visit.ref, id, told(asked.options))), visit)
    requireRendered(visit, 'GET', document)
    if (!asked.tagged) return sendWithContents(c, documents, visit.ref, document.text)
    const etag = revisionTag(document.rev)
    if (unchanged(headerReader(c), { etag })) return notModified({ etag })
    return jsonText(c, 200, document.text, { etag })
  }

  async function openRevisions(
    c: HttpContext,
    visit: Visit,
    id: string,
    { options }: ReadQuery,
    asked: NonNullable<ReadQuery['openRevs']>,
  ): Promise<Response> {
    const rows = await refusingRestricted(visit, documents.openRevisions(visit.ref, id, asked, options))
    if (rows === 'missing') {
      refuseUnlessWhole(visit, 'GET')
      throw noDocument('missing')
    }
    for (const row of rows) if ('ok' in row) requireRendered(visit, 'GET', row.ok)
    const text = rows.map((row) => ('ok' in row ? `{"ok":${row.ok.text}}` : JSON.stringify({ missing: row.missing })))
    return sendWithContents(c, documents, visit.ref, `[${text.join(',')}]`)
  }
}

/** With `rev`, CouchDB adds nothing to a document but `_revisions` and contents; what `latest` finds counts as the winner again. */
function told(options: ReadOptions): ReadOptions {
  const { rev, latest = false, revs = false, attachments = false, attachmentsSince } = options
  return rev === undefined || latest ? options : { rev, revs, attachments, attachmentsSince }
}

/** A token for some documents only must not learn which others exist. */
function found(outcome: ReadOutcome, visit: Visit): RenderedDocument {
  if (outcome.kind === 'found') return outcome.document
  refuseUnlessWhole(visit, 'GET')
  throw noDocument(outcome.kind)
}
