/**
 * One cheap pass over JSON text before it is parsed: finds what the parser would not survive (nesting) or would lose
 * (numbers). Malformed text passes; refusing that is the parser's task.
 */
import { Problem } from '../errors.ts'

/** Levels of arrays and objects in one text: what a document may have, and a few more for what wraps it. */
export const maxTextDepth = 210

const quote = 34
const backslash = 92

/**
 * True when `JSON.parse` keeps every number of the text as CouchDB would: no `1.0`, no `1e5`, no `-0`, no integer that a
 * double rounds. Throws `bad_request` when it is nested too deep or holds a number that is not a finite double.
 */
export function scanJson(text: string): { readonly plain: boolean } {
  let depth = 0
  let plain = true
  for (let at = 0; at < text.length; ) {
    const c = text.charCodeAt(at)
    if (c === quote) at = endOfString(text, at)
    else if (startsNumber(c)) {
      const end = endOfNumber(text, at)
      if (!keptByDouble(text, at, end)) plain = false
      at = end
    } else {
      if (c === 123 || c === 91) {
        depth += 1
        if (depth > maxTextDepth) {
          throw new Problem('bad_request', `invalid JSON: nested deeper than ${maxTextDepth} levels`)
        }
      } else if (c === 125 || c === 93) depth -= 1
      at += 1
    }
  }
  return { plain }
}

/** The position after a string that starts at `start`; the end of the text when it is not closed. */
export function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end === -1 ? text.length : end + 1
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1
  while (text.charCodeAt(before) === backslash) before -= 1
  return (at - before) % 2 === 0
}

/** True for the code of a character that a JSON number may start with. */
export function startsNumber(c: number): boolean {
  return (c >= 48 && c <= 57) || c === 45
}

/** The position after a number that starts at `start`. */
export function endOfNumber(text: string, start: number): number {
  let at = start + 1
  for (; at < text.length; at += 1) {
    const c = text.charCodeAt(at)
    const more = (c >= 48 && c <= 57) || c === 46 || c === 101 || c === 69 || c === 43 || c === 45
    if (!more) break
  }
  return at
}

/** CouchDB keeps no number below it but 0. */
export const smallestNormal = 2 ** -1022

function keptByDouble(text: string, start: number, end: number): boolean {
  if (end - start < 3 && text.charCodeAt(start) !== 45) return true
  const source = text.slice(start, end)
  if (source === '-0') return false
  const integer = !/[.eE]/.test(source)
  if (integer && source.length < 16) return true
  const value = Number(source)
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) throw notFinite(source)
  return integer ? Number.isSafeInteger(value) : !Number.isInteger(value) && Math.abs(value) >= smallestNormal
}

function notFinite(source: string): Problem {
  const shown = source.length > 40 ? `${source.slice(0, 40)}...` : source
  return new Problem('bad_request', `invalid JSON: the number ${shown} is outside the range of a double`)
}
