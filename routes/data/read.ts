/** `GET /data/T/ID`. Without a query it is the hottest route of the server: one call of the engine. */

import { z } from '@hono/zod-openapi'
import type { ReadOutcome } from '../../src/documents/service.ts'
import { accountsDoctype } from '../../src/secrets/accounts.ts'
import { jsonText, notModified, revisionTag } from '../http/answer.ts'
import { sendWithContents } from '../http/attachment.ts'
import { unchanged } from '../http/conditional.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type ReadQuery, readQuery } from '../http/read-query.ts'
import { type HttpContext, headerReader } from '../http/router.ts'
import { enter, refused, refusingRestricted, requireRendered, type Visit } from './access.ts'
import { accountFor } from './account.ts'
import { missingDocument } from './errors.ts'
import { checkPathId } from './request.ts'
import type { DataServices } from './services.ts'

const readVerbs = ['GET'] as const

export function readRoute(face: Face, { documents, instances, secrets }: DataServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/data/{type}/{id}',
      summary: 'Read one document',
      tag: 'documents',
      needs: 'GET on the document',
      query: readQuery,
      headers: { 'If-None-Match': 'Answer 304 when the revision is still this one' },
      answers: {
        200: z.looseObject({ _id: z.string(), _rev: z.string(), _type: z.string() }).describe('The document'),
        304: 'The revision that If-None-Match names',
        404: 'missing, deleted or wrong_doctype',
      },
    },
    async (c, { path: { type, id }, query }) => {
      checkPathId(id)
      const visit = await enter(c, instances, type, readVerbs, 'read')
      if (query.openRevs !== undefined) return openRevisions(c, visit, id, query, query.openRevs)
      // What is asked with `revs` is for replication, which stores no `_type`.
      const options = query.options.revs ? query.options : { ...query.options, type }
      const document = found(await refusingRestricted(visit, documents.read(visit.ref, id, options)), visit, id)
      requireRendered(visit, 'GET', document)
      if (type === accountsDoctype) {
        const stored = { prefix: visit.ref.prefix, text: document.text, secrets }
        // Contents of attachments are put in while the answer is sent.
        const text = query.options.attachments ? document.text : accountFor(visit.permissions, query.include, stored)
        return sendWithContents(c, documents, visit.ref, text)
      }
      if (!query.tagged) return sendWithContents(c, documents, visit.ref, document.text)
      const etag = revisionTag(document.rev)
      if (unchanged(headerReader(c), { etag })) return notModified({ etag })
      return jsonText(c, 200, document.text, { etag })
    },
  )

  async function openRevisions(
    c: HttpContext,
    visit: Visit,
    id: string,
    { options }: ReadQuery,
    asked: NonNullable<ReadQuery['openRevs']>,
  ): Promise<Response> {
    const rows = await refusingRestricted(visit, documents.openRevisions(visit.ref, id, asked, options))
    if (rows === 'missing') throw absent(visit, id, 'missing')
    for (const row of rows) if ('ok' in row) requireRendered(visit, 'GET', row.ok)
    const text = rows.map((row) => ('ok' in row ? `{"ok":${row.ok.text}}` : JSON.stringify({ missing: row.missing })))
    return sendWithContents(c, documents, visit.ref, `[${text.join(',')}]`)
  }
}

function found(outcome: ReadOutcome, visit: Visit, id: string) {
  if (outcome.kind === 'found') return outcome.document
  throw absent(visit, id, outcome.kind)
}

/** A token for some documents only must not learn which others exist. */
function absent(visit: Visit, id: string, reason: 'missing' | 'deleted') {
  return visit.permissions.allowsType('GET', visit.type) ? missingDocument(visit.type, id, reason) : refused()
}
