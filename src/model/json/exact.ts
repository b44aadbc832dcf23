/**
 * JSON without loss: numbers come back as CouchDB prints them, integers of any length digit by digit.
 * A text is parsed twice only when it contains a number that a double cannot represent.
 */
import { hash } from 'node:crypto'
import { Problem } from '../errors.ts'
import { hasExponent } from './jsonb.ts'
import { scanJson, smallestNormal } from './scan.ts'
import { sortedMembers } from './sorted.ts'
import { isObject, type Json } from './value.ts'

/** One JSON text in two forms; both are the same object when no number needs care. */
export interface ParsedJson {
  /** For computing: integers that a double cannot hold are `bigint`. */
  readonly value: Json
  /** To print: `stringifyJson(exact)` is what CouchDB 3.4 would print. Numbers may be raw; see `value` for them. */
  readonly exact: Json
}

/** Raw JSON text inside a tree (TC39 "JSON.parse source text access"), which the compiler's library lacks. */
interface SourceAccess {
  parse(text: string, revive: (name: string, value: unknown, context: { readonly source?: string }) => unknown): unknown
  rawJSON(text: string): object
  isRawJSON(value: unknown): value is { readonly rawJSON: string }
}
const sourceAccess = JSON as unknown as SourceAccess

// A byte order mark is not JSON: keep it, so that the parser refuses it.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Throws `bad_request` when the bytes are not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw invalid()
  }
}

/**
 * Parses JSON. Of duplicate members the last one wins; `__proto__` is a member like any other.
 * Throws `bad_request` for malformed text, nesting beyond `maxTextDepth`, lone surrogates and numbers that are not finite
 * double.
 */
export function parseJson(text: string): ParsedJson {
  const { plain } = scanJson(text)
  const parsed = parse(text)
  if (!text.isWellFormed() || (escapedSurrogate.test(text) && !isWellFormed(parsed))) {
    throw new Problem('bad_request', 'invalid UTF-8 JSON: a string holds half of a surrogate pair')
  }
  if (plain) return { value: parsed, exact: parsed }
  const exact = sourceAccess.parse(text, reviveExact) as Json
  return { value: withPlainNumbers(exact), exact }
}

/** A member of a parsed object in both forms; `undefined` when it is not an object or has no such member. */
export function memberOf({ value, exact }: ParsedJson, name: string): ParsedJson | undefined {
  if (!isObject(value) || !isObject(exact) || !Object.hasOwn(value, name)) return undefined
  return { value: value[name] as Json, exact: exact[name] as Json }
}

/** The elements of a parsed array in both forms; `undefined` when it is not an array. */
export function elementsOf({ value, exact }: ParsedJson): readonly ParsedJson[] | undefined {
  if (!Array.isArray(value) || !Array.isArray(exact)) return undefined
  return value.map((item: Json, at): ParsedJson => ({ value: item, exact: exact[at] }))
}

/** Prints a tree that may hold `bigint`s or the raw numbers of `ParsedJson.exact`; no spaces. */
export function stringifyJson(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    // It holds a `bigint`. Checking for them first would cost four times as much as printing.
    return JSON.stringify(value, printBigint)
  }
}

/**
 * True where PostgreSQL's jsonb would not give back what the text says: `\u0000` in a string or name, or a number with an
 * exponent. The order of members is ignored.
 */
export function needsRaw(text: string): boolean {
  if (text.includes('\\u0000') && escapedNul.test(text)) return true
  return maybeExponent.test(text) && hasExponent(text)
}

/**
 * md5 over the canonical form, 32 hex digits: members sorted, numbers in shortest form, so that `1`, `1.0` and `1e0` are
 * equal and `bigint`s count digit by digit. Revisions are made of it: a change to the form would give new
 * revisions to the same edits.
 */
export function bodyDigest(value: Json): string {
  return hash('md5', stringifyJson(sortedMembers(value)), 'hex')
}

const escapedSurrogate = /\\u[dD][89a-fA-F]/
// An even number of backslashes before it: they escape each other, not the `u`.
const escapedNul = /(?<!\\)(?:\\\\)*\\u0000/
const maybeExponent = /(?:^|[[:,])\s*-?\d[\d.]*[eE][-+\d]/

function invalid(): Problem {
  return new Problem('bad_request', 'invalid UTF-8 JSON')
}

function parse(text: string): Json {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid()
  }
}

function reviveExact(_name: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || source === undefined) return value
  if (!/[.eE]/.test(source)) {
    if (!Number.isSafeInteger(value)) return sourceAccess.rawJSON(source)
    return value === 0 ? 0 : value
  }
  // CouchDB does not keep subnormal numbers: it answers 0.0 (recorded).
  if (Math.abs(value) < smallestNormal) return sourceAccess.rawJSON('0.0')
  // From 1e21 on JavaScript prints an exponent, as CouchDB does; below it CouchDB marks a float by `.0`.
  const wantsMark = Number.isInteger(value) && Math.abs(value) < 1e21
  return wantsMark ? sourceAccess.rawJSON(`${value}.0`) : value
}

/** The tree with numbers in place of raw ones; parts without any are shared, not copied. */
function withPlainNumbers(exact: Json): Json {
  if (typeof exact !== 'object' || exact === null) return exact
  if (sourceAccess.isRawJSON(exact)) {
    const { rawJSON } = exact
    return rawJSON.includes('.') ? Number(rawJSON) : BigInt(rawJSON)
  }
  if (Array.isArray(exact)) {
    const items = exact.map(withPlainNumbers)
    return items.some((item, at) => item !== exact[at]) ? items : exact
  }
  let changed = false
  const members = Object.entries(exact).map(([name, member]): [string, Json] => {
    const value = withPlainNumbers(member)
    if (value !== member) changed = true
    return [name, value]
  })
  // Not by assignment, which would lose `__proto__`.
  return changed ? Object.fromEntries(members) : exact
}

function isWellFormed(value: Json): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isWellFormed)
  return Object.entries(value).every(([name, member]) => name.isWellFormed() && isWellFormed(member))
}

function printBigint(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? sourceAccess.rawJSON(value.toString()) : value
}
