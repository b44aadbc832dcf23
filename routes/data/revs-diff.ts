/** `_revs_diff` and the older `_missing_revs`. */
import { z } from '@hono/zod-openapi'
import { parseRevsDiff } from '../../src/documents/replication.ts'
import type { RevisionsDiff } from '../../src/documents/service.ts'
import { jsonText } from '../http/answer.ts'
import { readJson } from '../http/body.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { missingRevsText, revisionLists, revsDiffAnswer, revsDiffText } from '../http/replication.ts'
import type { HttpContext } from '../http/router.ts'
import { enterWhole } from './access.ts'
import type { DataServices } from './services.ts'

const common = { method: 'POST', tag: 'replication', needs: 'GET on the whole doctype', body: revisionLists } as const
const failures = { 400: 'A revision is malformed', 404: 'No such doctype' }

export function revsDiffRoutes(face: Face, { documents, instances, limits }: DataServices): void {
  endpoint(
    face,
    {
      ...common,
      path: '/data/{type}/_revs_diff',
      summary: 'Which of these revisions are not here',
      answers: { 200: revsDiffAnswer, ...failures },
    },
    async (c, { path }) => jsonText(c, 200, revsDiffText(await differences(c, path.type))),
  )

  endpoint(
    face,
    {
      ...common,
      path: '/data/{type}/_missing_revs',
      summary: 'The same without possible ancestors',
      answers: { 200: z.object({ missing_revs: revisionLists }), ...failures },
    },
    async (c, { path }) => jsonText(c, 200, missingRevsText(await differences(c, path.type))),
  )

  async function differences(c: HttpContext, type: string): Promise<readonly RevisionsDiff[]> {
    const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
    const { value } = await readJson(c, { maxBytes: limits.maxRequestBytes })
    const diffs = await documents.revsDiff(ref, parseRevsDiff(value))
    return diffs
  }
}
