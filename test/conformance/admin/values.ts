/** Plain JSON: looking into it, filling in values of former answers. */
import { createHash } from 'node:crypto'
import type { Json } from '../../../src/model/json/value.ts'
import { isObject } from '../../../src/model/json/value.ts'

export type Variables = Map<string, Json>

/** A former answer did not hold what this step needs. */
export class MissingValue extends Error {}

/** The recording cannot be played on this server. */
export class Skipped extends Error {}

export function dig(value: Json | undefined, path: readonly (string | number)[]): Json | undefined {
  let found: Json | undefined = value
  for (const name of path) {
    if (Array.isArray(found)) found = found[Number(name) < 0 ? found.length + Number(name) : Number(name)]
    else if (isObject(found) && Object.hasOwn(found, String(name))) found = found[String(name)]
    else return undefined
  }
  return found
}

/** With members sorted. */
export function canonical(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonical(item)).join(', ')}]`
  if (!isObject(value)) return JSON.stringify(value ?? null)
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}: ${canonical(value[name])}`)
  return `{${members.join(', ')}}`
}

export function fillText(text: string, values: Variables): string {
  return text.replace(/\{\{([\w.|]+)\}\}/g, (_, name: string) => textNamed(name, values))
}

/** `NAME`, or `NAME|q` percent-encoded. */
export function textNamed(name: string, values: Variables): string {
  const [plain = '', form] = name.split('|')
  const value = values.get(plain)
  if (value === undefined) throw new MissingValue(plain)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return form === 'q' ? encodeAll(text) : text
}

export function fill(value: Json, values: Variables): Json {
  if (typeof value === 'string') {
    const whole = /^\{\{([\w.]+)\}\}$/.exec(value)?.[1]
    const known = whole === undefined ? undefined : values.get(whole)
    return known !== undefined && typeof known !== 'string' ? known : fillText(value, values)
  }
  if (Array.isArray(value)) return value.map((item: Json) => fill(item, values))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [fillText(name, values), fill(item, values)]))
}

/** Everything but letters, digits and `_.-~`. */
export function encodeAll(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** A body too long to write down: a repeated byte, or a chain of digests. */
export function generate(recipe: Readonly<Record<string, Json>>): Uint8Array {
  const size = Number(recipe['n'])
  if (typeof recipe['byte'] === 'string') return new Uint8Array(size).fill(Number.parseInt(recipe['byte'], 16))
  const parts: Uint8Array[] = [Buffer.from(String(recipe['head'] ?? ''), 'hex')]
  let digest: Buffer = Buffer.from(String(recipe['salt']))
  for (let length = parts[0]?.length ?? 0; length < size; length += digest.length) {
    digest = createHash('sha256').update(digest).digest()
    parts.push(digest)
  }
  return Buffer.concat(parts).subarray(0, size)
}
