/** `_revs_diff` and the older `_missing_revs`. */
import { z } from '@hono/zod-openapi'
import { parseRevsDiff } from '../../src/documents/replication.ts'
import type { RevisionsDiff } from '../../src/documents/service.ts'
import { jsonText } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { missingRevsText, revisionLists, revsDiffAnswer, revsDiffText } from '../http/replication.ts'
import type { HttpContext } from '../http/router.ts'
import { enterWhole } from './access.ts'
import { readJsonBody } from './request.ts'
import type { CouchdbServices } from './services.ts'

const tag = 'CouchDB: replication'
const needs = 'GET on the whole database'
const failures = {
  400: 'A revision is malformed.',
  404: 'There is no such database.',
  415: 'Not announced as JSON.',
}

export function revsDiffRoutes(face: Face, services: CouchdbServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/couchdb/{db}/_revs_diff',
      tag,
      summary: 'Which of these revisions are not here',
      needs,
      body: revisionLists,
      answers: { 200: revsDiffAnswer, ...failures },
    },
    async (c, { path }) => jsonText(c, 200, revsDiffText(await differences(c, path.db))),
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/couchdb/{db}/_missing_revs',
      tag,
      summary: 'The same without possible ancestors',
      needs,
      body: revisionLists,
      answers: { 200: z.object({ missing_revs: revisionLists }), ...failures },
    },
    async (c, { path }) => jsonText(c, 200, missingRevsText(await differences(c, path.db))),
  )

  async function differences(c: HttpContext, db: string): Promise<readonly RevisionsDiff[]> {
    const { ref } = await enterWhole(c, services, db, 'GET', 'read')
    const body = await readJsonBody(c, services.limits.maxRequestBytes)
    return await services.documents.revsDiff(ref, parseRevsDiff(body))
  }
}
