/** Refuses what other sites make a browser send: the door of everything that a cookie or saved credentials open. */
import type { MiddlewareHandler } from 'hono'
import { Problem } from '../../src/model/errors.ts'
import type { Face } from './endpoint.ts'
import { type HttpContext, type HttpEnv, header } from './router.ts'

const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * 403 for unsafe methods with a foreign `Origin`, or with `Sec-Fetch-Site: cross-site`. Clients that are not browsers send
 * neither. @param hostsOf further hosts whose pages may send forms here
 */
export function sameSiteOnly(
  onError: Face['onError'],
  hostsOf: (host: string) => readonly string[] = () => [],
): MiddlewareHandler<HttpEnv> {
  return async function sameSiteOnly(c, next) {
    if (!safe.has(c.req.method) && isForeign(c, hostsOf)) {
      return onError(new Problem('forbidden', 'This request came from another site.'), c)
    }
    await next()
  }
}

function isForeign(c: HttpContext, hostsOf: (host: string) => readonly string[]): boolean {
  const host = (header(c, 'host') ?? new URL(c.req.url).host).toLowerCase()
  const origin = header(c, 'origin')
  if (origin !== undefined) return ![host, ...hostsOf(host)].includes(hostOf(origin))
  return header(c, 'sec-fetch-site') === 'cross-site'
}

function hostOf(origin: string): string {
  return /^https?:\/\/([^/]+)$/i.exec(origin)?.[1]?.toLowerCase() ?? ''
}
