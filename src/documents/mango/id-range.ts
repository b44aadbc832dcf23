/** Which ids a query on the primary index must read. Ids compare by bytes. */
import type { Json } from '../../model/json/value.ts'
import { compareBytes } from './collation.ts'
import { conjuncts } from './field-range.ts'
import type { Condition, Selector } from './selector.ts'

export interface IdEnd {
  readonly id: string
  readonly inclusive: boolean
}

/** Ids between two ends, open where absent. */
export interface IdBounds {
  readonly start?: IdEnd
  readonly end?: IdEnd
}

export interface IdRanges {
  /** Ascending and disjoint; empty when no id can match. */
  readonly ranges: readonly IdBounds[]
  readonly enforced: ReadonlySet<Selector>
}

/** With more ids than this, reading the range is cheaper than one look-up for each. */
const maxProbes = 1000

/** Longer than any id. */
const lastId = '\u{10ffff}'.repeat(257)

export function idRanges(selector: Selector): IdRanges {
  const own = conjuncts(selector).filter((condition) => condition.path === '_id')
  const enforced = new Set<Selector>(own.filter(({ test }) => test.kind === 'leaf' && exact.has(test.op)))
  const bounds = own.reduce<IdBounds | undefined>((found, { test }) => found && meet(found, boundsOf(test)), {})
  if (bounds === undefined) return { ranges: [], enforced }
  const lists = own.flatMap(({ test }) =>
    test.kind === 'leaf' && test.op === '$in' ? [test.value as readonly Json[]] : [],
  )
  const list = lists.sort((a, b) => a.length - b.length)[0]
  if (list === undefined || list.length > maxProbes) return { ranges: [bounds], enforced }
  const ids = [...new Set(list.filter((value) => typeof value === 'string'))].sort(compareBytes)
  return { ranges: ids.map(only).filter((range) => meet(bounds, range) !== undefined), enforced }
}

const exact: ReadonlySet<string> = new Set(['$eq', '$lt', '$lte', '$gt', '$gte', '$exists'])

function only(id: string): IdBounds {
  return { start: { id, inclusive: true }, end: { id, inclusive: true } }
}

/** Bounds by one condition; `undefined` when no string fulfils it. */
function boundsOf(test: Condition): IdBounds | undefined {
  if (test.kind !== 'leaf') return {}
  const { op, value } = test
  if (op === '$exists') return value === true ? {} : undefined
  if (op === '$beginsWith') {
    const prefix = value as string
    return prefix === ''
      ? {}
      : { start: { id: prefix, inclusive: true }, end: { id: prefix + lastId, inclusive: true } }
  }
  if (!exact.has(op)) return {}
  if (typeof value !== 'string') {
    // It sorts before every id.
    return op === '$gt' || op === '$gte' ? {} : undefined
  }
  if (op === '$eq') return only(value)
  const end = { id: value, inclusive: op === '$gte' || op === '$lte' }
  return op === '$gt' || op === '$gte' ? { start: end } : { end }
}

/** The ids within both; `undefined` when there can be none. */
function meet(a: IdBounds, b: IdBounds | undefined): IdBounds | undefined {
  if (b === undefined) return undefined
  const start = tighter(a.start, b.start, 1)
  const end = tighter(a.end, b.end, -1)
  if (start !== undefined && end !== undefined) {
    const difference = compareBytes(start.id, end.id)
    if (difference > 0 || (difference === 0 && !(start.inclusive && end.inclusive))) return undefined
  }
  return { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) }
}

function tighter(a: IdEnd | undefined, b: IdEnd | undefined, sign: 1 | -1): IdEnd | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const difference = compareBytes(a.id, b.id) * sign
  return difference === 0 ? (a.inclusive ? b : a) : difference > 0 ? a : b
}
