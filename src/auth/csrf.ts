/**
 * Tokens against forged forms (OWASP, "signed double-submit cookie"): a form carries the MAC of the browser's own cookie
 * under the instance's session secret, which another site can neither read nor make.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Instance } from '../instances/service.ts'
import { sessionKey } from './keys.ts'

/** A value for the browser's cookie. */
export function newCsrfNonce(): string {
  return randomBytes(16).toString('base64url')
}

/** The token of a form for a browser with this cookie. */
export function csrfToken(instance: Instance, nonce: string): string {
  return createHmac('sha256', sessionKey(instance)).update(`csrf\n${nonce}`).digest('base64url')
}

/** Whether a form was made for the browser that sent it. Takes the same time whatever is wrong. */
export function isCsrfToken(instance: Instance, nonce: string | undefined, token: string | undefined): boolean {
  const expected = Buffer.from(csrfToken(instance, nonce ?? ''))
  const presented = Buffer.from(token ?? '')
  return (
    presented.length === expected.length && timingSafeEqual(presented, expected) && nonce !== undefined && nonce !== ''
  )
}
