import type { Instance } from '../../src/instances/service.ts'
import { type HttpContext, header, target } from '../http/router.ts'
import { PlainProblem } from './errors.ts'
import type { AdminServices } from './services.ts'

/**
 * The instance of the `Host` header, or the redirection to its new domain when it had this one before.
 * @throws Problem `not_found`, told as plain text
 */
export async function objectOwner(
  c: HttpContext,
  instances: Pick<AdminServices['instances'], 'byHost' | 'byFormerHost'>,
): Promise<Instance | Response> {
  const url = new URL(c.req.url)
  const host = header(c, 'host') ?? url.host
  const instance = await instances.byHost(host)
  if (instance !== undefined) return instance
  const moved = await instances.byFormerHost(host)
  if (moved === undefined) throw new PlainProblem('not_found', 'Instance not found')
  const location = `${url.protocol}//${moved.domain}${target(c)}`
  return new Response(null, { status: 308, headers: { location, 'cache-control': 'no-store' } })
}
