/** `_explain`: how a query would be run, in CouchDB's shape. */
import type { IndexView } from '../../../storage/documents/contract.ts'
import type { Json, JsonObject } from '../../model/json/value.ts'
import { type Candidate, type Choice, chooseIndex, coveredColumns, isNamed } from './choice.ts'
import { fieldRanges, indexableFields, selectorFields } from './field-range.ts'
import { defaultLimit, type FindRequest } from './find-request.ts'
import { listing, primaryListing } from './listing.ts'
import { isCovering, type Plan, tryPlan } from './plan.ts'
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

/** Every index that was not chosen, with the reason. Rankings count from the best one. */
function candidates(request: FindRequest, choice: Choice, plan: Plan | undefined): readonly JsonObject[] {
  const chosen = plan?.source.kind === 'view' ? choice.best : undefined
  const rows = choice.candidates
    .filter((candidate) => candidate !== chosen)
    .map((candidate): Analysis => {
      const reason = reasonAgainst(request, candidate, choice, plan)
      const covering = isCovering(candidate.definition, request)
      return { index: listing(candidate.view), usable: candidate.obstacle === undefined, reason, covering }
    })
  if (plan?.source.kind !== 'primary') {
    const reason =
      choice.primaryObstacle ?? (request.hint !== undefined && choice.asAsked ? 'excluded_by_user' : 'unfavored_type')
    rows.push({ index: primaryListing, usable: choice.primaryObstacle === undefined, reason, covering: null })
  }
  rows.sort((a, b) => Number(b.usable) - Number(a.usable))
  return rows.map(({ index, usable, reason, covering }, i) => ({
    index,
    analysis: { usable, reasons: [{ name: reason }], ranking: i + 1, covering },
  }))
}

interface Analysis {
  readonly index: JsonObject
  readonly usable: boolean
  readonly reason: string
  readonly covering: boolean | null
}

function reasonAgainst(
  request: FindRequest,
  candidate: Candidate,
  { best, asAsked }: Choice,
  plan: Plan | undefined,
): string {
  if (candidate.obstacle !== undefined) return candidate.obstacle
  const { hint } = request
  if (hint !== undefined && asAsked && !isNamed(candidate.view, hint)) return 'excluded_by_user'
  if (plan === undefined || best === undefined || best === 'primary') return 'excluded_by_user'
  if (candidate.uncovered > best.uncovered) return 'less_overlap'
  if (candidate.definition.fields.length > best.definition.fields.length) return 'too_many_fields'
  return 'alphabetically_comes_after'
}

function hints({ selector }: FindRequest): JsonObject {
  const usable = indexableFields(selector)
  const others = [...new Set(selectorFields(selector)).difference(new Set(usable))]
  return { type: 'json', indexable_fields: usable, unindexable_fields: others }
}

function viewArguments(request: FindRequest, plan: Plan): JsonObject {
  const [low, high] = keys(request, plan)
  return {
    include_docs: true,
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
