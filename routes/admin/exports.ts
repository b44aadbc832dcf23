/** Exports made and fetched by operators. */
import { z } from '@hono/zod-openapi'
import { type OwnDocument, revText } from '../../src/instances/own-documents.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { exportAttributes, exportsDoctype, jobOf } from '../../src/move/export-document.ts'
import { jsonText } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { textParameter } from '../http/parameters.ts'
import { sendPart } from '../move/part.ts'
import { jsonApi } from './answer.ts'
import { booleanOf, listOf, wholeOf } from './request.ts'
import type { AdminServices } from './services.ts'

const ShownExport = z.object({
  type: z.literal(exportsDoctype),
  id: z.string(),
  attributes: z.looseObject({
    state: z.enum(['exporting', 'done', 'error']),
    job: z.string().optional(),
    parts: z.array(
      z.object({
        name: z.string(),
        length: z.number().describe('Bytes'),
        etag: z.string(),
        cursor: z.string().optional().describe('Absent for the first part'),
      }),
    ),
  }),
  meta: z.object({ rev: z.string() }),
})

export function exportRoutes(
  face: Face,
  { instances, exports, log }: Pick<AdminServices, 'instances' | 'exports' | 'log'>,
): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/export',
      summary: 'Make an archive of an instance',
      tag: 'instances',
      needs: 'the admin passphrase',
      query: z.object({
        'admin-req': booleanOf('admin-req', 'true: for the operator, without a mail to the owner'),
        parts_size: wholeOf('parts_size', 'Bytes of files in a part; at least export.min_part_size'),
        with_doctypes: listOf('Only these doctypes'),
      }),
      answers: { 202: z.looseObject({ _id: z.string() }).describe('The job'), 404: 'No such instance' },
    },
    async (c, { path, query }) => {
      const instance = await instances.find(path.domain)
      const job = await exports.order(instance, {
        parts_size: Math.max(0, query.parts_size ?? 0),
        max_age: 0,
        ...(query.with_doctypes === undefined ? {} : { with_doctypes: query.with_doctypes }),
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
      path: '/instances/{domain}/exports',
      summary: 'List the exports of an instance, the newest first',
      tag: 'instances',
      needs: 'the admin passphrase',
      answers: { 200: z.object({ data: z.array(ShownExport) }), 404: 'No such instance' },
    },
    async (c, { path }) => {
      const found = await exports.list(await instances.find(path.domain))
      return jsonApi(c, 200, { data: found.map(shown) })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/{domain}/exports/{id}',
      summary: 'The state of an export, and its parts when it is done',
      tag: 'instances',
      needs: 'the admin passphrase',
      answers: { 200: z.object({ data: ShownExport }), 404: 'No such instance or export, or an expired one' },
    },
    async (c, { path }) => {
      const instance = await instances.find(path.domain)
      return jsonApi(c, 200, { data: shown(await exports.byId(instance, path.id)) })
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

  function shown(found: OwnDocument) {
    const parts = exports.parts(found)
    const attributes = { ...exportAttributes(found), job: jobOf(found), parts }
    return { type: exportsDoctype, id: found.id, attributes, meta: { rev: revText(found) } }
  }
}
