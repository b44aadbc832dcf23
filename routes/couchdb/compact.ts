/** `_compact`: bodies of superseded revisions are dropped at once. Those of leaves stay, even in conflicts. */
import { z } from '@hono/zod-openapi'
import { jsonValue } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enterWhole } from './access.ts'
import { requireJson } from './request.ts'
import type { CouchdbServices } from './services.ts'

const common = {
  method: 'POST',
  tag: 'CouchDB: databases',
  needs: 'POST on the whole database',
  answers: {
    202: z.object({ ok: z.boolean() }).describe('Done'),
    401: 'No good token.',
    403: 'The token does not allow this.',
    404: 'There is no such database.',
    415: 'The body is not announced as JSON.',
  },
} as const

export function compactRoutes(face: Face, services: CouchdbServices): void {
  const { documents } = services

  endpoint(
    face,
    { ...common, path: '/couchdb/{db}/_compact', summary: 'Drop the bodies of superseded revisions' },
    async (c, { path }) => {
      requireJson(c)
      const { ref } = await enterWhole(c, services, path.db, 'POST', 'write')
      await documents.compact(ref)
      return jsonValue(c, 202, { ok: true })
    },
  )

  for (const path of ['/couchdb/{db}/_compact/{ddoc}', '/couchdb/{db}/_view_cleanup'] as const) {
    endpoint(face, { ...common, path, summary: 'Accepted; indexes are always tidy' }, async (c, { path }) => {
      requireJson(c)
      const { ref } = await enterWhole(c, services, path.db, 'POST', 'write')
      await documents.databaseInfo(ref)
      return jsonValue(c, 202, { ok: true })
    })
  }
}
