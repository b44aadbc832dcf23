/** Which rows of an index a query must read, as ranges of keys. */
import type { Bound, KeyPart, KeyRange } from '../../../storage/documents/contract.ts'
import type { Json } from '../../model/json/value.ts'
import { compareJson, compareStrings, type Rank, rankOf } from './collation.ts'
import { conjuncts } from './field-range.ts'
import { keyPart, rankKey } from './key.ts'
import type { LeafOperator } from './operators.ts'
import { primaryPrefix } from './primary-prefix.ts'
import type { Condition, Selector } from './selector.ts'

/** With more probes than this, one long scan is cheaper. */
const maxProbes = 500

export interface KeyRanges {
  /** In index order and disjoint; empty when no key can fulfil the conditions. */
  readonly ranges: readonly KeyRange[]
  /** One range around all of them, as CouchDB would read it, where it is not the same. */
  readonly cover: Cover | undefined
  /** Conditions that the keys enforce by themselves in all of these ranges. */
  readonly enforced: ReadonlySet<Selector>
}

/**
 * A range with its ends, which CouchDB examines too. Rows at the ends that are in no narrower range are known by their
 * key.
 */
export interface Cover {
  readonly range: KeyRange
  /** Keys in the column behind `range.equal` that are not part of the result. */
  readonly excluded: readonly KeyPart[]
}

/** Plans the ranges over an index's key columns for the conditions that hold for every matching document. */
export function keyRanges(columns: readonly string[], selector: Selector): KeyRanges {
  // A selector compares ids by bytes, an index column by ICU.
  const conditions = conjuncts(selector).filter((condition) => condition.path !== '_id')
  const enforced = new Set<Selector>()
  const bounded = boundedRange(columns, conditions, enforced)
  if (bounded === undefined) return { ranges: [], cover: undefined, enforced }
  const ranges = probeRanges(columns, conditions) ?? [bounded]
  const cover = withEnds(bounded)
  const [only] = ranges
  const isSame = ranges.length === 1 && only !== undefined && sameRange(only, cover.range)
  return { ranges, cover: isSame ? undefined : cover, enforced }
}

function withEnds({ equal, low, high }: KeyRange): Cover {
  const excluded: KeyPart[] = []
  const end = (bound: Bound | undefined): Bound | undefined => {
    // The key of an array or an object stands for many values, so that the columns after it do not help.
    if (bound === undefined || bound.inclusive || rankByte(bound.part) >= 5) return bound
    excluded.push(bound.part)
    return { ...bound, inclusive: true }
  }
  return { range: { equal, low: end(low), high: end(high) }, excluded }
}

type Field = Selector & { kind: 'field' }

/** Leading equalities, then the bounds of one column. */
function boundedRange(
  columns: readonly string[],
  conditions: readonly Field[],
  enforced: Set<Selector>,
): KeyRange | undefined {
  const equal: KeyPart[] = []
  for (const column of columns) {
    const own = conditions.filter((condition) => condition.path === column)
    const bounds = own.reduce<Bounds | undefined>((found, { test }) => found && tighten(found, bounding(test)), {})
    if (bounds === undefined) return undefined
    for (const condition of own) if (isEnforced(condition.test)) enforced.add(condition)
    const key = singleKey(bounds)
    if (key === undefined) return { equal, ...bounds }
    equal.push(key)
  }
  return { equal }
}

/** As `boundedRange`, with a range for each value of `$in` and the bounds that other operators imply. */
function probeRanges(columns: readonly string[], conditions: readonly Field[]): readonly KeyRange[] | undefined {
  let prefixes: readonly (readonly KeyPart[])[] = [[]]
  const ranges: KeyRange[] = []
  for (const column of columns) {
    const own = conditions.filter((condition) => condition.path === column).map(({ test }) => test)
    const bounds = own.reduce<Bounds | undefined>(
      (found, test) => found && tighten(tighten(found, comparison(test)), implied(test)),
      {},
    )
    if (bounds === undefined) prefixes = []
    else {
      const choices = listed(own, bounds)
      const key = singleKey(bounds)
      if (choices !== undefined) {
        if (ranges.length + prefixes.length * (choices.keys.length + choices.groups.length) > maxProbes)
          return undefined
        for (const equal of prefixes) for (const part of choices.groups) ranges.push({ equal, ...only(part) })
        prefixes = prefixes.flatMap((prefix) => choices.keys.map((part) => [...prefix, part]))
      } else if (key !== undefined) prefixes = prefixes.map((prefix) => [...prefix, key])
      else {
        ranges.push(...prefixes.map((equal) => ({ equal, ...bounds })))
        prefixes = []
      }
    }
    if (prefixes.length === 0) break
  }
  ranges.push(...prefixes.map((equal) => ({ equal })))
  return ranges.sort(compareRanges)
}

interface Bounds {
  readonly low?: Bound
  readonly high?: Bound
}

/** The values of the narrowest `$in` that lie within the bounds, and the ranks whose values must be looked into. */
function listed(tests: readonly Condition[], bounds: Bounds): { keys: KeyPart[]; groups: KeyPart[] } | undefined {
  const lists = tests.flatMap((test) =>
    test.kind === 'leaf' && test.op === '$in' ? [test.value as readonly Json[]] : [],
  )
  const list = lists.sort((a, b) => a.length - b.length)[0]
  if (list === undefined || list.length > maxProbes) return undefined
  const sorted = [...list]
    .sort(compareJson)
    .filter((value, i, all) => i === 0 || compareJson(value, all[i - 1] as Json) !== 0)
  const keys = sorted.filter((value) => rankOf(value) < 5).map(keyPart)
  // `$in` looks into arrays, whatever it lists.
  const groups = [
    ...(list.length > 0 ? [rankKey(5)] : []),
    ...(sorted.some((value) => rankOf(value) === 6) ? [rankKey(6)] : []),
  ]
  const inside = (part: KeyPart) => tighten(bounds, only(part)) !== undefined
  return { keys: keys.filter(inside), groups: groups.filter(inside) }
}

