/** Konnectors in maintenance. */
import { z } from '@hono/zod-openapi'
import type { MaintainedKonnector } from '../../src/admin/maintenance.ts'
import { Problem } from '../../src/model/errors.ts'
import { isObject } from '../../src/model/json/value.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { jsonApi, noContent } from './answer.ts'
import { readObject, textOf } from './request.ts'
import type { AdminServices } from './services.ts'

const tag = 'konnectors'
const needs = 'the admin passphrase'
const doctype = 'io.cozy.konnectors.maintenance'

const item = z.object({
  type: z.string(),
  id: z.string(),
  attributes: z.object({
    level: z.enum(['stack', 'registry']),
    maintenance_activated: z.boolean(),
    maintenance_options: z.record(z.string(), z.unknown()),
    slug: z.string(),
    type: z.string(),
  }),
  meta: z.object({}).describe('Always empty'),
})

export function maintenanceRoutes(face: Face, { maintenance }: Pick<AdminServices, 'maintenance'>): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/konnectors/maintenance',
      tag,
      needs,
      summary: 'List the konnectors in maintenance',
      query: z.object({ Context: textOf('Also those of this context’s registries') }),
      answers: {
        200: z.object({ data: z.array(item), meta: z.object({ count: z.number() }) }),
        502: 'A registry did not answer',
      },
    },
    async (c, { query }) => {
      const data = (await maintenance.list(query.Context)).map(shown)
      return jsonApi(c, 200, { data, meta: { count: data.length } })
    },
  )
  endpoint(
    face,
    {
      method: 'PUT',
      path: '/konnectors/maintenance/{slug}',
      tag,
      needs,
      summary: 'Put a konnector into maintenance, or say something else of it',
      body: z.object({ data: z.object({ attributes: z.record(z.string(), z.unknown()).optional() }) }),
      answers: { 204: 'Done', 400: 'The body is not a JSON-API document', 404: 'No slug' },
    },
    async (c, { path }) => {
      const { data } = await readObject(c)
      if (!isObject(data)) {
        throw new Problem('bad_request', 'JSON input is malformed or is missing mandatory fields')
      }
      const attributes = data['attributes'] ?? {}
      if (!isObject(attributes)) throw new Problem('bad_request', 'data.attributes must be an object')
      await maintenance.set(path.slug, attributes)
      return noContent()
    },
  )
  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/konnectors/maintenance/{slug}',
      tag,
      needs,
      summary: 'Take a konnector out of maintenance',
      answers: { 204: 'Done', 404: 'It was not in maintenance' },
    },
    async (_c, { path }) => {
      await maintenance.remove(path.slug)
      return noContent()
    },
  )
}

/** Entries from registries have no type, as clients expect. */
function shown({ level, attributes }: MaintainedKonnector): object {
  return { type: level === 'stack' ? doctype : '', id: '', attributes, meta: {} }
}
