/**
 * `$regex`: patterns as CouchDB runs them, over the UTF-8 bytes of the string, on an engine whose time is
 * linear in the text. Look-around, back-references and the like do not exist there and are refused.
 */
import { Buffer } from 'node:buffer'
import { RE2JS } from 're2js'

/**
 * Bytes from 80 to FF become characters of a private area: one character a byte, none of which has an upper or lower
 * case or is a letter for `\w`.
 */
const highBytes = 0xe000

/**
 * Characters of a pattern, and steps of what it compiles to. Matching takes a time of steps times text, during which
 * nobody else is served; CouchDB's engine refuses what compiles to more than 64 KiB.
 */
const maxPattern = 65_536
const maxSteps = 20_000

/** A test for strings; `undefined` when the pattern does not compile or is too large. */
export function compileRegex(pattern: string): ((text: string) => boolean) | undefined {
  if (pattern.length > maxPattern) return undefined
  const unicode = /^\(\*UTF8?\)/.exec(pattern)
  const source = unicode === null ? toBytes(pattern) : pattern.slice(unicode[0].length)
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(translate(source, unicode === null))
  } catch {
    return undefined
  }
  if (compiled.programSize() > maxSteps) return undefined
  if (unicode !== null) return (text) => compiled.matcher(text).find()
  return (text) => compiled.matcher(toBytes(text)).find()
}

function toBytes(text: string): string {
  if (!/[^\0-\x7f]/.test(text)) return text
  const bytes = Buffer.from(text)
  let result = ''
  for (const byte of bytes) result += String.fromCharCode(byte < 0x80 ? byte : highBytes + byte)
  return result
}

/**
 * Rewrites what the engine reads differently: `$` and `\Z` also match before a last newline, `(?x)` at the start allows
 * blanks and comments, `\xE9` is a byte.
 */
function translate(source: string, bytes: boolean): string {
  const flags = /^\(\?([a-zA-Z]+)\)/.exec(source)
  const extended = flags?.[1]?.includes('x') === true
  const multiline = flags?.[1]?.includes('m') === true
  const kept = flags?.[1]?.replaceAll('x', '') ?? ''
  let result = kept === '' ? '' : `(?${kept})`
  let inClass = false
  for (let i = flags?.[0].length ?? 0; i < source.length; i++) {
    const char = source.charAt(i)
    if (char === '\\') {
      const escaped = escapeAt(source, i, bytes)
      result += !inClass && escaped === '\\Z' ? beforeLastNewline : escaped
      i += escapeLength(source, i) - 1
    } else if (inClass) {
      if (char === '[' && source.charAt(i + 1) === ':') {
        const end = source.indexOf(':]', i)
        if (end > 0) {
          result += source.slice(i, end + 2)
          i = end + 1
          continue
        }
      }
      if (char === ']') inClass = false
      result += char === '[' ? '\\[' : char
    } else if (char === '[') {
      inClass = true
      result += char
      // A bracket right at the start of a class is a member of it.
      if (source.charAt(i + 1) === '^') result += source.charAt(++i)
      if (source.charAt(i + 1) === ']') {
        result += '\\]'
        i++
      }
    } else if (char === '$' && !multiline) {
      result += beforeLastNewline
    } else if (extended && /\s/.test(char)) {
    } else if (extended && char === '#') {
      while (i < source.length && source.charAt(i) !== '\n') i++
    } else {
      result += char
    }
  }
  return result
}

const beforeLastNewline = '(?:\\n?\\z)'

function escapeLength(source: string, at: number): number {
  const hex = /^\\x(?:\{[0-9a-fA-F]+\}|[0-9a-fA-F]{0,2})/.exec(source.slice(at, at + 14))
  if (hex !== null) return hex[0].length
  if (source.startsWith('\\Q', at)) {
    const end = source.indexOf('\\E', at)
    return (end < 0 ? source.length : end + 2) - at
  }
  return 2
}

function escapeAt(source: string, at: number, bytes: boolean): string {
  const text = source.slice(at, at + escapeLength(source, at))
  if (!text.startsWith('\\x')) return text
  const code = Number.parseInt(text.replace(/[^0-9a-fA-F]/g, '') || '0', 16)
  return `\\x{${(bytes && code >= 0x80 && code <= 0xff ? highBytes + code : code).toString(16)}}`
}
