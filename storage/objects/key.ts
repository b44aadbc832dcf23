/**
 * How both object stores spell a name: as a relative path that every file system and every S3 server takes, in an order
 * that is the byte order of the names, so that paging needs no sorting of everything.
 *
 * - A name ends with `#`, so that `a` (`a#`) and `a/b` (`a/b#`) can exist together: MinIO and file systems refuse a
 *   thing and a folder of one name. Everything else of usual names stays as it is.
 * - Control characters, space, `!`, `"` and `#` are `#` and two hex digits. They are the lowest ones, so the order stays.
 * - The parts ``, `.` and `..` before a `/` are followed by `0!`, which sorts where the `/` would.
 * - A part of 240 bytes or more is cut into folders that end with `!`: names of files have at most 255 bytes.
 */
import { Problem } from '../../src/model/errors.ts'

/** Longest name in bytes. */
export const maxNameBytes = 1_000
/** S3 allows 1,024 bytes; the rest is for names that accompany an object's. */
export const maxKeyBytes = 1_016

/** Ends every spelt name. */
export const mark = '#'
/** Where parts are cut. */
export const cutAtBytes = 240
const nameless = new Set(['', '.', '..'])

/** The key of a name. Throws `bad_request` for what cannot be a name. */
export function keyOf(name: string): string {
  return checkName(name)
}

/** Throws `bad_request` for what cannot be a name in either store; returns its key. */
export function checkName(name: string): string {
  const key = encode(name, true)
  if (name === '' || name.includes('\0') || !name.isWellFormed()) throw unusable('is empty or no text')
  if (Buffer.byteLength(name) > maxNameBytes || Buffer.byteLength(key) > maxKeyBytes) throw unusable('is too long')
  return key
}

/** The name of a key; `undefined` for what is not the key of an object. */
export function nameOf(key: string): string | undefined {
  if (!key.endsWith(mark)) return undefined
  const parts = key.slice(0, -mark.length).split('/')
  const last = parts.pop() ?? ''
  const name = parts.map(decodePart).join('') + unescaped(last)
  return name !== '' && encode(name, true) === key ? name : undefined
}

/** What the keys of all names with this prefix begin with. Some other keys may begin with it too. */
export function keyPrefixOf(prefix: string): string {
  return encode(prefix, false)
}

/** Orders texts by their UTF-8 bytes, which is not the order of JavaScript's 16-bit units. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const difference = rank(a.charCodeAt(index)) - rank(b.charCodeAt(index))
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Surrogates represent characters above all others. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

function encode(name: string, whole: boolean): string {
  const parts = name.split('/')
  const last = parts.pop() ?? ''
  const folders = parts.map((part) => `${encodePart(part)}/`)
  const { cut, rest } = cutPart(last)
  return folders.join('') + cut + rest + (whole ? mark : '')
}

/** A part in front of a `/`. */
export function encodePart(part: string): string {
  const { cut, rest } = cutPart(part)
  return `${cut}${rest}${nameless.has(rest) ? '0!' : ''}`
}

/**
 * Where a part is cut does not depend on what follows the cut, so that all names with the same beginning lie in one folder.
 */
export function cutPart(part: string): { cut: string; rest: string } {
  let cut = ''
  let rest = ''
  let bytes = 0
  for (const character of part) {
    const text = escaped(character)
    rest += text
    bytes += Buffer.byteLength(text)
    if (bytes < cutAtBytes) continue
    cut += `${rest}!/`
    rest = ''
    bytes = 0
  }
  return { cut, rest }
}

/** The opposite, with its `/`; without one for a folder that was cut. */
export function decodePart(part: string): string {
  if (part.endsWith('!')) {
    if (Buffer.byteLength(part) > cutAtBytes) return unescaped(part.slice(0, -1))
    const stem = part.slice(0, -2)
    if (nameless.has(stem)) return `${stem}/`
  }
  return `${unescaped(part)}/`
}

/** A character as it stands in keys. */
export function escaped(character: string): string {
  const code = character.charCodeAt(0)
  return code < 0x24 ? mark + code.toString(16).toUpperCase().padStart(2, '0') : character
}

/** The opposite, for a text. */
export function unescaped(text: string): string {
  return text.replace(/#([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function unusable(what: string): Problem {
  return new Problem('bad_request', `The name of an object ${what}: 1 to ${maxNameBytes} bytes are allowed.`)
}
