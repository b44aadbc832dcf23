/** Making and checking signed tokens: HS512, one audience, no `exp`. */
import { decodeJwt, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { Problem } from '../model/errors.ts'
import { type Audience, audienceNamed, keyOf, lifetimeOf } from './audience.ts'
import type { Instance } from './service.ts'

/** Our own claim: a token that carries it lives until the secret is changed. Only the CLI secret can sign it. */
const unendingClaim = 'unending'

export interface TokenClaims {
  readonly audience: Audience
  readonly subject: string
  readonly scope: string
  /** Present on tokens that are bound to a browser session. */
  readonly sessionId: string | undefined
}

export interface VerifiedToken extends TokenClaims {
  /** Everything that was signed. */
  readonly claims: JWTPayload
  /** Unix time in milliseconds; `Infinity` when it never ends. */
  readonly expiresMs: number
}

export interface TokenSettings {
  /** Seconds that `cli` tokens live (`token.cli_lifetime`). */
  readonly cliLifetime: number
  /** Unix time in milliseconds. */
  readonly now: () => number
}

export interface TokenRequest {
  readonly audience: Audience
  readonly subject: string
  readonly scope: string
  /** Seconds from now instead of the audience's lifetime; `never` for `cli` only. */
  readonly expires?: number | 'never' | undefined
  /** Further claims. */
  readonly more?: Readonly<Record<string, string | number>>
}

/** Signs a token. The end is moved by moving `iat`, since every audience's lifetime counts from there. */
export function signToken(instance: Instance, request: TokenRequest, settings: TokenSettings): Promise<string> {
  const { audience, subject, scope, expires } = request
  if (expires === 'never' && audience !== 'cli') throw new Error('only cli tokens may live for ever')
  const now = Math.floor(settings.now() / 1000)
  const lifetime = lifetimeOf(audience, { session: false, cliLifetime: settings.cliLifetime })
  const shift = typeof expires === 'number' && lifetime !== undefined ? Math.round(expires) - lifetime : 0
  return new SignJWT({ scope, ...request.more, ...(expires === 'never' ? { [unendingClaim]: true } : {}) })
    .setProtectedHeader({ alg: 'HS512', typ: 'JWT' })
    .setAudience(audience)
    .setIssuer(instance.domain)
    .setIssuedAt(now + shift)
    .setSubject(subject)
    .sign(keyOf(instance, audience))
}

/**
 * Checks signature, issuer, audience and age.
 * @throws Problem `unauthorized`, its identity's `token` being `invalid` or `expired`.
 */
export async function verifyToken(instance: Instance, token: string, settings: TokenSettings): Promise<VerifiedToken> {
  const audience = audienceOf(token)
  const claims = await checkedClaims(token, keyOf(instance, audience))
  const { iss, iat, sub, scope, session_id } = claims
  const issuers = [instance.domain, instance.document['old_domain']]
  if (typeof iss !== 'string' || !issuers.includes(iss) || typeof iat !== 'number') throw invalidToken()
  if (scope !== undefined && typeof scope !== 'string') throw invalidToken()
  const sessionId = session_id === undefined || session_id === '' ? undefined : String(session_id)
  const lifetime = lifetimeOf(audience, { session: sessionId !== undefined, cliLifetime: settings.cliLifetime })
  const unending = lifetime === undefined || (audience === 'cli' && claims[unendingClaim] === true)
  const expiresMs = unending ? Number.POSITIVE_INFINITY : (iat + lifetime) * 1000
  if (expiresMs <= settings.now()) throw expiredToken()
  return { audience, subject: sub ?? '', scope: scope ?? '', sessionId, expiresMs, claims }
}

/** The token cannot be used here, whatever time it is. */
export function invalidToken(reason = 'Invalid JWT token', cause?: unknown): Problem {
  return new Problem('unauthorized', reason, { identity: { kind: 'token', token: 'invalid' }, cause })
}

/** The token was good once. */
export function expiredToken(): Problem {
  return new Problem('unauthorized', 'Expired token', { identity: { kind: 'token', token: 'expired' } })
}

/** Read before the signature is checked, because it chooses the secret. */
function audienceOf(token: string): Audience {
  let aud: JWTPayload['aud']
  try {
    aud = decodeJwt(token).aud
  } catch (cause) {
    throw invalidToken(undefined, cause)
  }
  const [name, ...more] = Array.isArray(aud) ? aud : [aud]
  if (typeof name !== 'string' || more.length > 0) throw invalidToken('Invalid audience for JWT token')
  const audience = audienceNamed(name)
  if (audience !== name) throw invalidToken()
  return audience
}

async function checkedClaims(token: string, key: Uint8Array): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, key, { algorithms: ['HS512'] })
    return payload
  } catch (cause) {
    throw cause instanceof errors.JWTExpired ? expiredToken() : invalidToken(undefined, cause)
  }
}
