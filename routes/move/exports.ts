/** `POST /move/exports` and what comes of it. The identifier in a path is the right to download: no token is asked for. */
import { z } from '@hono/zod-openapi'
import { revText } from '../../src/instances/own-documents.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { exportAttributes, exportsDoctype } from '../../src/move/export-document.ts'
import { jsonText } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { textParameter } from '../http/parameters.ts'
import { instanceOf } from '../http/tenant.ts'
import { countOrder, enter, hostOf } from './access.ts'
import { sendPart } from './part.ts'
import { readAttributes } from './request.ts'
import type { MoveServices } from './services.ts'

const Order = z.object({
  parts_size: z.number().int().nonnegative().nullish(),
  max_age: z.number().int().nonnegative().nullish(),
  with_doctypes: z.array(z.string()).nullish(),
})

export function exportRoutes(face: Face, services: MoveServices): void {
  const { exports, instances, moves, clientOf } = services
  endpoint(
    face,
    {
      method: 'POST',
      path: '/move/exports',
      summary: 'Ask for an archive of everything; its link comes by mail',
      tag: 'move',
      needs: 'POST on io.cozy.exports',
      body: z.object({ data: z.object({ attributes: Order.optional() }) }),
      answers: { 201: 'It is being made', 404: 'Asked for too often today' },
    },
    async (c) => {
      const instance = await enter(c, services, 'io.cozy.exports')
      const { parts_size, max_age, with_doctypes } = await readAttributes(c, services, Order)
      await countOrder(services, instance)
      await exports.order(instance, {
        parts_size: parts_size ?? 0,
        max_age: max_age ?? 0,
        ...(with_doctypes?.length ? { with_doctypes } : {}),
        contextual_domain: hostOf(c),
        ...(clientOf(c).isSecure ? { secure: true } : {}),
      })
      return new Response(null, { status: 201 })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/move/exports/data/{identifier}',
      summary: 'Download a part of an archive',
      tag: 'move',
      query: z.object({ cursor: textParameter().describe('One of parts_cursors; without it the first part') }),
      headers: {
        Range: 'bytes=FIRST-LAST',
        'If-Range': 'The ETag: send the part as a whole when it is another one now',
      },
      answers: {
        200: 'The part (application/zip)',
        206: 'The bytes asked for',
        400: 'Not an identifier, or not a cursor of this export',
        401: 'Not a valid identifier',
        404: 'The archive no longer exists',
      },
    },
    async (c, { path, query }) => {
      const instance = await instanceOf(c, instances)
      const part = exports.part(await exports.find(instance, path.identifier), query.cursor)
      await moves.keepLeaving(instance)
      return sendPart(c, services, part)
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/move/exports/{identifier}',
      summary: 'What an archive holds and how far it is',
      tag: 'move',
      answers: {
        200: z.object({ data: z.looseObject({}) }),
        400: 'Not an identifier',
        401: 'Not a valid identifier',
        404: 'The export no longer exists',
      },
    },
    async (c, { path }) => {
      const instance = await instanceOf(c, instances)
      const found = await exports.find(instance, path.identifier)
      const rev = revText(found)
      const data = { type: exportsDoctype, id: found.id, attributes: exportAttributes(found), meta: { rev } }
      return jsonText(c, 200, stringifyJson({ data }), { 'content-type': face.media })
    },
  )
}
