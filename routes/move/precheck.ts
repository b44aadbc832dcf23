/** `POST /move/imports/precheck`: whether an export could be imported. */
import { z } from '@hono/zod-openapi'
import { quotaOf, readManifest, requireRoom } from '../../src/move/manifest.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter } from './access.ts'
import { readAttributes } from './request.ts'
import type { MoveServices } from './services.ts'

const Wanted = z.object({ url: z.string().default('') })

export function precheckRoute(face: Face, services: MoveServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/move/imports/precheck',
      summary: 'Whether the export behind a mailed link could be imported',
      tag: 'move',
      needs: 'POST on io.cozy.imports',
      body: z.object({ data: z.object({ attributes: z.object({ url: z.string() }) }) }),
      answers: {
        204: 'It could',
        412: 'The link leads to no export that is ready',
        413: 'It does not fit into the quota',
      },
    },
    async (c) => {
      const instance = await enter(c, services, 'io.cozy.imports')
      const { url } = await readAttributes(c, services, Wanted)
      const manifest = await readManifest(services.outgoing, url)
      requireRoom(manifest, quotaOf(instance.document['disk_quota']))
      return new Response(null, { status: 204 })
    },
  )
}
