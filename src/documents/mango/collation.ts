/**
 * CouchDB's order of JSON values: null, false, true, numbers, strings (ICU root), arrays, objects.
 */
import { isObject, type Json, type JsonArray, type JsonObject } from '../../model/json/value.ts'

/** `en` has no rules of its own: it is ICU's root collation, punctuation included. */
const collator = new Intl.Collator('en')

/** The type's place in the order, 0 (null) to 6 (object); also the first byte of an index key. */
export type Rank = 0 | 1 | 2 | 3 | 4 | 5 | 6

export function rankOf(value: Json): Rank {
  if (typeof value === 'string') return 4
  if (typeof value === 'number' || typeof value === 'bigint') return 3
  if (value === null) return 0
  if (typeof value === 'boolean') return value ? 2 : 1
  return isObject(value) ? 6 : 5
}

/**
 * Negative, zero or positive as `a` sorts before, with or after `b`. Numbers compare exactly whatever their size; strings
 * that ICU holds for the same (composed and decomposed accents) are equal.
 */
export function compareJson(a: Json, b: Json): number {
  if (a === b) return 0
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b)
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : 0
  const rank = rankOf(a)
  const difference = rank - rankOf(b)
  if (difference !== 0) return difference
  if (rank === 3) return compareNumbers(a as number | bigint, b as number | bigint)
  if (rank === 5) return compareArrays(a as JsonArray, b as JsonArray)
  if (rank === 6) return compareObjects(a as JsonObject, b as JsonObject)
  return 0
}

/** Strings in ICU root order. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  let i = 0
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++
  // Digits and small letters have primary weights in byte order, and nothing after them can change that weight unless
  // it is outside ASCII. This saves the call for most keys.
  if (isPlain(a, i) && isPlain(b, i)) return a.charCodeAt(i) - b.charCodeAt(i)
  if (i === a.length && isPlain(b, i)) return -1
  if (i === b.length && isPlain(a, i)) return 1
  return collator.compare(a, b)
}

function isPlain(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  if (!((unit >= 97 && unit <= 122) || (unit >= 48 && unit <= 57))) return false
  return at + 1 === text.length || text.charCodeAt(at + 1) < 128
}

/** Ids and everything else that CouchDB sorts by UTF-8 bytes, which is the order of code points. */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left === right) continue
    const leftPair = left >= 0xd800 && left <= 0xdfff
    const rightPair = right >= 0xd800 && right <= 0xdfff
    return leftPair === rightPair ? left - right : leftPair ? 1 : -1
  }
  return a.length - b.length
}

/**
 * How a selector compares `_id`, which is how `_all_docs` sorts keys: strings by bytes, and before all of them whatever is
 * not a string.
 */
export function compareRaw(a: Json, b: Json): number {
  if (typeof a === 'string') return typeof b === 'string' ? compareBytes(a, b) : 1
  return typeof b === 'string' ? -1 : compareJson(a, b)
}

function compareNumbers(a: number | bigint, b: number | bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function compareArrays(a: JsonArray, b: JsonArray): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = compareJson(a[i] as Json, b[i] as Json)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Member by member in the order written, as the recorded answers have it. */
function compareObjects(a: JsonObject, b: JsonObject): number {
  const names = Object.keys(a)
  const others = Object.keys(b)
  const length = Math.min(names.length, others.length)
  for (let i = 0; i < length; i++) {
    const name = names[i] as string
    const other = others[i] as string
    const difference = compareStrings(name, other) || compareJson(a[name] as Json, b[other] as Json)
    if (difference !== 0) return difference
  }
  return names.length - others.length
}
