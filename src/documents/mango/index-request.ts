import { Problem } from '../../model/errors.ts'
import { isObject, type Json, type JsonObject } from '../../model/json/value.ts'
import {
  formatDefinition,
  type IndexDefinition,
  indexDefinition,
  isIndexName,
  maxNameBytes,
} from './index-definition.ts'
import { refusal } from './refusal.ts'
import { member, quorumKey, refuseUnknownKeys, requestObject, requiredKey } from './request-keys.ts'
import { parseSelector } from './selector.ts'
import { parseSort } from './sort.ts'

/** A request for an index, checked. */
export interface IndexRequest {
  /** Id of the design document, with `_design/`; absent: named after the definition. */
  readonly ddoc: string | undefined
  /** Name of the view; absent: named after the definition. */
  readonly name: string | undefined
  readonly index: IndexDefinition
  /** The same as text, as the store keeps it. */
  readonly definition: string
  /** `index` of the request as received, which the design document repeats in its options. */
  readonly asked: JsonObject
}

const requestKeys: ReadonlySet<string> = new Set(['index', 'type', 'name', 'ddoc', 'w', 'partitioned'])
const indexKeys: ReadonlySet<string> = new Set(['fields', 'partial_filter_selector'])

/**
 * Reads the body of `POST _index`. Throws `bad_request`, `missing_required_key`, `invalid_key`, `invalid_string`,
 * `invalid_empty_string`, `invalid_index`, `not_implemented` (search indexes, partitions) and what sorts and selectors
 * throw.
 */
export function parseIndexRequest(body: Json): IndexRequest {
  const request = requestObject(body)
  const asked = requiredKey(request, 'index')
  const type = member(request, 'type') ?? 'json'
  if (typeof type !== 'string') throw refusal('invalid_string', 'Invalid string for type: "json" is allowed.')
  const name = nameKey(request, 'name')
  const ddoc = nameKey(request, 'ddoc')
  quorumKey(request, 'w')
  const partitioned = member(request, 'partitioned') ?? false
  refuseUnknownKeys(request, requestKeys)
  if (type === 'text' || type === 'nouveau')
    throw new Problem('not_implemented', 'Search indexes: use an index of type json.')
  if (type !== 'json') throw refusal('invalid_index', `Invalid type for index: ${type}`)
  if (partitioned !== false) throw new Problem('not_implemented', 'Partitioned databases: leave `partitioned` out.')
  if (!isObject(asked)) throw refusal('invalid_index', 'JSON indexes must be an object')
  const index = definitionOf(asked)
  return {
    ddoc: ddoc === undefined ? undefined : designId(ddoc),
    name,
    index,
    definition: formatDefinition(index),
    asked,
  }
}

function definitionOf(asked: JsonObject): IndexDefinition {
  const fields = new Map(parseSort(requiredKey(asked, 'fields')))
  const filter = parseSelector(member(asked, 'partial_filter_selector') ?? {})
  refuseUnknownKeys(asked, indexKeys)
  return indexDefinition([...fields], filter)
}

/** `_design/x` for `x` and for `_design/x`. */
export function designId(name: string): string {
  return name.startsWith('_design/') ? name : `_design/${name}`
}

function nameKey(request: JsonObject, key: string): string | undefined {
  const value = member(request, key)
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw refusal('invalid_string', `Invalid string for ${key}`)
  if (!isIndexName(value)) {
    const allowed = `at most ${maxNameBytes} bytes and no U+0000 are allowed`
    throw refusal('invalid_string', `Invalid string for ${key}: ${allowed}`)
  }
  if (value === '' || value === '_design/')
    throw refusal('invalid_empty_string', `Index name must be non-empty: ${key}`)
  return value
}
