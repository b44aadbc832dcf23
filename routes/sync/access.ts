/** Who may use the sync API: programs on this machine for the old routes, bearers of the token for everything else. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { MiddlewareHandler } from 'hono'
import { Problem } from '../../src/model/errors.ts'
import type { Face } from '../http/endpoint.ts'
import { type HttpContext, type HttpEnv, header } from '../http/router.ts'
import type { SyncServices } from './services.ts'

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/

/** Refuses pages of other sites and, where one is needed, requests without the token. */
export function syncAccess(
  { token, host }: Pick<SyncServices, 'token' | 'host'>,
  onError: Face['onError'],
): MiddlewareHandler<HttpEnv> {
  const isOpen = loopback.test(host)
  return async (c, next) => {
    try {
      checkSite(c, host)
      const isNew = /^\/api\/v1\.1(\/|$)/.test(c.req.path)
      const isFree = c.req.method === 'OPTIONS' || (isOpen && !isNew)
      if (!isFree) checkToken(bearerOf(c), token)
    } catch (error) {
      return onError(error, c)
    }
    return next()
  }
}

/** The token that a request brings; `undefined`: none. */
export function bearerOf(c: HttpContext): string | undefined {
  return /^Bearer +(\S+)$/i.exec(header(c, 'authorization') ?? '')?.[1]
}

function checkToken(presented: string | undefined, token: string): void {
  if (presented === undefined) {
    throw new Problem('unauthorized', 'a token is needed', { identity: { kind: 'token', token: 'missing' } })
  }
  const digest = (text: string) => createHash('sha256').update(text).digest()
  if (timingSafeEqual(digest(presented), digest(token))) return
  throw new Problem('unauthorized', 'the token is not valid', { identity: { kind: 'token', token: 'invalid' } })
}

/** A name that somebody pointed at this machine, or a page of another site, has no business here. */
function checkSite(c: HttpContext, host: string): void {
  const asked = header(c, 'host')
  const name = hostOf(asked ?? '')
  if (asked !== undefined && !loopback.test(name) && isIP(name) === 0 && name !== host.toLowerCase()) {
    throw new Problem('forbidden', `the host ${name} is not served here`)
  }
  const origin = header(c, 'origin')
  if (origin === undefined) return
  if (!URL.canParse(origin) || new URL(origin).host !== asked?.toLowerCase()) {
    throw new Problem('forbidden', 'pages of other sites may not use this')
  }
}

function hostOf(authority: string): string {
  return authority
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
}
