/** What other servers of this kind need from time to time, and this one does automatically. */
import { z } from '@hono/zod-openapi'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json, noContent } from './answer.ts'

const needs = 'the admin passphrase'
const tag = 'operation'

export function operationRoutes(face: Face): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/redis',
      tag,
      needs,
      summary: 'Rebuild the schedule from the triggers: it lies in the database beside them and is always right',
      answers: { 204: 'Nothing was to be done' },
    },
    () => noContent(),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/assets',
      tag,
      needs,
      summary: 'List the assets of contexts; none can be added to this server',
      answers: { 200: z.object({}).describe('Always empty') },
    },
    () => json(200, {}),
  )
}
