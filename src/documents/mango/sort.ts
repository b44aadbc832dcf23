import { isObject, type Json } from '../../model/json/value.ts'
import type { Direction } from './index-definition.ts'
import { refusal } from './refusal.ts'

/**
 * A sort, or the fields of an index: names or `{name: "asc"|"desc"}`, all in one direction. Throws
 * `invalid_sort_json`, `invalid_sort_field` or `unsupported_mixed_sort`.
 */
export function parseSort(value: Json): readonly (readonly [string, Direction])[] {
  if (!Array.isArray(value)) throw refusal('invalid_sort_json', 'Sort must be an array of sort specs.')
  const fields = value.map(sortField)
  if (new Set(fields.map(([, direction]) => direction)).size > 1) {
    throw refusal('unsupported_mixed_sort', 'Sorts currently only support a single direction for all fields.')
  }
  return fields
}

function sortField(spec: Json): readonly [string, Direction] {
  if (typeof spec === 'string' && spec !== '') return [spec, 'asc']
  if (isObject(spec)) {
    const [name, ...others] = Object.keys(spec)
    const direction = name === undefined ? undefined : spec[name]
    if (name !== undefined && others.length === 0 && (direction === 'asc' || direction === 'desc'))
      return [name, direction]
  }
  throw refusal('invalid_sort_field', 'Invalid sort field: each one is a name or {"name": "asc"} or {"name": "desc"}.')
}
