import { z } from '@hono/zod-openapi'
import type { Appliance } from '../../src/appliance/appliance.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { jsonAnswer, jsonTextAnswer, plainAnswer } from './answer.ts'
import { paths, prefix } from './paths.ts'
import { needs } from './schemas.ts'
import type { ApplianceServices } from './services.ts'

const absent = { 404: 'There is no such information on this machine' }

/** What the machine is and how it is doing: `/version`, `/changelog`, `/build`, `/health`, `/services`, `/endpoints`. */
export function informationRoutes(face: Face, { appliance }: ApplianceServices): void {
  const tag = 'information'
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/version',
      summary: 'The version of the machine',
      tag,
      needs,
      answers: { 200: z.object({ version: z.string() }), ...absent },
    },
    async () => jsonAnswer(200, { version: known(await appliance.facts.version()) }),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/changelog',
      summary: 'What the last update changed',
      tag,
      needs,
      answers: { 200: 'Plain text', ...absent },
    },
    async () => plainAnswer(known(await appliance.facts.changelog())),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/build',
      summary: 'How the machine was built',
      tag,
      needs,
      answers: { 200: z.looseObject({}), ...absent },
    },
    async () => jsonTextAnswer(200, known(await appliance.facts.build())),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/health',
      summary: 'How the machine is',
      tag,
      needs,
      query: z.object({ detail: z.string().optional().describe('1: everything that can be measured') }),
      answers: {
        200: z.looseObject({
          disk: z.object({ used: z.string(), total: z.string(), percentage: z.number() }).optional(),
          memory: z.object({ used: z.string(), total: z.string(), percentage: z.number() }).optional(),
          cpu: z.object({ num: z.number(), load: z.string(), cpu5min: z.number() }).optional(),
        }),
        ...absent,
      },
    },
    async (_c, { query }) =>
      jsonAnswer(200, known(query.detail === '1' ? await appliance.health.detail() : await appliance.health.sample())),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/services',
      summary: 'Which services run',
      tag,
      needs,
      answers: { 200: z.object({ services: z.array(z.record(z.string(), z.enum(['running', 'not running']))) }) },
    },
    async () => {
      const states = await appliance.services.states()
      return jsonAnswer(200, { services: [...states].map(([name, state]) => ({ [name]: state })) })
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/endpoints',
      summary: 'Which parts of the API exist',
      tag,
      needs,
      answers: { 200: z.object({ endpoints: z.array(z.string()) }) },
    },
    () => jsonAnswer(200, { endpoints: endpointsOf(appliance) }),
  )
}

/** First-level paths that exist, in the order of their characters; the documentation last. */
function endpointsOf(appliance: Appliance): string[] {
  const all = [...paths].filter(([, { endpoint: name }]) => appliance.hasEndpoint(name)).map(([path]) => path)
  return [...all.filter((path) => !path.slice(prefix.length + 1).includes('/')).sort(), '/docs']
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Problem('not_found', '')
  return value
}
