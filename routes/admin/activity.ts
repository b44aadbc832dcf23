/** Who uses what: the last activity of an instance, and the instances that have a version of an application. */
import { z } from '@hono/zod-openapi'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json } from './answer.ts'
import type { AdminServices } from './services.ts'

const needs = 'the admin passphrase'

export function activityRoute(
  face: Face,
  { instances, lastActivity }: Pick<AdminServices, 'instances' | 'lastActivity'>,
) {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/{domain}/last-activity',
      summary: 'The day on which the owner was last seen',
      tag: 'instances',
      needs,
      answers: {
        200: z.object({ 'last-activity': z.string().describe('A day in UTC, `2018-01-01` when there was none') }),
        404: 'No such instance',
        422: 'Not a domain',
      },
    },
    async (_c, { path }) => json(200, { 'last-activity': await lastActivity(await instances.find(path.domain)) }),
  )
}

export function appVersionRoute(face: Face, { instancesWithApp }: Pick<AdminServices, 'instancesWithApp'>): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/with-app-version/{slug}/{version}',
      summary: 'Domains of the instances that have this version of an application',
      tag: 'instances',
      needs,
      answers: { 200: z.object({ instances: z.array(z.string()) }) },
    },
    async (_c, { path: { slug, version } }) => json(200, { instances: await instancesWithApp(slug, version) }),
  )
}
