/** `_explain`: how a query would be run, in CouchDB's shape. */
import type { IndexView } from '../../../storage/documents/contract.ts'
import type { Json, JsonObject } from '../../model/json/value.ts'
import { type Candidate, type Choice, chooseIndex, coveredColumns, isNamed } from './choice.ts'
import { compareBytes } from './collation.ts'
import { fieldRanges, indexableFields, selectorFields } from './field-range.ts'
import { defaultLimit, type FindRequest } from './find-request.ts'
import { listing, primaryListing } from './listing.ts'
import { type Plan, tryPlan } from './plan.ts'
import { selectorToJson } from './selector.ts'

/** Explains a query. Where no index can be used, `index` is null instead of an error. */
export function explain(request: FindRequest, views: readonly IndexView[], dbname: string): JsonObject {
  const choice = chooseIndex(request, views)
  const plan = tryPlan(request, choice)
  const limit = request.limit ?? defaultLimit
  return {
    dbname,
    index: plan === undefined ? null : indexOf(plan),
    partitioned: false,
    selector: selectorToJson(request.selector),
    opts: options(request, limit),
    limit,
    skip: request.skip,
    fields: request.fields,
    index_candidates: candidates(request, choice, plan),
    selector_hints: [hints(request)],
    ...(plan === undefined ? {} : { mrargs: viewArguments(request, plan), covering: plan.covering }),
  }
}

function indexOf({ source }: Plan): JsonObject {
  return source.kind === 'primary' ? primaryListing : listing(source.view)
}

function options(request: FindRequest, limit: number): JsonObject {
  const { hint } = request
  return {
    use_index: hint === undefined ? [] : hint.name === undefined ? [hint.ddoc] : [hint.ddoc, hint.name],
    bookmark: request.bookmark ?? 'nil',
    limit,
    skip: request.skip,
    sort: Object.fromEntries(request.sort),
    fields: request.fields,
    partition: '',
    r: request.quorum,
    conflicts: request.conflicts,
    stale: false,
    update: request.update,
    stable: request.stable,
    execution_stats: request.executionStats,
    allow_fallback: request.allowFallback,
  }
}

/**
 * Every index that was not chosen, with the reason, in descending order of names and the primary one last. Those that lost
 * against the chosen one are ranked by how well they fit; the others share the rank of their kind, and a kind that has no
 * index takes none.
 */
function candidates(request: FindRequest, choice: Choice, plan: Plan | undefined): readonly JsonObject[] {
  const chosen = plan === undefined ? undefined : choice.best
  const isNamedOne = ({ view }: Candidate) =>
    request.hint === undefined || !choice.asAsked || isNamed(view, request.hint)
  const rivals = choice.candidates.filter((one) => one.obstacle === undefined && isNamedOne(one))
  const isRanked = chosen !== undefined && chosen !== 'primary'
  const kinds = choice.candidates
    .filter((candidate) => candidate !== chosen)
    .map((candidate): Analysis => {
      const { obstacle, definition, view } = candidate
      const base = {
        index: listing(view),
        usable: obstacle === undefined,
        covering: hasFields(definition, request.fields),
      }
      if (obstacle !== undefined)
        return { ...base, kind: obstacle === 'is_partial' ? 'partial' : 'unusable', reason: obstacle }
      const at = rivals.indexOf(candidate)
      if (!isRanked || at < 0) return { ...base, kind: 'excluded', reason: 'excluded_by_user' }
      return { ...base, kind: 'rival', reason: reasonAgainst(candidate, chosen), place: at }
    })
  kinds.reverse()
  kinds.sort((a, b) => compareBytes(nameOf(b), nameOf(a)))
  if (chosen !== 'primary') kinds.push(primaryAnalysis(request, choice, chosen))
  const has = (kind: Analysis['kind']) => Number(kinds.some((one) => one.kind === kind))
  const other = Math.max(1, isRanked ? rivals.length : 0)
  const excluded = other + has('other_type')
  const unusable = excluded + has('excluded')
  const ranks = { other_type: other, excluded, unusable, partial: unusable + has('unusable') }
  return kinds.map(({ index, usable, reason, covering, ...one }) => ({
    index,
    analysis: {
      usable,
      reasons: [{ name: reason }],
      ranking: one.kind === 'rival' ? one.place : ranks[one.kind],
      covering,
    },
  }))
}

