import type { MiddlewareHandler } from 'hono'
import { type HttpEnv, header, target } from './router.ts'

/** Paths that a user's cookie gives access to: other sites may not read them. */
const ofBrowsers = /^\/(?:(?:auth|move)(?:[/?]|$)|\?|$)/

/**
 * CORS: any origin is reflected, since authority rests on the token and never on a cookie. A preflight
 * is answered on every path without a token. Requests without `Origin` pass untouched.
 */
export function cors(): MiddlewareHandler<HttpEnv> {
  return (c, next) => {
    const origin = header(c, 'origin')
    if (origin === undefined || ofBrowsers.test(target(c))) return next()
    if (c.req.raw.method === 'OPTIONS' && header(c, 'access-control-request-method') !== undefined) {
      return Promise.resolve(preflight(origin, header(c, 'access-control-request-headers')))
    }
    return next().then(() => {
      const headers = c.res.headers
      headers.set('access-control-allow-origin', origin)
      headers.set('access-control-allow-credentials', 'true')
      headers.set('access-control-expose-headers', 'ETag, Location, WWW-Authenticate')
      headers.append('vary', 'Origin')
    })
  }
}

function preflight(origin: string, requestedHeaders: string | undefined): Response {
  const headers: Record<string, string> = {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'GET,HEAD,PUT,PATCH,POST,DELETE,COPY',
    'access-control-max-age': '43200',
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  }
  if (requestedHeaders !== undefined) headers['access-control-allow-headers'] = requestedHeaders
  return new Response(null, { status: 204, headers })
}
