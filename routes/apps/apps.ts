/** `/apps` and `/konnectors`: what is installed. */
import { z } from '@hono/zod-openapi'
import type { AppKind } from '../../src/apps/apps.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { allowed } from './access.ts'
import { jsonApi, resource } from './answer.ts'
import type { AppsServices } from './services.ts'

const shown = z.object({
  type: z.string(),
  id: z.string(),
  attributes: z.looseObject({ slug: z.string(), version: z.string(), state: z.string(), source: z.string() }),
  meta: z.object({ rev: z.string() }),
  links: z.object({ self: z.string() }),
})

export function appRoutes(face: Face, kind: AppKind, services: AppsServices): void {
  const { apps } = services
  const tag = 'applications'
  const type = `io.cozy.${kind}`
  const refused = { 401: 'No token', 403: 'The token does not allow it' } as const

  endpoint(
    face,
    {
      method: 'GET',
      path: `/${kind}`,
      tag,
      needs: `GET on ${type}`,
      summary: 'List what is installed',
      answers: { 200: z.object({ data: z.array(shown), meta: z.object({ count: z.number() }) }), ...refused },
    },
    async (c) => {
      const instance = await allowed(c, services, 'GET', kind)
      const data = (await apps.list(instance, kind)).map((document) => resource(kind, document))
      return jsonApi(200, { data, meta: { count: data.length } })
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: `/${kind}/{slug}`,
      tag,
      needs: `GET on ${type}`,
      summary: 'Show what is installed',
      answers: { 200: z.object({ data: shown }), 404: 'It is not installed', ...refused },
    },
    async (c, { path }) => {
      const instance = await allowed(c, services, 'GET', kind, path.slug)
      const document = await apps.find(instance, kind, path.slug)
      if (document === undefined) throw new Problem('not_found', 'Application is not installed')
      return jsonApi(200, { data: resource(kind, document) })
    },
  )
  endpoint(
    face,
    {
      method: 'POST',
      path: `/${kind}/{slug}`,
      tag,
      needs: `POST on ${type}`,
      summary: 'Install: what the registry says is kept, nothing runs',
      query: z.object({
        Source: z.string().optional().describe('`registry://SLUG/CHANNEL`; the stable channel otherwise'),
      }),
      answers: {
        202: z.object({ data: shown }),
        400: 'Not a source in a registry',
        404: 'No registry knows it',
        409: 'It is installed',
        502: 'A registry did not answer',
        ...refused,
      },
    },
    async (c, { path, query }) => {
      const instance = await allowed(c, services, 'POST', kind, path.slug)
      const source = query.Source || `registry://${path.slug}/stable`
      const [, slug, channel = 'stable'] = /^registry:\/\/([\w-]{1,100})(?:\/([\w-]{1,50}))?$/.exec(source) ?? []
      if (slug !== path.slug) {
        throw new Problem('bad_request', 'Source must be registry://SLUG/CHANNEL with the slug of the path')
      }
      return jsonApi(202, { data: resource(kind, await apps.install(instance, kind, slug, channel)) })
    },
  )
  endpoint(
    face,
    {
      method: 'DELETE',
      path: `/${kind}/{slug}`,
      tag,
      needs: `DELETE on ${type}`,
      summary: 'Remove',
      answers: { 204: 'Removed', 404: 'It is not installed', ...refused },
    },
    async (c, { path }) => {
      const instance = await allowed(c, services, 'DELETE', kind, path.slug)
      await apps.remove(instance, kind, path.slug)
      return new Response(null, { status: 204 })
    },
  )
}
