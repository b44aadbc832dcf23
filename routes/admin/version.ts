import { z } from '@hono/zod-openapi'
import { runtime } from '../../src/platform/runtime.ts'
import { version } from '../../src/version.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json } from './json-api.ts'

const answer = z.object({
  version: z.string(),
  build_mode: z.string(),
  build_time: z.string(),
  runtime_version: z.string(),
})

/** `GET /version` (admin 11). */
export function versionRoute(face: Face): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/version',
      summary: 'Which version runs',
      tag: 'operation',
      needs: 'the admin passphrase',
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
}
