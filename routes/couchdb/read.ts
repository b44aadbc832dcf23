/** GET of documents and design documents. */

import { z } from '@hono/zod-openapi'
import type { ReadOptions } from '../../src/documents/service.ts'
import { type ReadingFace, readDocument, sendDocument, sendOpenRevisions } from '../http/document-read.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type ReadQuery, readQuery } from '../http/read-query.ts'
import type { HttpContext } from '../http/router.ts'
import { access, enterDatabase, enterWhole, type Visit } from './access.ts'
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

/** Both routes read in the same way; what lies below `_design/` needs GET on the whole database. */
export function readRoutes(face: Face, services: Pick<CouchdbServices, 'documents' | 'instances'>): void {
  const own: ReadingFace = { documents: services.documents, access, missing: (_visit, _id, kind) => noDocument(kind) }

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
    const { openRevs } = asked
    if (openRevs !== undefined) return sendOpenRevisions(c, own, visit, id, { ...asked, openRevs })
    return sendDocument(c, own, visit, await readDocument(own, visit, id, told(asked.options)), asked)
  }
}

/** With `rev`, CouchDB adds nothing to a document but `_revisions` and contents; what `latest` finds counts as the winner again. */
function told(options: ReadOptions): ReadOptions {
  const { rev, latest = false, revs = false, attachments = false, attachmentsSince } = options
  return rev === undefined || latest ? options : { rev, revs, attachments, attachmentsSince }
}
