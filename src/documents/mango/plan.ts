/** How a query will be run: which index, which rows of it, and what is left to check on each document. */
import type { IndexView, KeyRange } from '../../../storage/documents/contract.ts'
import { type Choice, chooseIndex } from './choice.ts'
import { type FieldRange, type FieldRanges, selectorFields } from './field-range.ts'
import type { FindRequest, IndexHint } from './find-request.ts'
import { type IdBounds, idRanges } from './id-range.ts'
import { type IndexDefinition, maxColumns } from './index-definition.ts'
import { type Cover, keyRanges } from './key-range.ts'
import { refusal } from './refusal.ts'
import type { Selector } from './selector.ts'

/** The rows to read: ranges of ids in the primary index, or ranges of keys in a view. */
export type Source =
  | { readonly kind: 'primary'; readonly ranges: readonly IdBounds[] }
  | {
      readonly kind: 'view'
      readonly view: IndexView
      readonly definition: IndexDefinition
      /** In index order and disjoint. */
      readonly ranges: readonly KeyRange[]
      /** A single range around all of them. The first page is read from it: often it is the only one. */
      readonly cover: Cover | undefined
      /** All that the query needs is in the keys, where they tell values exactly. */
      readonly keysOnly: boolean
      /** Bounds of fields by value, where keys of arrays and objects do not tell. */
      readonly bounds: ReadonlyMap<string, FieldRange>
    }

export interface Plan {
  readonly source: Source
  readonly descending: boolean
  /** What the keys do not enforce; absent when every row matches, and then no document needs to be parsed. */
  readonly residual: Selector | undefined
  /**
   * `silent`: the conditions on the index exclude each other, or the selector is an empty `$and`, `$or` or `$nor`; then
   * CouchDB answers without bookmark. `hidden`: nothing can match either, but CouchDB reads the index to find out.
   */
  readonly contradiction: 'none' | 'silent' | 'hidden'
  readonly warnings: readonly string[]
  /** All that the query needs is in the index, so no document counts as examined. */
  readonly covering: boolean
  /** Only the primary index can serve the query. */
  readonly unindexed: boolean
}

/**
 * Plans a query. `views` are the indexes that are ready. Throws `no_usable_index` when none can sort,
 * `invalid_index` when the index asked for cannot be used and no other is allowed.
 */
export function planFind(request: FindRequest, views: readonly IndexView[]): Plan {
  const choice = chooseIndex(request, views)
  if (choice.best === undefined) {
    throw refusal('no_usable_index', 'No index exists for this sort, try indexing by the sort fields.')
  }
  if (!request.allowFallback && !(choice.asAsked && request.hint !== undefined)) {
    throw refusal('invalid_index', unsuitable(request.hint))
  }
  return planWith(request, choice, choice.best)
}

/** As `planFind` for `_explain`: `undefined` where no index can be used. */
export function tryPlan(request: FindRequest, choice: Choice): Plan | undefined {
  if (choice.best === undefined || (!request.allowFallback && !choice.asAsked)) return undefined
  return planWith(request, choice, choice.best)
}

function planWith(request: FindRequest, choice: Choice, best: NonNullable<Choice['best']>): Plan {
  const { selector, hint, sort } = request
  const warnings = hint === undefined || choice.asAsked ? [] : [unused(hint)]
  const descending = sort[0]?.[1] === 'desc'
  if (best === 'primary') {
    const { ranges, enforced } = idRanges(selector)
    return {
      source: { kind: 'primary', ranges },
      descending,
      residual: without(selector, enforced),
      contradiction: isEmptyOperator(selector) ? 'silent' : contradictionOn(choice.ranges, ['_id']),
      warnings: [...warnings, 'No matching index found, create an index to optimize query time.'],
      covering: false,
      unindexed: true,
    }
  }
  const { view, definition } = best
  const columns = definition.fields.map(({ name }) => name)
  const { ranges, cover, enforced } = keyRanges(columns.slice(0, maxColumns), selector)
  const covering = isCovering(definition, request)
  const keysOnly = covering && columns.length <= maxColumns && !columns.includes('_rev')
  const known = { descending, residual: without(selector, enforced), warnings, covering, unindexed: false }
  if (choice.ranges.kind === 'contradiction') {
    // CouchDB reads the index from end to end then, unless the contradiction is on its first field.
    const source: Source = {
      kind: 'view',
      view,
      definition,
      ranges: [{ equal: [] }],
      cover: undefined,
      keysOnly,
      bounds: new Map(),
    }
    return { ...known, source, contradiction: contradictionOn(choice.ranges, columns) }
  }
  const source: Source = { kind: 'view', view, definition, ranges, cover, keysOnly, bounds: choice.ranges.fields }
  return { ...known, source, contradiction: isEmptyOperator(selector) ? 'silent' : 'none' }
}

/** CouchDB notices a contradiction only where it is on the leading column of the index. */
function contradictionOn(ranges: FieldRanges, columns: readonly string[]): Plan['contradiction'] {
  if (ranges.kind === 'ranges') return 'none'
  return columns[0] === ranges.field ? 'silent' : 'hidden'
}

/** True when an index has all fields that a query shows or selects by. */
function isCovering(definition: IndexDefinition, { fields, selector }: FindRequest): boolean {
  if (fields.length === 0 || definition.filter !== undefined) return false
  const columns = new Set(['_id', ...definition.fields.map(({ name }) => name)])
  return [...fields, ...selectorFields(selector)].every((field) => columns.has(field))
}

function isEmptyOperator(selector: Selector): boolean {
  return (selector.kind === 'and' || selector.kind === 'or') && selector.args.length === 0
}

/** The selector without conditions that need no check; `undefined` when nothing is left. */
function without(selector: Selector, enforced: ReadonlySet<Selector>): Selector | undefined {
  if (selector.kind === 'all' || selector.kind === 'text' || enforced.has(selector)) return undefined
  if (selector.kind !== 'and') return selector
  const args = selector.args.flatMap((arg) => without(arg, enforced) ?? [])
  if (args.length === selector.args.length && args.every((arg, i) => arg === selector.args[i])) return selector
  return args.length > 1 ? { kind: 'and', args } : args[0]
}

/** The wording is what clients look for. */
function unused({ ddoc, name }: IndexHint): string {
  return name === undefined
    ? `${ddoc} was not used because it does not contain a valid index for this query.`
    : `${ddoc}, ${name} was not used because it is not a valid index for this query.`
}

function unsuitable(hint: IndexHint | undefined): string {
  if (hint === undefined) return 'You must specify an index with the `use_index` parameter.'
  const named = hint.name === undefined ? hint.ddoc : `${hint.ddoc}, ${hint.name}`
  return `${named} specified by \`use_index\` could not be found or it is not suitable.`
}
