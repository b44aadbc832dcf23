/** What runs, and whether it can be reached. The public listener says the same. */
import { z } from '@hono/zod-openapi'
import { runtime } from '../../src/platform/runtime.ts'
import { version } from '../../src/version.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json, noContent } from './answer.ts'

const answer = z.object({
  version: z.string(),
  build_mode: z.string(),
  build_time: z.string(),
  runtime_version: z.string(),
})

/** `GET /version` and `GET /connection_check`. `needs` in words; absent on listeners that ask for nothing. */
export function versionRoutes(face: Face, needs?: string): void {
  const asks = needs === undefined ? {} : { needs }
  endpoint(
    face,
    {
      method: 'GET',
      path: '/version',
      summary: 'Which version runs',
      tag: 'operation',
      ...asks,
      answers: { 200: answer },
    },
    () =>
      json(200, {
        version,
        build_mode: 'production',
        build_time: '',
        runtime_version: `${runtime.name} ${runtime.version}`,
      }),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/connection_check',
      summary: 'Whether the server can be reached',
      tag: 'operation',
      ...asks,
      answers: { 204: 'It can' },
    },
    () => noContent(),
  )
}
