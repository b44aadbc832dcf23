/** `GET /data/T/ID`. Without a query it is the hottest route of the server: one call of the engine. */

import { z } from '@hono/zod-openapi'
import { accountsDoctype } from '../../src/secrets/accounts.ts'
import { sendWithContents } from '../http/attachment.ts'
import { type ReadingFace, readDocument, sendDocument, sendOpenRevisions } from '../http/document-read.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { readQuery } from '../http/read-query.ts'
import { access, enter } from './access.ts'
import { accountFor } from './account.ts'
import { missingDocument } from './errors.ts'
import { checkPathId } from './request.ts'
import type { DataServices } from './services.ts'

const readVerbs = ['GET'] as const

export function readRoute(face: Face, { documents, instances, secrets }: DataServices): void {
  const own: ReadingFace = { documents, access, missing: ({ ref }, id, kind) => missingDocument(ref.name, id, kind) }

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
      const { openRevs } = query
      if (openRevs !== undefined) return sendOpenRevisions(c, own, visit, id, { ...query, openRevs })
      // What is asked with `revs` is for replication, which stores no `_type`.
      const options = query.options.revs ? query.options : { ...query.options, type }
      const document = await readDocument(own, visit, id, options)
      if (type === accountsDoctype) {
        const stored = { prefix: visit.ref.prefix, text: document.text, secrets }
        // Contents of attachments are put in while the answer is sent.
        const text = query.options.attachments ? document.text : accountFor(visit.permissions, query.include, stored)
        return sendWithContents(c, documents, visit.ref, text)
      }
      return sendDocument(c, own, visit, document, query)
    },
  )
}
