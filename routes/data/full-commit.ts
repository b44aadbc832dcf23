/** `_ensure_full_commit`: every answered write is on disk already. */
import { z } from '@hono/zod-openapi'
import { jsonValue } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enterWhole } from './access.ts'
import type { DataServices } from './services.ts'

export function fullCommitRoute(face: Face, { documents, instances }: DataServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/data/{type}/_ensure_full_commit',
      summary: 'Accepted; nothing is left to do',
      tag: 'replication',
      needs: 'GET on the whole doctype, which must be writable',
      answers: { 201: z.object({ ok: z.boolean(), instance_start_time: z.string() }), 404: 'No such doctype' },
    },
    async (c, { path: { type } }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'write')
      const info = await documents.databaseInfo(ref)
      // The same as in the doctype's status: a replicator that sees another one starts over.
      return jsonValue(c, 201, { ok: true, instance_start_time: info.epoch })
    },
  )
}
