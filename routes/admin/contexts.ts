/** `GET /instances/contexts` and `/instances/contexts/NAME`: what the configuration file says. */
import { z } from '@hono/zod-openapi'
import { contextNames, describeContext } from '../../src/admin/contexts.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json } from './answer.ts'
import type { AdminServices } from './services.ts'

const needs = 'the admin passphrase'
const context = z.object({
  config: z.record(z.string(), z.unknown()).nullable().describe('As it stands in the file'),
  context: z.string(),
  registries: z.array(z.string()),
  office: z.object({ OnlyOfficeURL: z.string() }).optional(),
  cloudery_endpoint: z.string(),
  oidc: z.record(z.string(), z.unknown()).nullable().describe('Without its secret'),
})

export function contextRoutes(face: Face, { contexts }: Pick<AdminServices, 'contexts'>): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/contexts',
      summary: 'List the contexts of the configuration',
      tag: 'contexts',
      needs,
      answers: { 200: z.array(context) },
    },
    () =>
      json(
        200,
        contextNames(contexts).map((name) => describeContext(contexts, name) ?? {}),
      ),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/contexts/{name}',
      summary: 'Show a context of the configuration',
      tag: 'contexts',
      needs,
      answers: { 200: context, 404: 'No such context; the answer has no body' },
    },
    (_c, { path }) => {
      const found = describeContext(contexts, path.name)
      if (found !== undefined) return json(200, found)
      return new Response(null, { status: 404, headers: { 'cache-control': 'no-store' } })
    },
  )
}
