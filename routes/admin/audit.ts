import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { Audit } from '../../src/admin/audit.ts'
import type { ClientOf } from '../http/client.ts'
import { query } from '../http/query.ts'
import { type HttpContext, type HttpEnv, header, target } from '../http/router.ts'

const harmless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Records requests that change something, and refused ones. */
export function auditTrail(audit: Pick<Audit, 'record'>, clientOf: ClientOf): MiddlewareHandler<HttpEnv> {
  return async function auditTrail(c, next) {
    await next()
    const { status } = c.res
    const { method } = c.req
    if (harmless.has(method) && status !== 403 && status !== 429) return
    audit.record({
      address: clientOf(c).address,
      method,
      route: routePath(c),
      instance: instanceIn(c),
      parameters: namesOf(c),
      status,
    })
  }
}

/** The domain in the path, in the parameters, or of the host where objects are spoken of. */
function instanceIn(c: HttpContext): string | undefined {
  // What follows the question mark may hold a passphrase.
  const [path = ''] = target(c).split('?', 1)
  const [, area, domain] = path.split('/')
  if (area === 'swift') return header(c, 'host')
  const fixed = ['', 'token', 'oauth_client', 'contexts', 'feature', 'count', 'redis', 'assets', 'with-app-version']
  if ((area === 'instances' || area === 'oauth') && domain !== undefined && !fixed.includes(domain)) {
    return decoded(domain)
  }
  try {
    return query(c).last('Domain')
  } catch {
    return undefined
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).slice(0, 253)
  } catch {
    return ''
  }
}

function namesOf(c: HttpContext): readonly string[] {
  try {
    return [...new Set(query(c).entries.map(([name]) => name.slice(0, 50)))].slice(0, 50)
  } catch {
    return []
  }
}
