/** Codes that open something once or for a while. Only their digests are kept, so that the store does not hold them. */
import { createHash, randomBytes, randomInt } from 'node:crypto'
import type { SecretStore } from '../../storage/files/contract.ts'
import { parseJson } from '../model/json/exact.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'

/** Every kind of code and how long it lives, in milliseconds. */
export const codeLifetimes = {
  /** Opens a session from a link. */
  magic_link: 15 * 60_000,
  /** Opens a session, without password or second factor. */
  session: 7 * 24 * 3_600_000,
  /** Replaces the mailed second factor. The one kind that may be used again. */
  email_verified: 15 * 60_000,
  /** Between password and second factor. */
  second_factor: 15 * 60_000,
  /** OAuth 2.0 authorization code, RFC 6749 section 4.1.2. */
  authorization: 5 * 60_000,
  /** An identity that a provider has vouched for; not bound to an instance. */
  delegated: 3 * 3_600_000,
  /** The mailed link that sets a new passphrase. */
  passphrase_reset: 15 * 60_000,
  /** The mailed link that confirms a move. */
  move: 30 * 60_000,
} as const

export type CodeKind = keyof typeof codeLifetimes

export interface Codes {
  /** Makes a code that stands for a value. `code` where its form is given by a contract. */
  issue(prefix: string, kind: CodeKind, value: JsonObject, code?: string): Promise<string>
  /** The value of the code; `undefined` when it is unknown, spent or expired. */
  read(prefix: string, kind: CodeKind, code: string): Promise<JsonObject | undefined>
  /** The same, once: of several callers exactly one gets it. */
  spend(prefix: string, kind: CodeKind, code: string): Promise<JsonObject | undefined>
}

/** Codes over the store's secrets; they are valid in all processes on it. */
export function openCodes(secrets: Pick<SecretStore, 'set' | 'get' | 'take'>): Codes {
  const stored = (kind: CodeKind) => `code.${kind}`
  return {
    async issue(prefix, kind, value, code = newCode()) {
      await secrets.set(prefix, stored(kind), digestOf(code), JSON.stringify(value), codeLifetimes[kind])
      return code
    },
    read: async (prefix, kind, code) => valueIn(await secrets.get(prefix, stored(kind), digestOf(code))),
    spend: async (prefix, kind, code) => valueIn(await secrets.take(prefix, stored(kind), digestOf(code))),
  }
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** 32 letters and digits, about 190 bits. */
export function newCode(): string {
  return Array.from({ length: 32 }, () => alphabet[randomInt(alphabet.length)]).join('')
}

/** 24 hex digits, 96 bits: the form of delegated codes. */
export function newDelegatedCode(): string {
  return randomBytes(12).toString('hex')
}

/** Six decimal digits, for people to copy from a mail. */
export function newPasscode(): string {
  return String(randomInt(1_000_000)).padStart(6, '0')
}

/** The stored form of a secret with enough entropy of its own: SHA-256 in base64url. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

function valueIn(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined
  const { value } = parseJson(text)
  return isObject(value) ? value : undefined
}
