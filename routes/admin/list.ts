import { z } from '@hono/zod-openapi'
import { endpoint, type Face } from '../http/endpoint.ts'
import { instanceObject, json, jsonApi } from './answer.ts'
import { countOf, textOf } from './request.ts'
import type { AdminServices } from './services.ts'

const query = z.object({
  'page[limit]': countOf('Most instances in the answer; all without it'),
  'page[cursor]': textOf('Id to start from'),
  'page[skip]': countOf('How many to leave out'),
})

const needs = 'the admin passphrase'

/** `GET /instances` by id, page by page; `meta.count` is the size of the page. `GET /instances/count`. */
export function listRoutes(face: Face, { instances }: Pick<AdminServices, 'instances'>): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances',
      summary: 'List instances',
      tag: 'instances',
      needs,
      query,
      answers: { 200: 'Instances without their secrets, `meta.count` and, when more remain, `links.next`' },
    },
    async (c, { query: asked }) => {
      const limit = asked['page[limit]']
      // Without a page there is nothing to skip.
      const skip = limit === undefined ? undefined : asked['page[skip]']
      const page = await instances.list({ limit, cursor: asked['page[cursor]'], skip })
      const data = page.instances.map(instanceObject)
      const links =
        page.next === undefined ? {} : { links: { next: `/instances?page[limit]=${limit}&page[cursor]=${page.next}` } }
      return jsonApi(c, 200, { data, meta: { count: data.length }, ...links })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/count',
      summary: 'Count instances',
      tag: 'instances',
      needs,
      answers: { 200: z.object({ count: z.number() }) },
    },
    async () => json(200, { count: await instances.count() }),
  )
}
