import { z } from '@hono/zod-openapi'
import { endpoint, type Face } from '../http/endpoint.ts'
import { instanceObject, json, jsonApi } from './answer.ts'
import type { AdminServices } from './services.ts'

const needs = 'the admin passphrase'

/** `GET /instances/DOMAIN` and `GET /instances/DOMAIN/prefix`; aliases work. */
export function showRoutes(face: Face, { instances }: Pick<AdminServices, 'instances'>): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/{domain}',
      summary: 'Show an instance',
      tag: 'instances',
      needs,
      answers: { 200: 'The instance, without its secrets', 404: 'No such instance', 422: 'Not a domain' },
    },
    async (c, { path }) => jsonApi(c, 200, { data: instanceObject(await instances.find(path.domain)) }),
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/{domain}/prefix',
      summary: "Show the namespace of an instance's data",
      tag: 'instances',
      needs,
      answers: { 200: z.string().describe('The prefix'), 404: 'No such instance' },
    },
    async (_c, { path }) => json(200, (await instances.find(path.domain)).prefix),
  )
}
