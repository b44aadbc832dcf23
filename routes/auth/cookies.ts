/**
 * The cookies of a user's browser. Over https their names begin with `__Host-`, which binds them to this very host and to
 * TLS (RFC 6265bis, section 4.1.3.2).
 */

import type { HttpContext } from '../http/router.ts'
import { cookieOf } from './request.ts'

export type CookieName = 'hearth-session' | 'hearth-form'

const longRunSeconds = 30 * 24 * 3600

function named(name: CookieName, isSecure: boolean): string {
  return isSecure ? `__Host-${name}` : name
}

/** The value that the browser sent. */
export function readCookie(c: HttpContext, name: CookieName, isSecure: boolean): string | undefined {
  return cookieOf(c, named(name, isSecure))
}

/** A `Set-Cookie` header. `keep`: the browser keeps it when it is closed. */
export function cookie(
  name: CookieName,
  value: string,
  { isSecure, keep = false }: { readonly isSecure: boolean; readonly keep?: boolean },
): string {
  const age = value === '' ? '; Max-Age=0' : keep ? `; Max-Age=${longRunSeconds}` : ''
  return `${named(name, isSecure)}=${value}; Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}${age}`
}
