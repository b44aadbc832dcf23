/** The body of a document as the store takes it. */
import { Buffer } from 'node:buffer'
import { Problem } from './errors.ts'
import { bodyDigest, needsRaw } from './json/exact.ts'
import { jsonbLength, reordersNested } from './json/jsonb.ts'
import type { Json, JsonObject } from './json/value.ts'

/** The body part of an edit. */
export interface Body {
  /** Canonical JSON text of the members, special ones left out. */
  readonly text: string
  /** True where jsonb would not give `text` back (key order in design documents, `\u0000`, exponents). */
  readonly raw: boolean
  /** md5 of the body with sorted keys and shortest numbers, 32 hex digits. */
  readonly digest: string
  /** The parsed members, from which index entries are made. */
  readonly value: Json
}

export interface ObjectBody extends Body {
  readonly value: JsonObject
}

/** The body of a plain deletion. */
export const emptyBody: Body = { text: '{}', raw: false, digest: bodyDigest({}), value: {} }

/** The body of a document, made from its members without the special ones. Throws `document_too_large`. */
export function makeBody(id: string | undefined, value: JsonObject, text: string, maxBytes: number): ObjectBody {
  const raw = needsRaw(text)
  // A character has at most 3 bytes and one separator behind it; an exponent stands for less than 100 times its length.
  const atMost = text.length * (raw ? 100 : 4)
  if (atMost > maxBytes && (Buffer.byteLength(text) > maxBytes || jsonbLength(text) > maxBytes)) {
    throw new Problem('document_too_large', id ?? '')
  }
  return {
    text,
    raw: keepsText(id, text, value),
    value,
    // Replicated revisions bring their hash with them: then it is never computed.
    get digest() {
      return bodyDigest(value)
    },
  }
}

/**
 * True where jsonb would not give back what CouchDB would. jsonb sorts members by length: their order has
 * a meaning in design documents, and inside a document when objects are compared.
 */
export function keepsText(id: string | undefined, text: string, value: Json): boolean {
  return isDesignId(id) || needsRaw(text) || reordersNested(value)
}

export function isDesignId(id: string | undefined): boolean {
  return id?.startsWith('_design/') ?? false
}
