/** The two ways of proving the API token: the token itself, and a hash for one method and path. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** The key of hashes: the SHA-256 of the token as lowercase hex. The hex text itself is the key, not its 32 bytes. */
export function hashKey(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex')
}

/** The hash for a request, in lowercase hex: HMAC-SHA-256 over method and path without anything between them. */
export function requestHash(key: string, method: string, path: string): string {
  return createHmac('sha256', key)
    .update(method + path, 'utf8')
    .digest('hex')
}

/** Whether two texts are equal, in a time that says nothing about where they differ. */
export function equalTexts(one: string, other: string): boolean {
  const [left, right] = [one, other].map((text) => createHash('sha256').update(text, 'utf8').digest())
  return timingSafeEqual(left as Buffer, right as Buffer)
}

/** Between 1 and 255 printable ASCII characters without spaces. */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(text)
}
