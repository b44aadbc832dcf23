/** `DELETE /data/T/ID`. */

import { z } from '@hono/zod-openapi'
import { jsonValue, revisionTag } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { revisionAsked } from '../http/if-match.ts'
import { textParameter } from '../http/parameters.ts'
import { enter, requireStored } from './access.ts'
import { written } from './answer.ts'
import { requestProblem } from './errors.ts'
import { checkPathId } from './request.ts'
import type { DataServices } from './services.ts'

const mismatch = () => requestProblem('If-Match Header and rev query parameters mismatch')

export function deleteRoute(face: Face, { documents, instances }: DataServices): void {
  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/data/{type}/{id}',
      summary: 'Delete one document',
      tag: 'documents',
      needs: 'DELETE on the document',
      query: z.object({ rev: textParameter().describe('The revision to delete: a leaf, not always the winner') }),
      headers: { 'If-Match': 'The same as rev' },
      answers: {
        200: z.object({ ok: z.boolean(), id: z.string(), type: z.string(), rev: z.string(), _deleted: z.boolean() }),
        400: 'No revision, or two different ones',
        404: 'missing, deleted or wrong_doctype',
        409: 'Not a current revision',
      },
    },
    async (c, { path: { type, id }, query }) => {
      checkPathId(id)
      const rev = revisionAsked(c, { query: query.rev }, mismatch)
      if (rev === undefined) throw requestProblem('delete without revision')
      const visit = await enter(c, instances, type, ['DELETE'], 'write')
      await requireStored(documents, visit, 'DELETE', id, rev)
      const done = written(type, await documents.remove(visit.ref, id, rev))
      // The documentation shows one of the last two, cozy-stack sends the other: clients exist for both.
      const body = { ok: true, id, type, rev: done.rev, deleted: true, _deleted: true }
      return jsonValue(c, 200, body, { etag: revisionTag(done.rev) })
    },
  )
}
