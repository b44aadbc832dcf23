/**
 * Requests that prove the token for one moment only: the signature covers method, path, query, time, a number used once
 * and the body, so that who sees one cannot repeat it. `Authorization: Jido-HMAC ts=...,nonce=...,sig=...`.
 */
import { createHmac } from 'node:crypto'
import { equalTexts } from './request-hash.ts'

export interface SignedRequest {
  readonly authorization: string
  readonly method: string
  readonly path: string
  readonly query: readonly (readonly [name: string, value: string])[]
  /** `X-Content-SHA256`: the hex SHA-256 of the body. Absent for requests without one. */
  readonly bodyDigest: string | undefined
}

export interface SignedRequests {
  /** Whether the signature is right, of now, and not seen before. */
  proves(request: SignedRequest): boolean
}

const windowSeconds = 300
const rememberMs = 600_000
const maxNonces = 100_000
const emptyDigest = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** `key` is that of the token's hashes; `undefined` without a token. */
export function newSignedRequests(key: () => string | undefined, now: () => number = Date.now): SignedRequests {
  const seen = new Map<string, number>()
  return {
    proves({ authorization, method, path, query, bodyDigest = emptyDigest }) {
      const [, ts = '', nonce = '', signature = ''] =
        /^Jido-HMAC ts=(\d{1,12}), ?nonce=([\w-]{8,64}), ?sig=([0-9a-f]{64})$/i.exec(authorization) ?? []
      const secret = key()
      if (secret === undefined || ts === '') return false
      const sorted = sortedQuery(query)
      const message = [method, path, sorted, ts, nonce, bodyDigest].join('\n')
      const expected = createHmac('sha256', secret).update(message, 'utf8').digest('hex')
      if (!equalTexts(signature.toLowerCase(), expected)) return false
      if (Math.abs(now() / 1000 - Number(ts)) > windowSeconds) return false
      for (const [old, at] of seen) {
        if (at > now() - rememberMs) break
        seen.delete(old)
      }
      // Full: rather refused than repeatable.
      if (seen.has(nonce) || seen.size >= maxNonces) return false
      seen.set(nonce, now())
      return true
    },
  }
}

function sortedQuery(query: SignedRequest['query']): string {
  return query
    .filter(([name]) => name !== 'token' && name !== 'hash')
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join('&')
}
