/** `POST /realtime/T/ID`: sends a JSON object to whoever is listening to a document. Nothing is stored. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { isObject, type JsonObject } from '../../src/model/json/value.ts'
import { maxBroadcastBytes } from '../../storage/documents/contract.ts'
import { readJson } from '../http/body.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enterToNotify, forbidden } from './access.ts'
import type { RealtimeServices } from './services.ts'

export function notifyRoute(face: Face, services: Pick<RealtimeServices, 'hub' | 'instances'>): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/realtime/{type}/{id}',
      summary: 'Send the body as the event NOTIFIED to all who listen to a document or its doctype',
      tag: 'realtime',
      needs: 'POST on the document',
      body: z.looseObject({}).describe('Any JSON object'),
      answers: {
        204: 'Sent to whoever is listening',
        400: 'The body is not a JSON object',
        403: 'Not allowed, or no doctype with events',
        413: `The body and the id take more than ${maxBroadcastBytes} bytes`,
      },
    },
    async (c, { path: { type, id } }) => {
      const { instance, permissions } = await enterToNotify(c, services, type)
      const { value, exact } = await readJson(c, { maxBytes: maxBroadcastBytes })
      if (!isObject(value)) throw new Problem('bad_request', 'The body must be a JSON object')
      if (!permissions.allowsDocument('POST', type, { ...value, _id: id })) throw forbidden()
      const document = { ...(exact as JsonObject), _id: id }
      await services.hub.notify({ prefix: instance.prefix, name: type }, id, stringifyJson(document))
      return new Response(null, { status: 204 })
    },
  )
}
