import { z } from '@hono/zod-openapi'
import { jsonText } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'

/**
 * `GET /data/`: the one route without a token. It must never get a `uuid`: replicators would take it for their id and
 * lose every checkpoint.
 */
export function welcomeRoute(face: Face): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/data',
      summary: 'Welcome',
      tag: 'data',
      answers: { 200: z.object({ message: z.string() }).describe('The API answers') },
    },
    (c) => jsonText(c, 200, '{"message":"welcome to a cozy API"}'),
  )
}
