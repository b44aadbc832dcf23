/** Permissions: rules parsed from scope strings, and the questions that routes ask of them. */
import type { Json } from './json/value.ts'

/** Whom a token is for: decides which secret signs it and how long it lives. */
export type Audience = 'app' | 'konn' | 'access' | 'refresh' | 'share' | 'cli'

export type Verb = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Permissions {
  /** Whom the token was made for; absent for no one in particular. */
  readonly audience?: Audience | undefined
  /** Any rule for this verb and doctype that carries no values. Cached per object: hot path. */
  allowsType(verb: Verb, doctype: string): boolean
  /** Any rule at all for this verb and doctype, whole or restricted: if not, no document can be allowed. */
  allowsSome(verb: Verb, doctype: string): boolean
  /** Whole type, or `_id` in values, or the selector's top-level member in values. `document` holds `_id`. */
  allowsDocument(verb: Verb, doctype: string, document: Readonly<Record<string, Json>>): boolean
}