function only(part: KeyPart): { low: Bound; high: Bound } {
  const bound = { part, inclusive: true }
  return { low: bound, high: bound }
}

/** Bounds by comparison operators. Arrays and objects are bounded by rank only, so their condition is not enforced. */
function comparison(test: Condition): Bounds {
  if (test.kind !== 'leaf') return {}
  const { op, value } = test
  const rank = rankOf(value)
  const part = keyPart(value)
  if (rank >= 5) {
    const from = { low: { part, inclusive: true } }
    const to = { high: { part: rankKey((rank + 1) as Rank | 7), inclusive: false } }
    if (op === '$eq') return { ...from, ...to }
    if (op === '$gt' || op === '$gte') return from
    return op === '$lt' || op === '$lte' ? to : {}
  }
  if (op === '$eq') return only(part)
  if (op === '$gt' || op === '$gte') return { low: { part, inclusive: op === '$gte' } }
  return op === '$lt' || op === '$lte' ? { high: { part, inclusive: op === '$lte' } } : {}
}

/** What CouchDB's own planner takes for bounds. */
function bounding(test: Condition): Bounds {
  return test.kind === 'leaf' && test.op === '$beginsWith' ? startingWith(test.value as string) : comparison(test)
}

/** `$exists: true` is the fate of every field of an index. */
function isEnforced(test: Condition): boolean {
  if (test.kind !== 'leaf') return false
  if (test.op === '$exists') return test.value === true
  return exact.has(test.op) && rankOf(test.value) < 5
}

const exact: ReadonlySet<LeafOperator> = new Set(['$eq', '$lt', '$lte', '$gt', '$gte'])

/** Bounds that are implied by a condition without being equivalent to it. */
function implied(test: Condition): Bounds {
  if (test.kind === 'elements') return ofRank(test.op === '$keyMapMatch' ? 6 : 5)
  if (test.kind !== 'leaf') return {}
  switch (test.op) {
    case '$beginsWith':
      return startingWith(test.value as string)
    case '$regex':
      return ofRank(4)
    case '$mod':
      return ofRank(3)
    case '$size':
    case '$all':
      return ofRank(5)
    case '$type': {
      const rank = ({ null: 0, number: 3, string: 4, array: 5, object: 6 } as const)[test.value as string]
      return rank === undefined ? {} : ofRank(rank)
    }
    default:
      return {}
  }
}

function ofRank(rank: Rank): Bounds {
  return {
    low: { part: rankKey(rank), inclusive: true },
    high: { part: rankKey((rank + 1) as Rank | 7), inclusive: false },
  }
}

/** U+FFFF sorts above everything. */
function startingWith(prefix: string): Bounds {
  const safe = primaryPrefix(prefix)
  if (safe === '') return ofRank(4)
  return {
    low: { part: keyPart(safe), inclusive: true },
    high: { part: keyPart(`${safe}\uffff\uffff\uffff`), inclusive: true },
  }
}

/** The key when the bounds leave exactly one, and that key stands for one value. */
function singleKey({ low, high }: Bounds): KeyPart | undefined {
  if (low === undefined || high === undefined || rankByte(low.part) >= 5) return undefined
  return comparePart(low.part, high.part) === 0 ? low.part : undefined
}

function tighten(a: Bounds | undefined, b: Bounds): Bounds | undefined {
  if (a === undefined) return undefined
  const low = a.low === undefined ? b.low : b.low === undefined ? a.low : later(a.low, b.low)
  const high = a.high === undefined ? b.high : b.high === undefined ? a.high : earlier(a.high, b.high)
  if (low !== undefined && high !== undefined) {
    const difference = comparePart(low.part, high.part)
    if (difference > 0 || (difference === 0 && !(low.inclusive && high.inclusive))) return undefined
  }
  return { ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) }
}

function later(a: Bound, b: Bound): Bound {
  const difference = comparePart(a.part, b.part)
  return difference === 0 ? (a.inclusive ? b : a) : difference > 0 ? a : b
}

function earlier(a: Bound, b: Bound): Bound {
  const difference = comparePart(a.part, b.part)
  return difference === 0 ? (a.inclusive ? b : a) : difference < 0 ? a : b
}

/** The order of one column as the store sorts it. */
export function comparePart(a: KeyPart, b: KeyPart): number {
  if (a.k !== b.k) return a.k < b.k ? -1 : 1
  return compareStrings(a.s, b.s)
}

function rankByte(part: KeyPart): number {
  return Number(part.k.slice(0, 2))
}

function compareRanges(a: KeyRange, b: KeyRange): number {
  const left = [...a.equal, ...(a.low === undefined ? [] : [a.low.part])]
  const right = [...b.equal, ...(b.low === undefined ? [] : [b.low.part])]
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = comparePart(left[i] as KeyPart, right[i] as KeyPart)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

function sameRange(a: KeyRange, b: KeyRange): boolean {
  return (
    a.equal.length === b.equal.length &&
    a.equal.every((part, i) => comparePart(part, b.equal[i] as KeyPart) === 0) &&
    sameBound(a.low, b.low) &&
    sameBound(a.high, b.high)
  )
}

function sameBound(a: Bound | undefined, b: Bound | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.inclusive === b.inclusive && comparePart(a.part, b.part) === 0
}
