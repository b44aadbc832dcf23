/** What PostgreSQL's jsonb makes of canonical JSON text. */

import { Buffer } from 'node:buffer'
import { compareBytes } from '../compare-bytes.ts'
import { endOfNumber, endOfString, startsNumber } from './scan.ts'
import { isObject, type Json } from './value.ts'

/** True when a number outside strings has an exponent, which jsonb would write out. */
export function hasExponent(text: string): boolean {
  for (let at = 0; at < text.length; ) {
    const c = text.charCodeAt(at)
    if (c === 34) at = endOfString(text, at)
    else if (startsNumber(c)) {
      const end = endOfNumber(text, at)
      if (/[eE]/.test(text.slice(at, end))) return true
      at = end
    } else at += 1
  }
  return false
}

/**
 * True when jsonb would hand back the members of an object inside `value` in another order: it sorts names by their
 * length in bytes, then by bytes. The order of the outermost members is ignored.
 */
export function reordersNested(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof member !== 'object' || member === null) continue
    if ((isObject(member) && !isSortedByLength(Object.keys(member))) || reordersNested(member)) return true
  }
  return false
}

function isSortedByLength(names: readonly string[]): boolean {
  for (let at = 1; at < names.length; at++) {
    const before = names[at - 1] ?? ''
    const name = names[at] ?? ''
    const longer = Buffer.byteLength(name) - Buffer.byteLength(before)
    if (longer < 0 || (longer === 0 && compareBytes(before, name) > 0)) return false
  }
  return true
}

/**
 * An upper estimate, in bytes, of what jsonb prints for canonical text: a space after every colon and comma, and
 * numbers without exponents (`1e+300` has 301 digits). The size limit counts it.
 */
export function jsonbLength(text: string): number {
  let more = 0
  for (let at = 0; at < text.length; ) {
    const c = text.charCodeAt(at)
    if (c === 34) at = endOfString(text, at)
    else if (startsNumber(c)) {
      const end = endOfNumber(text, at)
      more += writtenOutZeros(text.slice(at, end))
      at = end
    } else {
      if (c === 58 || c === 44) more += 1
      at += 1
    }
  }
  return Buffer.byteLength(text) + more
}

function writtenOutZeros(number: string): number {
  const exponent = number.search(/[eE]/)
  return exponent === -1 ? 0 : Math.abs(Number(number.slice(exponent + 1)))
}
