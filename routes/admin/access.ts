import type { MiddlewareHandler } from 'hono'
import type { AdminAuth } from '../../src/admin/passphrase.ts'
import { Problem } from '../../src/model/errors.ts'
import type { Face } from '../http/endpoint.ts'
import { type HttpContext, type HttpEnv, header } from '../http/router.ts'
import { PlainProblem } from './errors.ts'

/** Asks for the admin passphrase by basic auth; the user name does not matter. 401 without, 403 with a wrong one. */
export function basicAuth(auth: Pick<AdminAuth, 'verify'>, onError: Face['onError']): MiddlewareHandler<HttpEnv> {
  return async function basicAuth(c, next) {
    const problem = await refusal(auth, c).catch((error: unknown) => error)
    if (problem !== undefined) return onError(problem, c)
    await next()
  }
}

const challenge = { 'www-authenticate': 'Basic realm="admin"' }

async function refusal(auth: Pick<AdminAuth, 'verify'>, c: HttpContext): Promise<Problem | undefined> {
  const password = passwordOf(header(c, 'authorization'))
  if (password === undefined) return new Problem('unauthorized', 'missing basic auth', { headers: challenge })
  switch (await auth.verify(password)) {
    case 'ok':
      return undefined
    case 'bad':
      return new Problem('forbidden', 'bad passphrase')
    case 'missing':
      return new PlainProblem('internal_server_error', 'the admin passphrase is missing')
  }
}

function passwordOf(authorization: string | undefined): string | undefined {
  const credentials = /^basic +([^\s]+)\s*$/i.exec(authorization ?? '')?.[1]
  if (credentials === undefined) return undefined
  const text = Buffer.from(credentials, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : text.slice(colon + 1)
}
