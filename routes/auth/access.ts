/** The visitor of a page: the instance, the session, and the browser's own value that makes its forms unforgeable. */
import { csrfToken, isCsrfToken, newCsrfNonce } from '../../src/auth/csrf.ts'
import type { Session } from '../../src/auth/sessions.ts'
import type { Instance } from '../../src/instances/service.ts'
import { Problem } from '../../src/model/errors.ts'
import type { ClientView } from '../http/client.ts'
import { type HttpContext, header, target } from '../http/router.ts'
import { instanceOf } from '../http/tenant.ts'
import { cookie, readCookie } from './cookies.ts'
import type { AuthServices } from './services.ts'

/** One request of a browser. */
export interface Visit {
  readonly instance: Instance
  readonly host: string
  readonly client: ClientView
  readonly session: Session | undefined
  /** As the browser sent it, valid or not. */
  readonly sessionCookie: string | undefined
  readonly userAgent: string | undefined
}

/** What a form carries, and the cookie that goes with it when the browser has none yet. */
export interface FormGuard {
  readonly token: string
  readonly setCookie: string | undefined
}

type Needs = Pick<AuthServices, 'clientOf'> & {
  readonly instances: Pick<AuthServices['instances'], 'byHost'>
  readonly auth: Pick<AuthServices['auth'], 'sessions'>
}

/** Identifies the visitor. @throws Problem `not_found` when no instance has this host */
export async function visitOf(c: HttpContext, { instances, auth, clientOf }: Needs): Promise<Visit> {
  const instance = await instanceOf(c, instances)
  const client = clientOf(c)
  const sessionCookie = readCookie(c, 'hearth-session', client.isSecure)
  return {
    instance,
    host: header(c, 'host') ?? new URL(c.req.url).host,
    client,
    session: await auth.sessions.find(instance, sessionCookie),
    sessionCookie,
    userAgent: header(c, 'user-agent')?.slice(0, 300),
  }
}

/** What a form on a page for this browser carries: a hidden field `csrf_token` with the token. */
export function guardForm(c: HttpContext, { instance, client }: Visit): FormGuard {
  const known = readCookie(c, 'hearth-form', client.isSecure)
  const nonce = known !== undefined && /^[\w-]{22}$/.test(known) ? known : newCsrfNonce()
  const setCookie = nonce === known ? undefined : cookie('hearth-form', nonce, client)
  return { token: csrfToken(instance, nonce), setCookie }
}

/** @throws Problem `forbidden` when a form was not made for the browser that sent it */
export function checkForm(c: HttpContext, { instance, client }: Visit, token: string | undefined): void {
  if (isCsrfToken(instance, readCookie(c, 'hearth-form', client.isSecure), token)) return
  throw new Problem('forbidden', 'This form is too old or was made by another site. Load the page again.')
}

/** Where a visitor without a session is sent, to come back afterwards. */
export function loginLocation(c: HttpContext): string {
  return `/auth/login?redirect=${encodeURIComponent(target(c))}`
}
