/** `POST /move/imports`, and where its owner waits for the end of it. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { manifestUrl } from '../../src/move/manifest.ts'
import type { OtherInstance } from '../../src/move/other-server.ts'
import { redirect } from '../auth/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, hostOf, requireStaying } from './access.ts'
import { readAttributes } from './request.ts'
import type { MoveServices } from './services.ts'

const From = z.object({ url: z.string(), token: z.string() })
const Wanted = z.object({
  url: z.string().default(''),
  vault: z.boolean().default(false),
  move_from: From.nullish().describe('The source of a move, which has closed this instance before'),
})

export function importRoutes(face: Face, services: MoveServices): void {
  const { imports, moves, clientOf } = services
  endpoint(
    face,
    {
      method: 'POST',
      path: '/move/imports',
      summary: 'Replace everything here by the export behind a mailed link',
      tag: 'move',
      needs: 'POST on io.cozy.imports',
      body: z.object({ data: z.object({ attributes: Wanted }) }),
      answers: {
        303: 'It is under way: the page that waits for its end',
        409: 'There is no such move under way, or another one',
        412: 'Not the link of an export',
      },
    },
    async (c) => {
      const instance = await enter(c, services, 'io.cozy.imports')
      const { url, vault, move_from: from } = await readAttributes(c, services, Wanted)
      const manifest = manifestUrl(url)
      if (manifest === undefined) {
        const source = { parameter: 'url' }
        throw new Problem('precondition_failed', 'the link is not one of an export', { source })
      }
      const secure = clientOf(c).isSecure
      if (from) {
        await moves.target.accept(instance, { manifestUrl: manifest.href, vault, from: otherInstance(from), secure })
      } else {
        await requireStaying(instance, services)
        await imports.order(instance, { manifestUrl: manifest.href, secure })
      }
      return redirect(`${secure ? 'https' : 'http'}://${hostOf(c)}/move/importing`)
    },
  )
}

/** The origin only: nothing else of the address is used. @throws Problem `invalid_parameter` */
function otherInstance({ url, token }: z.infer<typeof From>): OtherInstance {
  const known = URL.canParse(url) ? new URL(url) : undefined
  const isUsable = known !== undefined && /^https?:$/.test(known.protocol) && known.username === ''
  if (!isUsable) throw new Problem('invalid_parameter', 'Not the address of an instance', { source: at('url') })
  if (!/^[\x21-\x7e]{1,8192}$/.test(token))
    throw new Problem('invalid_parameter', 'Not a token', { source: at('token') })
  return { url: known.origin, token }
}

function at(name: string) {
  return { pointer: `/data/attributes/move_from/${name}` }
}
