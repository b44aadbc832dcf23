/**
 * Who may ask for what: the checks that every request passes before a route sees it, in the order that leaks the least.
 * What does not exist is 404 to everyone; what exists is 403 to those who do not prove the token; only then comes
 * anything else. No byte of a body is read before.
 */
import type { MiddlewareHandler } from 'hono'
import { Problem } from '../../src/model/errors.ts'
import type { Face } from '../http/endpoint.ts'
import { Query, rawQuery } from '../http/query.ts'
import { type HttpContext, type HttpEnv, header, target } from '../http/router.ts'
import { paths, type RoutePath } from './paths.ts'
import type { ApplianceServices } from './services.ts'

/** Refuses requests that must not reach a route. */
export function guard({ appliance }: ApplianceServices, face: Face): MiddlewareHandler<HttpEnv> {
  return async function guard(c, next) {
    const refused = await refusal(c, appliance).catch((error: unknown) => error)
    if (refused !== undefined) return face.onError(refused, c)
    await next()
  }
}

async function refusal(c: HttpContext, appliance: ApplianceServices['appliance']): Promise<unknown> {
  const path = pathOf(c)
  const route = paths.get(path as RoutePath)
  if (route === undefined || !appliance.hasEndpoint(route.endpoint)) return notFound()
  const { method } = c.req
  const setting = route.endpoint === 'setup' && method === 'POST'
  const address = addressOf(c)
  const report = (action: string) =>
    appliance.audit.write({ action, target: path.slice(1), address, agent: header(c, 'user-agent'), status: 403 })
  if (appliance.token.isPending && !setting) {
    await report('token.firstrun.failed')
    return forbidden()
  }
  if (setting && appliance.token.isMissing) return undefined
  const prove = () => proves(c, path, appliance)
  if (setting) {
    if (!appliance.guesses.isBlocked(address) && (await appliance.guesses.attempt(address, prove))) return undefined
    appliance.guesses.failed(address)
    await report('token.setup.failed')
    return new Problem('forbidden', '')
  }
  if (appliance.guesses.isBlocked(address)) {
    await appliance.guesses.pause()
    return forbidden()
  }
  if (!prove()) {
    appliance.guesses.failed(address)
    await report('token.authenticate.failed')
    return forbidden()
  }
  if (isForeign(c)) return new Problem('forbidden', 'The request comes from another web site')
  if (!route.methods.includes(method)) {
    return new Problem('bad_request', `Invalid authentication method. Expected ${route.methods.join(' or ')}`)
  }
  return undefined
}

/** The path as it was sent: nothing is decoded, and a slash at its end counts, since the hash is over these bytes. */
export function pathOf(c: HttpContext): string {
  return target(c).replace(/[?#].*$/s, '')
}

/** Where a request comes from, by its connection. */
export function addressOf(c: HttpContext): string {
  return c.env?.incoming?.socket?.remoteAddress ?? ''
}

function proves(c: HttpContext, path: string, { config, token, signed }: ApplianceServices['appliance']): boolean {
  const { method } = c.req
  const query = readQuery(c)
  if (query === undefined) return false
  const authorization = header(c, 'authorization')
  if (authorization?.startsWith('Jido-HMAC ')) {
    return signed.proves({
      authorization,
      method,
      path,
      query: query.entries,
      bodyDigest: header(c, 'x-content-sha256'),
    })
  }
  if (config().auth.require_signed) return false
  const values = (name: string) => query.entries.filter(([key]) => key === name).map(([, value]) => value)
  const [hashes, tokens] = [values('hash'), values('token')]
  // With two it is unclear which one is meant.
  if (hashes.length > 1 || tokens.length > 1) return false
  // An empty hash counts as none.
  const [hash] = hashes
  return token.proves({ hash: hash === '' ? undefined : hash, token: tokens[0] }, method, path)
}

function readQuery(c: HttpContext): Query | undefined {
  try {
    return Query.parse(rawQuery(c))
  } catch {
    return undefined
  }
}

/** A page of another site makes a browser send requests; a hash in a link is all that it needs. */
function isForeign(c: HttpContext): boolean {
  const site = header(c, 'sec-fetch-site')
  if (site === 'cross-site') return true
  const origin = header(c, 'origin')
  if (origin === undefined) return false
  try {
    return new URL(origin).host !== header(c, 'host')
  } catch {
    return true
  }
}

function notFound(): Problem {
  return new Problem('not_found', '')
}

function forbidden(): Problem {
  return new Problem('forbidden', 'Authentication error')
}
