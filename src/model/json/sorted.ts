import { isObject, type Json } from './value.ts'

/**
 * A copy with the members of every object in one order, so that it prints the same however the original was ordered: by
 * UTF-16 code unit, names that are array indexes before all others (no JavaScript object can have it otherwise).
 */
export function sortedMembers(value: Json): Json {
  if (Array.isArray(value)) return value.map(sortedMembers)
  if (!isObject(value)) return value
  const sorted: Record<string, Json> = {}
  for (const name of Object.keys(value).sort()) {
    const member = value[name] as Json
    const copy = typeof member === 'object' && member !== null ? sortedMembers(member) : member
    if (name === '__proto__') Object.defineProperty(sorted, name, { value: copy, enumerable: true })
    else sorted[name] = copy
  }
  return sorted
}