type Analysis = {
  readonly index: JsonObject
  readonly usable: boolean
  readonly reason: string
  readonly covering: boolean | null
} & (
  | { readonly kind: 'rival'; readonly place: number }
  | { readonly kind: 'other_type' | 'excluded' | 'unusable' | 'partial' }
)

function nameOf({ index: { ddoc, name } }: Analysis): string {
  return `${ddoc}\u0000${name}`
}

function primaryAnalysis({ hint }: FindRequest, choice: Choice, chosen: Candidate | undefined): Analysis {
  const base = { index: primaryListing, usable: choice.primaryObstacle === undefined, covering: null }
  if (choice.primaryObstacle !== undefined) return { ...base, kind: 'unusable', reason: choice.primaryObstacle }
  const isExcluded = chosen === undefined || (hint !== undefined && choice.asAsked)
  return isExcluded
    ? { ...base, kind: 'excluded', reason: 'excluded_by_user' }
    : { ...base, kind: 'other_type', reason: 'unfavored_type' }
}

/** Here only what the query shows counts, not what it selects by. */
function hasFields({ fields, filter }: Candidate['definition'], wanted: readonly string[]): boolean {
  const columns = new Set(['_id', ...fields.map(({ name }) => name)])
  return wanted.length > 0 && filter === undefined && wanted.every((field) => columns.has(field))
}

function reasonAgainst(candidate: Candidate, best: Candidate): string {
  if (candidate.uncovered > 0) return 'less_overlap'
  return candidate.definition.fields.length > best.definition.fields.length
    ? 'too_many_fields'
    : 'alphabetically_comes_after'
}

function hints({ selector }: FindRequest): JsonObject {
  const usable = indexableFields(selector)
  const others = [...new Set(selectorFields(selector)).difference(new Set(usable))]
  return { type: 'json', indexable_fields: usable, unindexable_fields: others }
}

function viewArguments(request: FindRequest, plan: Plan): JsonObject {
  const [low, high] = keys(request, plan)
  return {
    include_docs: !plan.covering,
    view_type: 'map',
    reduce: false,
    partition: null,
    start_key: plan.descending ? high : low,
    end_key: plan.descending ? low : high,
    direction: plan.descending ? 'rev' : 'fwd',
    stable: request.stable,
    update: request.update,
    conflicts: request.conflicts,
  }
}

/** The ends of the range in CouchDB's terms, `<MAX>` standing for what follows everything. */
function keys({ selector }: FindRequest, { source, contradiction }: Plan): readonly [Json, Json] {
  if (contradiction === 'silent') return [null, null]
  const ranges = fieldRanges(selector)
  if (source.kind === 'primary') {
    const range = ranges.kind === 'ranges' ? ranges.fields.get('_id') : undefined
    return [range?.low?.value ?? null, range?.high?.value ?? '<MAX>']
  }
  const covered = source.definition.fields.slice(0, coveredColumns(source.definition, ranges)).map(({ name }) => name)
  const ends = covered.map((name) => (ranges.kind === 'ranges' ? (ranges.fields.get(name) ?? {}) : {}))
  const low = ends.map((range) => range.low)
  const high = ends.map((range) => range.high)
  const bounded = (end: { readonly value: Json } | undefined) => end === undefined
  const lowEnd = low.findIndex(bounded)
  const highEnd = high.findIndex(bounded)
  const values = (list: typeof low, end: number) =>
    list.slice(0, end < 0 ? list.length : end).map((bound) => bound?.value ?? null)
  return [values(low, lowEnd), [...values(high, highEnd), '<MAX>']]
}
