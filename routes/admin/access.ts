import type { MiddlewareHandler } from 'hono'
import { networkOf } from '../../src/auth/attempt-limits.ts'
import { Problem } from '../../src/model/errors.ts'
import type { Face } from '../http/endpoint.ts'
import { type HttpContext, type HttpEnv, header } from '../http/router.ts'
import { PlainProblem } from './errors.ts'
import type { AdminServices } from './services.ts'

type Needs = Pick<AdminServices, 'adminAuth' | 'auth' | 'clientOf'>

/** Addresses that are remembered as having to wait; whoever has many addresses is slowed down by the work that each attempt costs. */
const maxWaiting = 10_000

/**
 * Asks for the admin passphrase by basic auth; the user name does not matter. 401 without, 403 with a wrong one, and 429
 * for an address that guessed too often: then nothing is checked until its time is over.
 */
export function basicAuth({ adminAuth, auth, clientOf }: Needs, onError: Face['onError']): MiddlewareHandler<HttpEnv> {
  const waiting = new Map<string, number>()

  async function refusal(c: HttpContext): Promise<Problem | undefined> {
    const password = passwordOf(header(c, 'authorization'))
    if (password === undefined) {
      const headers = { 'www-authenticate': 'Basic realm="admin"' }
      return new Problem('unauthorized', 'missing basic auth', { headers })
    }
    const address = networkOf(clientOf(c).address)
    const until = waiting.get(address) ?? 0
    if (until > Date.now()) return wait(until - Date.now())
    waiting.delete(address)
    switch (await adminAuth.verify(password)) {
      case 'ok':
        return undefined
      case 'missing':
        return new PlainProblem('internal_server_error', 'the admin passphrase is missing')
      case 'bad':
        return counted(address)
    }
  }

  async function counted(address: string): Promise<Problem> {
    try {
      await auth.limits.count({ limit: 'admin', key: address })
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'too_many_requests') throw error
      const seconds = Number(error.headers['retry-after'])
      if (waiting.size >= maxWaiting) waiting.clear()
      waiting.set(address, Date.now() + seconds * 1000)
      return wait(seconds * 1000)
    }
    return new Problem('forbidden', 'bad passphrase')
  }

  return async function basicAuth(c, next) {
    const problem = await refusal(c).catch((error: unknown) => error)
    if (problem !== undefined) return onError(problem, c)
    await next()
  }
}

function wait(ms: number): Problem {
  const seconds = `${Math.max(1, Math.ceil(ms / 1000))}`
  return new PlainProblem('too_many_requests', `too many wrong passphrases: wait ${seconds} seconds`, {
    headers: { 'retry-after': seconds },
  })
}

function passwordOf(authorization: string | undefined): string | undefined {
  const credentials = /^basic +([^\s]+)\s*$/i.exec(authorization ?? '')?.[1]
  if (credentials === undefined) return undefined
  const text = Buffer.from(credentials, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : text.slice(colon + 1)
}
