import { Problem } from '../../model/errors.ts'
import type { Json, JsonObject } from '../../model/json/value.ts'
import { pageLimits } from '../../model/page-limits.ts'
import type { Direction } from './index-definition.ts'
import { designId } from './index-request.ts'
import { fieldList, projector } from './projection.ts'
import { refusal } from './refusal.ts'
import {
  booleanKey,
  countKey,
  member,
  quorumKey,
  refuseUnknownKeys,
  requestObject,
  requiredKey,
} from './request-keys.ts'
import { parseSelector, type Selector } from './selector.ts'
import { parseSort } from './sort.ts'

/** CouchDB's own limit for queries that set none. */
export const defaultLimit = pageLimits.couchdb.byDefault

/** The index that a query asks for. */
export interface IndexHint {
  /** Id of the design document, with `_design/`. */
  readonly ddoc: string
  readonly name: string | undefined
}

/** The body of `_find` and `_explain`, checked. */
export interface FindRequest {
  readonly selector: Selector
  readonly hint: IndexHint | undefined
  readonly bookmark: string | undefined
  /** Absent when the request has none: the face says what that means. */
  readonly limit: number | undefined
  readonly skip: number
  readonly sort: readonly (readonly [string, Direction])[]
  /** Names of the fields to keep; empty: all. */
  readonly fields: readonly string[]
  readonly project: ((document: Json, exact?: Json) => Json) | undefined
  readonly conflicts: boolean
  readonly executionStats: boolean
  /** `r`: on one server it decides only how statistics count documents. */
  readonly quorum: number
  /** When false, a query that the index it asks for cannot serve is refused. */
  readonly allowFallback: boolean
  readonly stable: boolean
  readonly update: boolean
}

const known: ReadonlySet<string> = new Set([
  'selector',
  'use_index',
  'bookmark',
  'limit',
  'skip',
  'sort',
  'fields',
  'partition',
  'r',
  'w',
  'conflicts',
  'stale',
  'update',
  'stable',
  'execution_stats',
  'allow_fallback',
])

/**
 * Reads a query. Throws CouchDB's codes: `bad_request`, `missing_required_key`, `invalid_key`, `invalid_index_name`,
 * `invalid_bookmark`, `invalid_non_neg_integer`, `invalid_pos_integer`, `invalid_boolean`, `not_implemented` for
 * partitions, and what selectors, sorts and fields throw.
 */
export function parseFindRequest(body: Json): FindRequest {
  const request = requestObject(body)
  const selector = parseSelector(requiredKey(request, 'selector'))
  const hint = parseHint(member(request, 'use_index') ?? null)
  const bookmark = parseBookmarkKey(member(request, 'bookmark') ?? null)
  const limit = countKey(request, 'limit')
  const skip = countKey(request, 'skip') ?? 0
  const sort = parseSort(member(request, 'sort') ?? (Object.hasOwn(request, 'sort') ? null : []))
  const fields = member(request, 'fields') ?? (Object.hasOwn(request, 'fields') ? null : [])
  const project = projector(fields)
  refusePartition(request)
  const quorum = quorumKey(request, 'r') ?? 1
  quorumKey(request, 'w')
  const conflicts = booleanKey(request, 'conflicts', false)
  checkStale(request)
  const update = booleanKey(request, 'update', true)
  const stable = booleanKey(request, 'stable', false)
  const executionStats = booleanKey(request, 'execution_stats', false)
  const allowFallback = booleanKey(request, 'allow_fallback', true)
  refuseUnknownKeys(request, known)
  const options = { conflicts, quorum, executionStats, allowFallback, stable, update }
  return { selector, hint, bookmark, limit, skip, sort, fields: fieldList(fields), project, ...options }
}

/** `"ddoc"`, `"_design/ddoc"`, either with `/name`, `[ddoc]`, `[ddoc, name]`; `null` and `[]` for none. */
function parseHint(value: Json): IndexHint | undefined {
  if (value === null) return undefined
  const parts: readonly Json[] = typeof value === 'string' ? splitName(value) : Array.isArray(value) ? value : [null]
  const [ddoc, name] = parts
  if (ddoc === undefined) return undefined
  if (parts.length > 2 || typeof ddoc !== 'string' || (name !== undefined && typeof name !== 'string')) {
    throw refusal('invalid_index_name', 'Invalid index name: a string, ["ddoc"] or ["ddoc", "name"] is allowed.')
  }
  return { ddoc: designId(ddoc), name }
}

function splitName(value: string): readonly string[] {
  const parts = value.split('/')
  return parts.length > 1 && parts[0] === '_design' ? parts.slice(1) : parts
}

function parseBookmarkKey(value: Json): string | undefined {
  if (value === null || value === '') return undefined
  if (typeof value !== 'string') throw refusal('invalid_bookmark', 'Invalid bookmark value: it must be a string')
  return value
}

function refusePartition(request: JsonObject): void {
  const partition = member(request, 'partition') ?? ''
  if (partition !== '') throw new Problem('not_implemented', 'Partitioned databases: leave `partition` out.')
}

function checkStale(request: JsonObject): void {
  const stale = member(request, 'stale')
  if (stale !== undefined && stale !== 'ok' && stale !== false && stale !== 'false') {
    throw refusal('bad_request', 'Invalid value for stale: "ok" or false is allowed.')
  }
}
