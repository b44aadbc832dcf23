import { z } from '@hono/zod-openapi'
import { endpoint, type Face } from '../http/endpoint.ts'
import { instanceObject, jsonApi } from './answer.ts'
import { changesOf, commonChanges } from './common-changes.ts'
import { booleanOf, listOf, textOf, wholeOf } from './request.ts'
import type { AdminServices } from './services.ts'

const query = z.object({
  ...commonChanges,
  Domain: textOf('Host name of the instance, with its port when it has one. Required'),
  OrgDomain: textOf('Domain of the organisation'),
  OrgID: textOf('Id of the organisation'),
  AuthMode: textOf('`basic`, `two_factor_mail` or `two_factor_oidc`'),
  Passphrase: textOf('Password; hashed by the client when `Key` or `KdfIterations` comes with it, else clear'),
  Key: textOf("The vault's key, encrypted by the client"),
  KdfIterations: wholeOf('KdfIterations', 'Rounds of PBKDF2 that the client made, 50000 to 5000000'),
  Apps: listOf('Slugs of applications to install; what fails is only logged'),
  sponsorships: listOf('Slugs of sponsors'),
  feature_sets: listOf('Names of feature sets'),
  AutoUpdate: booleanOf('AutoUpdate', 'false: applications are not updated by themselves'),
  MagicLink: booleanOf('MagicLink', 'Sign in by links sent by mail'),
  SwiftLayout: wholeOf('SwiftLayout', 'Layout of the files; 0 is refused, -1 is the default'),
  CouchCluster: wholeOf('CouchCluster', 'Kept with the instance'),
  Trace: textOf('Accepted and ignored'),
})

/** `POST /instances`: everything is in the query string. */
export function createRoute(
  face: Face,
  { instances, apps, log }: Pick<AdminServices, 'instances' | 'apps' | 'log'>,
): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances',
      summary: 'Create an instance',
      tag: 'instances',
      needs: 'the admin passphrase',
      query,
      answers: {
        201: 'The instance, without its secrets',
        409: 'The domain or an alias is taken',
        422: 'A parameter is wrong; `source.parameter` names it',
      },
    },
    async (c, { query: asked }) => {
      const instance = await instances.create({
        ...changesOf(asked),
        domain: asked.Domain ?? '',
        orgDomain: asked.OrgDomain,
        orgId: asked.OrgID,
        authMode: asked.AuthMode,
        passphrase: asked.Passphrase,
        key: asked.Key,
        kdfIterations: asked.KdfIterations,
        sponsorships: asked.sponsorships,
        featureSets: asked.feature_sets,
        autoUpdate: asked.AutoUpdate,
        magicLink: asked.MagicLink,
        swiftLayout: asked.SwiftLayout,
        couchCluster: asked.CouchCluster,
      })
      for (const slug of asked.Apps ?? []) {
        await apps.install(instance, 'apps', slug, 'stable').catch((error: unknown) => {
          log.warning('an application could not be installed', { instance: instance.domain, slug, error })
        })
      }
      return jsonApi(c, 201, { data: instanceObject(instance) })
    },
  )
}
