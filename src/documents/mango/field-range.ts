/**
 * What CouchDB's planner sees in a selector: the range of each field that conditions under `$and` bound.
 * It decides which index is chosen and whether a query is known to match nothing.
 */
import type { Json } from '../../model/json/value.ts'
import { compareBytes, compareJson, compareRaw } from './collation.ts'
import type { Condition, Selector } from './selector.ts'

/** Bounds of one field; absent means open. `low` and `high` are the same value for an equality. */
export interface FieldRange {
  readonly low?: RangeEnd | undefined
  readonly high?: RangeEnd | undefined
}

export interface RangeEnd {
  readonly value: Json
  readonly inclusive: boolean
}

/** Ranges by field; or the first field, by name, whose conditions exclude each other. */
export type FieldRanges =
  | { readonly kind: 'ranges'; readonly fields: ReadonlyMap<string, FieldRange> }
  | { readonly kind: 'contradiction'; readonly field: string }

export function fieldRanges(selector: Selector): FieldRanges {
  const conditions = Map.groupBy(conjuncts(selector), ({ path }) => path)
  const fields = new Map<string, FieldRange>()
  for (const field of indexableFields(selector)) {
    const range = rangeOf(field, conditions.get(field) ?? [])
    if (range === undefined) return { kind: 'contradiction', field }
    fields.set(field, range)
  }
  return { kind: 'ranges', fields }
}

/** Fields that an index can serve: those under `$and` with a comparison, `$exists` or `$beginsWith`. Sorted by name. */
export function indexableFields(selector: Selector): readonly string[] {
  const names = new Set<string>()
  for (const { path, test } of conjuncts(selector)) {
    if (test.kind === 'leaf' && indexable.has(test.op)) names.add(path)
  }
  return [...names].sort(compareBytes)
}

const indexable: ReadonlySet<string> = new Set(['$lt', '$lte', '$eq', '$gte', '$gt', '$exists', '$beginsWith'])

/** All conditions on fields that every matching document fulfils. */
export function conjuncts(selector: Selector): readonly (Selector & { kind: 'field' })[] {
  if (selector.kind === 'field') return [selector]
  return selector.kind === 'and' ? selector.args.flatMap(conjuncts) : []
}

/** All fields that a selector names. */
export function selectorFields(selector: Selector): readonly string[] {
  switch (selector.kind) {
    case 'field':
      return [selector.path]
    case 'and':
    case 'or':
    case 'nor':
      return selector.args.flatMap(selectorFields)
    case 'not':
      return selectorFields(selector.arg)
    default:
      return []
  }
}

function rangeOf(field: string, conditions: readonly { readonly test: Condition }[]): FieldRange | undefined {
  const within = (compare: Compare) =>
    conditions.reduce<FieldRange | undefined>((range, { test }) => range && narrow(range, test, compare), {})
  // CouchDB compares bounds of ids by ICU, ids by bytes; where only ICU sees a contradiction there are ids to find.
  return within(compareJson) ?? (field === '_id' ? within(compareRaw) : undefined)
}

/** The range with one more condition; `undefined` when nothing is left. */
function narrow(range: FieldRange, test: Condition, compare: Compare): FieldRange | undefined {
  if (test.kind !== 'leaf') return range
  const { op, value } = test
  switch (op) {
    case '$gt':
      return check(compare, { ...range, low: higher(compare, range.low, { value, inclusive: false }) })
    case '$gte':
      return check(compare, { ...range, low: higher(compare, range.low, { value, inclusive: true }) })
    case '$lt':
      return check(compare, { ...range, high: lower(compare, range.high, { value, inclusive: false }) })
    case '$lte':
      return check(compare, { ...range, high: lower(compare, range.high, { value, inclusive: true }) })
    case '$eq': {
      const end = { value, inclusive: true }
      return check(compare, { low: higher(compare, range.low, end), high: lower(compare, range.high, end) })
    }
    case '$beginsWith': {
      const low = higher(compare, range.low, { value, inclusive: true })
      return check(compare, {
        low,
        high: lower(compare, range.high, { value: `${value as string}\uffff`, inclusive: true }),
      })
    }
    default:
      return range
  }
}

type Compare = (a: Json, b: Json) => number

function higher(compare: Compare, a: RangeEnd | undefined, b: RangeEnd): RangeEnd {
  if (a === undefined) return b
  const difference = compare(a.value, b.value)
  return difference === 0 ? (a.inclusive ? b : a) : difference > 0 ? a : b
}

function lower(compare: Compare, a: RangeEnd | undefined, b: RangeEnd): RangeEnd {
  if (a === undefined) return b
  const difference = compare(a.value, b.value)
  return difference === 0 ? (a.inclusive ? b : a) : difference < 0 ? a : b
}

function check(compare: Compare, range: FieldRange): FieldRange | undefined {
  const { low, high } = range
  if (low === undefined || high === undefined) return range
  const difference = compare(low.value, high.value)
  return difference < 0 || (difference === 0 && low.inclusive && high.inclusive) ? range : undefined
}
