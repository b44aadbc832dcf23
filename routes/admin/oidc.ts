/** `POST /oidc/CONTEXT/PROVIDER/code`: a code for an identity that a provider vouches for. */
import { z } from '@hono/zod-openapi'
import { NotConfigured } from '../../src/admin/identity-provider.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json } from './answer.ts'
import { readOptionalObject } from './request.ts'
import type { AdminServices } from './services.ts'

export function oidcRoute(face: Face, { identityProvider }: Pick<AdminServices, 'identityProvider'>): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/oidc/{context}/{provider}/code',
      summary: 'Make a delegated code, 3 hours, once, to be spent at `POST /oidc/access_token` of the instance',
      tag: 'sign in',
      needs: 'the admin passphrase',
      body: z.object({ access_token: z.string(), id_token: z.string().optional() }),
      answers: {
        200: z
          .looseObject({ delegated_code: z.string(), sub: z.string().optional(), email: z.string().optional() })
          .describe('All claims of the provider, and the code'),
        400: z.object({ error: z.string() }).describe('The context has no such provider, or the provider refused'),
        502: 'The provider did not answer as it should',
      },
    },
    async (c, { path: { context, provider } }) => {
      const body = (await readOptionalObject(c)) ?? {}
      const text = (name: string) => (typeof body[name] === 'string' ? body[name] : undefined)
      try {
        const accessToken = text('access_token') ?? ''
        return json(200, await identityProvider.delegate({ context, provider, accessToken, idToken: text('id_token') }))
      } catch (error) {
        if (error instanceof NotConfigured) return json(400, { error: error.reason })
        throw error
      }
    },
  )
}
