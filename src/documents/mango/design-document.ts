/** Design documents with indexes, as CouchDB writes them. */
import { createHash } from 'node:crypto'
import { stringifyJson } from '../../model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../../model/json/value.ts'
import type { IndexRequest } from './index-request.ts'
import { refusal } from './refusal.ts'
import { selectorToJson } from './selector.ts'

/** What to write for an index request; `exists` when the document has this index already and nothing is to write. */
export interface IndexedDesign {
  readonly id: string
  readonly viewName: string
  readonly body: Json
  readonly result: 'created' | 'exists'
}

/** Ids of the design document and the view that a request speaks of; without names both come from the definition. */
export function indexNames(request: IndexRequest): { readonly id: string; readonly viewName: string } {
  // As it was asked for: CouchDB makes two design documents of `["a"]` and `[{"a": "asc"}]`.
  const automatic = createHash('sha1')
    .update(stringifyJson(viewOf(request)))
    .digest('hex')
  return { id: request.ddoc ?? `_design/${automatic}`, viewName: request.name ?? automatic }
}

/**
 * Adds an index to a design document. `existing` is the live document's body without `_id` and `_rev`. Throws
 * `invalid_index` when that document is not one of indexes.
 */
export function designDocument(existing: Json | undefined, request: IndexRequest): IndexedDesign {
  const { id, viewName } = indexNames(request)
  const base = existing === undefined ? { language: 'query' } : existing
  if (!isObject(base) || base['language'] !== 'query') {
    throw refusal('invalid_index', `Existing design document ${id} has an invalid language: it must be "query".`)
  }
  const views = isObject(base['views']) ? base['views'] : {}
  const body = { ...base, views: { ...views, [viewName]: viewOf(request) } }
  const before = Object.hasOwn(views, viewName) ? views[viewName] : undefined
  const isSame = before !== undefined && stringifyJson(before) === stringifyJson(viewOf(request))
  return { id, viewName, body, result: isSame ? 'exists' : 'created' }
}

function viewOf({ index, asked }: IndexRequest): JsonObject {
  const fields = Object.fromEntries(index.fields.map(({ name, direction }) => [name, direction]))
  const filter = index.filter === undefined ? {} : selectorToJson(index.filter)
  return { map: { fields, partial_filter_selector: filter }, reduce: '_count', options: { def: asked } }
}

/**
 * The body without one view: `undefined` when it was the last one and the document is to be deleted, `missing` when
 * there is no such view.
 */
export function withoutView(body: Json, name: string): Json | undefined | 'missing' {
  const views = isObject(body) ? body['views'] : undefined
  if (!isObject(body) || !isObject(views) || !Object.hasOwn(views, name)) return 'missing'
  const left = Object.fromEntries(Object.entries(views).filter(([other]) => other !== name))
  if (Object.keys(left).length > 0) return { ...body, views: left }
  const rest = Object.fromEntries(Object.entries(body).filter(([member]) => member !== 'views'))
  return Object.keys(rest).length === 1 && rest['language'] === 'query' ? undefined : rest
}
