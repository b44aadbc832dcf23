/**
 * The `AuthSession` cookie: the name that a client gave at login and its token. It is not a session kept by
 * the server; it is good for as long as the token.
 */
import { type HttpContext, header } from '../http/router.ts'

export interface SessionCookie {
  readonly name: string
  readonly token: string
}

const attributes = 'Path=/couchdb; HttpOnly; SameSite=Strict'
/** Seconds. Some clients drop a cookie that does not say when it expires; the token is checked every time anyway. */
const lifetime = 86_400

/** A `Set-Cookie` value. The name is base64url, since names may hold anything; tokens are cookie-safe or refused. */
export function sessionCookie({ name, token }: SessionCookie): string {
  const value = `${Buffer.from(name).toString('base64url')}.${encodeURIComponent(token)}`
  const expires = new Date(Date.now() + lifetime * 1000).toUTCString()
  return `AuthSession=${value}; Version=1; Expires=${expires}; Max-Age=${lifetime}; ${attributes}`
}

/** A `Set-Cookie` value that ends the session. */
export const noSessionCookie = `AuthSession=; Max-Age=0; ${attributes}`

/**
 * The cookie of a request. Ignored when another origin's page sent it: CORS reflects any origin, so that a cookie must
 * never be what admits a foreign page.
 */
export function readSessionCookie(c: HttpContext): SessionCookie | undefined {
  const cookies = header(c, 'cookie')
  if (cookies === undefined) return undefined
  const origin = header(c, 'origin')
  if (origin !== undefined && hostOf(origin) !== header(c, 'host')?.toLowerCase()) return undefined
  const value = /(?:^|;\s*)AuthSession="?([A-Za-z0-9_-]*)\.([^;"\s]+)/.exec(cookies)
  if (value === null) return undefined
  try {
    return {
      name: Buffer.from(value[1] ?? '', 'base64url').toString('utf8'),
      token: decodeURIComponent(value[2] ?? ''),
    }
  } catch {
    return undefined
  }
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
