import type { IndexCompiler } from '../../../storage/documents/contract.ts'
import { isObject, type Json } from '../../model/json/value.ts'
import {
  columnCount,
  type Direction,
  documentKeys,
  formatDefinition,
  indexDefinition,
  isIndexName,
  parseDefinition,
} from './index-definition.ts'
import { areKeysExact } from './key-document.ts'
import { parseSelector } from './selector.ts'

/**
 * Makes index entries for the store. A design document may come from anywhere: views that are not valid indexes are left
 * out, as CouchDB does.
 */
export const indexCompiler: IndexCompiler = {
  definitions(body) {
    if (!isObject(body) || body['language'] !== 'query' || !isObject(body['views'])) return []
    const views = body['views']
    return Object.keys(views).flatMap((name) => {
      const definition = viewDefinition(views[name] as Json)
      return definition === undefined || !isIndexName(name) ? [] : [{ name, definition }]
    })
  },
  compile(text) {
    const definition = parseDefinition(text)
    return { columns: columnCount(definition), keys: documentKeys(definition), isExact: areKeysExact }
  },
}

function viewDefinition(view: Json): string | undefined {
  const map = isObject(view) ? view['map'] : undefined
  if (!isObject(map) || !isObject(map['fields']) || !isObject(view) || !isObject(view['options'])) return undefined
  const directions = map['fields']
  const fields: [string, Direction][] = []
  for (const name of fieldOrder(Object.keys(directions), view['options'])) {
    const direction = directions[name]
    if (direction !== 'asc' && direction !== 'desc') return undefined
    fields.push([name, direction])
  }
  try {
    const filter = map['partial_filter_selector'] ?? map['selector'] ?? {}
    return formatDefinition(indexDefinition(fields, parseSelector(filter)))
  } catch {
    return undefined
  }
}

/** JavaScript moves names like `0` to the front of an object; the list in the options keeps the order that was asked. */
function fieldOrder(names: readonly string[], options: Json): readonly string[] {
  const def = isObject(options) ? options['def'] : undefined
  const listed = isObject(def) && Array.isArray(def['fields']) ? def['fields'].map(fieldName) : []
  const order = [...new Set(listed)]
  const known = new Set<unknown>(names)
  return order.length === names.length && order.every((name) => known.has(name)) ? (order as string[]) : names
}

function fieldName(field: Json): string | undefined {
  return typeof field === 'string' ? field : isObject(field) ? Object.keys(field)[0] : undefined
}
