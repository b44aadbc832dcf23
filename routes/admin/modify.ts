import { z } from '@hono/zod-openapi'
import { endpoint, type Face } from '../http/endpoint.ts'
import { instanceWithSecrets, jsonApi } from './answer.ts'
import { changesOf, commonChanges } from './common-changes.ts'
import { lenientBooleanOf, listOf, textOf } from './request.ts'
import type { AdminServices } from './services.ts'

const query = z.object({
  ...commonChanges,
  Sponsorships: listOf('Slugs of sponsors'),
  BlockingReason: textOf('`LOGIN_FAILED`, `PAYMENT_FAILED`, `IMPORTING`, `MOVING`, `UNKNOWN` or any other text'),
  Blocked: lenientBooleanOf('Nobody may use the instance'),
  OnboardingFinished: lenientBooleanOf('The owner has chosen a password'),
  MagicLink: lenientBooleanOf('Sign in by links sent by mail'),
  Deleting: lenientBooleanOf('The mark of a deletion under way; when given, nothing else is changed'),
  FromCloudery: lenientBooleanOf('The change comes from the account manager, which need not be told'),
  Debug: textOf('Accepted and ignored'),
})

/** `PATCH /instances/DOMAIN`: only what is given is changed. The answer holds the secrets, as documented. */
export function modifyRoute(
  face: Face,
  { instances, accountManager }: Pick<AdminServices, 'instances' | 'accountManager'>,
): void {
  endpoint(
    face,
    {
      method: 'PATCH',
      path: '/instances/{domain}',
      summary: 'Change an instance',
      tag: 'instances',
      needs: 'the admin passphrase',
      query,
      answers: {
        200: 'The instance with its secrets',
        404: 'No such instance',
        409: 'An alias is taken',
        422: 'A parameter is wrong; `source.parameter` names it',
      },
    },
    async (c, { path: { domain }, query: asked }) => {
      const instance = await instances.modify(domain, {
        ...changesOf(asked),
        sponsorships: asked.Sponsorships,
        magicLink: asked.MagicLink,
        blocked: asked.Blocked,
        blockingReason: asked.BlockingReason,
        onboardingFinished: asked.OnboardingFinished,
        deleting: asked.Deleting,
      })
      const { changedSettings } = instance
      if (changedSettings !== undefined && asked.FromCloudery !== true) {
        await accountManager.tell(instance, changedSettings)
      }
      return jsonApi(c, 200, { data: instanceWithSecrets(instance) })
    },
  )
}
