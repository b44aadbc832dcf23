/** `POST /oidc/access_token`: tokens for a client whose person an identity provider has vouched for. */
import { z } from '@hono/zod-openapi'
import { delegatedPrefix, isOwner } from '../../src/admin/identity-provider.ts'
import { checkClientScope } from '../../src/auth/oauth.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { instanceOf } from '../http/tenant.ts'
import { json } from './answer.ts'
import { readFields } from './request.ts'
import type { AuthServices } from './services.ts'

export function oidcRoutes(face: Face, { auth, instances, clientOf }: AuthServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/oidc/access_token',
      tag: 'OAuth',
      summary: 'Exchange a delegated code for tokens',
      body: z.object({ client_id: z.string(), client_secret: z.string(), scope: z.string(), code: z.string() }),
      answers: {
        200: z.object({
          token_type: z.string(),
          scope: z.string(),
          access_token: z.string(),
          refresh_token: z.string(),
        }),
        400: z.object({ error: z.string() }),
        429: 'Too many wrong attempts',
      },
    },
    async (c) => {
      const instance = await instanceOf(c, instances)
      const fields = await readFields(c)
      const wrong = { limit: 'wrongCode', key: `${instance.prefix} ${clientOf(c).address}` } as const
      await auth.limits.check(wrong)
      const client = await auth.clients.authenticate(instance, fields['client_id'] ?? '', fields['client_secret'] ?? '')
      if (client === undefined) throw await counted('the client must be registered')
      const scope = fields['scope'] ?? ''
      checkClientScope(scope)
      const identity = await auth.codes.read(delegatedPrefix, 'delegated', fields['code'] ?? '')
      // Checked before it is spent: trying it on the wrong instance does not take it from its owner.
      if (identity === undefined || !isOwner(instance, identity)) throw await counted('invalid code')
      if ((await auth.codes.spend(delegatedPrefix, 'delegated', fields['code'] ?? '')) === undefined) {
        throw await counted('invalid code')
      }
      return json(200, await auth.oauth.tokensFor(instance, client, scope))

      async function counted(reason: string): Promise<Problem> {
        await auth.limits.count(wrong)
        return new Problem('bad_request', reason)
      }
    },
  )
}
