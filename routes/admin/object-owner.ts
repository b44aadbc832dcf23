import type { Instance } from '../../src/instances/service.ts'
import { type HttpContext, header, target } from '../http/router.ts'
import { PlainProblem } from './errors.ts'
import type { AdminServices } from './services.ts'

/** Instances read at a time. */
const pageSize = 500

/**
 * The instance of the `Host` header, or the redirection to its new domain when it had this one before (admin 9). Only a
 * host that is nobody's makes all instances be read.
 * @throws Problem `not_found`, told as plain text
 */
export async function objectOwner(
  c: HttpContext,
  instances: Pick<AdminServices['instances'], 'byHost' | 'list'>,
): Promise<Instance | Response> {
  const url = new URL(c.req.url)
  const host = header(c, 'host') ?? url.host
  const instance = await instances.byHost(host)
  if (instance !== undefined) return instance
  const moved = await movedFrom(host.toLowerCase(), instances)
  if (moved === undefined) throw new PlainProblem('not_found', 'Instance not found')
  const location = `${url.protocol}//${moved.domain}${target(c)}`
  return new Response(null, { status: 308, headers: { location, 'cache-control': 'no-store' } })
}

async function movedFrom(
  host: string,
  instances: Pick<AdminServices['instances'], 'list'>,
): Promise<Instance | undefined> {
  let cursor: string | undefined
  do {
    const page = await instances.list({ limit: pageSize, cursor })
    const found = page.instances.find(({ document }) => document['old_domain'] === host)
    if (found) return found
    cursor = page.next
  } while (cursor !== undefined)
  return undefined
}
