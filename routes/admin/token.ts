import { z } from '@hono/zod-openapi'
import { audienceNamed } from '../../src/instances/audience.ts'
import { durationSeconds } from '../../src/instances/duration.ts'
import { invalidParameter } from '../../src/instances/problems.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { text } from './answer.ts'
import { PlainProblem } from './errors.ts'
import { textOf } from './request.ts'
import type { AdminServices } from './services.ts'

const query = z.object({
  Domain: textOf('The instance. Required'),
  Audience: textOf('`cli`, `app`, `konn`, `access` or `refresh`. Required'),
  Scope: textOf('Permission rules `type[:verbs[:values[:selector]]]`, separated by one space'),
  Subject: textOf('Slug of an application, id of an OAuth client, or any name for `cli`'),
  Expire: textOf('Lifetime such as `1h30m` instead of the default; anything else is ignored'),
})

/** `POST /instances/token`: the bare token as text. */
export function tokenRoute(face: Face, { instances }: Pick<AdminServices, 'instances'>): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/token',
      summary: 'Mint a token',
      tag: 'tokens',
      needs: 'the admin passphrase',
      query,
      answers: {
        200: 'The token',
        400: 'Unknown audience or malformed scope',
        404: 'No such instance or client',
        422: 'Domain is missing',
      },
    },
    async (_c, { query: asked }) => {
      const name = asked.Audience ?? ''
      const audience = audienceNamed(name)
      // Tokens of shared links are made with the link, by its own API.
      if (audience === undefined || audience === 'share')
        throw new PlainProblem('bad_request', `Unknown audience ${name}`)
      if (!asked.Domain) throw invalidParameter('Domain', 'Domain is required: the instance that the token is for')
      const token = await instances.mintToken({
        domain: asked.Domain,
        audience,
        scope: asked.Scope ?? '',
        subject: asked.Subject ?? '',
        // No duration and a duration of nothing both mean the default.
        expires: durationSeconds(asked.Expire ?? '') || undefined,
      })
      return text(200, token)
    },
  )
}
