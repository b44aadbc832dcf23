/** Exports made and fetched by operators, and imports. */
import { z } from '@hono/zod-openapi'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { jsonText } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { textParameter } from '../http/parameters.ts'
import { sendPart } from '../move/part.ts'
import { booleanOf } from './request.ts'
import type { AdminServices } from './services.ts'

export function exportRoutes(
  face: Face,
  { instances, exports, imports, log }: Pick<AdminServices, 'instances' | 'exports' | 'imports' | 'log'>,
): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/export',
      summary: 'Make an archive of an instance',
      tag: 'instances',
      needs: 'the admin passphrase',
      query: z.object({ 'admin-req': booleanOf('admin-req', 'true: for the operator, without a mail to the owner') }),
      answers: { 202: z.looseObject({ _id: z.string() }).describe('The job'), 404: 'No such instance' },
    },
    async (c, { path, query }) => {
      const instance = await instances.find(path.domain)
      const job = await exports.order(instance, {
        parts_size: 0,
        max_age: 0,
        contextual_domain: instance.domain,
        ...(query['admin-req'] === true ? { admin_req: true } : {}),
      })
      return jsonText(c, 202, stringifyJson({ _id: job.id, _rev: job.rev, ...job.members }))
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/{domain}/exports/{id}/data',
      summary: 'Download a part of an archive',
      tag: 'instances',
      needs: 'the admin passphrase',
      query: z.object({ cursor: textParameter().describe('One of parts_cursors; without it the first part') }),
      answers: {
        200: 'The part (application/zip)',
        206: 'The bytes asked for',
        400: 'Not a cursor of this export',
        404: 'No such instance or export',
      },
    },
    async (c, { path, query }) => {
      const instance = await instances.find(path.domain)
      const found = await exports.byId(instance, path.id)
      return sendPart(c, { log }, exports.part(found, query.cursor))
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/import',
      summary: 'Replace what an instance holds by what an export holds',
      tag: 'instances',
      needs: 'the admin passphrase',
      query: z.object({ manifest_url: textParameter().describe('http://SOURCE/move/exports/IDENTIFIER') }),
      answers: { 204: 'It is under way; what comes of it is told by mail', 404: 'No such instance' },
    },
    async (_c, { path, query }) => {
      const instance = await instances.find(path.domain)
      await imports.order(instance, { manifestUrl: query.manifest_url ?? '' })
      return new Response(null, { status: 204 })
    },
  )
}
