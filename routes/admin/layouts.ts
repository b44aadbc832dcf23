import { z } from '@hono/zod-openapi'
import type { Instance } from '../../src/instances/service.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json } from './answer.ts'
import { lenientBooleanOf } from './request.ts'
import type { AdminServices } from './services.ts'

const query = z.object({ show_domains: lenientBooleanOf('true: name the instances too') })

const names = ['unknown', 'v1', 'v2a', 'v2b', 'v3a', 'v3b'] as const
type Layout = (typeof names)[number]

const count = z.object({ counter: z.number(), domains: z.array(z.string()).optional() })
const answer = z
  .object({ total: z.number(), unknown: count, v1: count, v2a: count, v2b: count, v3a: count, v3b: count })
  .describe('Instances by the layout of their objects')

/** Instances read at a time. */
const pageSize = 500

/** `GET /swift/layouts`. */
export function layoutsRoute(face: Face, { instances }: Pick<AdminServices, 'instances'>): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/swift/layouts',
      summary: 'Count instances by the layout of their objects',
      tag: 'objects',
      needs: 'the admin passphrase',
      query,
      answers: { 200: answer },
    },
    async (_c, { query: asked }) => {
      const found = new Map<Layout, string[]>(names.map((name) => [name, []]))
      let total = 0
      for await (const instance of all(instances)) {
        total += 1
        found.get(layoutOf(instance))?.push(instance.domain)
      }
      const counts = [...found].map(([name, domains]) => {
        const named = asked.show_domains === true && domains.length > 0 ? { domains } : {}
        return [name, { counter: domains.length, ...named }] as const
      })
      return json(200, { total, ...Object.fromEntries(counts) })
    },
  )
}

/** By the number of the layout, and whether the namespace is the domain itself. */
function layoutOf({ document, domain, prefix }: Instance): Layout {
  const plain = prefix === domain
  switch (document['swift_cluster'] ?? 0) {
    case 0:
      return 'v1'
    case 1:
      return plain ? 'v2a' : 'v2b'
    case 2:
      return plain ? 'v3a' : 'v3b'
    default:
      return 'unknown'
  }
}

async function* all(instances: AdminServices['instances']): AsyncGenerator<Instance, void> {
  let cursor: string | undefined
  do {
    const page = await instances.list({ limit: pageSize, cursor })
    yield* page.instances
    cursor = page.next
  } while (cursor !== undefined)
}
