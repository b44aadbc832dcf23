/** `POST /move/imports`, and where its owner waits for the end of it. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { manifestUrl } from '../../src/move/manifest.ts'
import { redirect } from '../auth/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, hostOf } from './access.ts'
import { readAttributes } from './request.ts'
import type { MoveServices } from './services.ts'

const Wanted = z.object({ url: z.string().default('') })

export function importRoutes(face: Face, services: MoveServices): void {
  const { imports, clientOf } = services
  endpoint(
    face,
    {
      method: 'POST',
      path: '/move/imports',
      summary: 'Replace everything here by the export behind a mailed link',
      tag: 'move',
      needs: 'POST on io.cozy.imports',
      body: z.object({ data: z.object({ attributes: z.object({ url: z.string() }) }) }),
      answers: { 303: 'It is under way: the page that waits for its end', 412: 'Not the link of an export' },
    },
    async (c) => {
      const instance = await enter(c, services, 'io.cozy.imports')
      const { url } = await readAttributes(c, services, Wanted)
      const manifest = manifestUrl(url)
      if (manifest === undefined) {
        const source = { parameter: 'url' }
        throw new Problem('precondition_failed', 'the link is not one of an export', { source })
      }
      const secure = clientOf(c).isSecure
      await imports.order(instance, { manifestUrl: manifest.href, secure })
      return redirect(`${secure ? 'https' : 'http'}://${hostOf(c)}/move/importing`)
    },
  )
}
