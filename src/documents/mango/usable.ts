/** Whether an index can serve a query, as CouchDB decides it. */
import { indexableFields } from './field-range.ts'
import type { IndexDefinition } from './index-definition.ts'
import type { Selector } from './selector.ts'

/** Why an index cannot be used; `undefined` when it can. */
export type Obstacle = 'field_mismatch' | 'sort_order_mismatch' | 'needs_text_search'

/** `sort` are the names of the fields to sort by. */
export function obstacle(index: IndexDefinition, selector: Selector, sort: readonly string[]): Obstacle | undefined {
  const columns = index.fields.map(({ name }) => name)
  const free = new Set(['_id', '_rev', ...sort])
  const required = [...new Set(columns)].filter((column) => !free.has(column))
  if (unrequired([selector], required).length > 0) return 'field_mismatch'
  if (isTextSearch(selector)) return 'needs_text_search'
  return sortsBy(columns, sort, selector) ? undefined : 'sort_order_mismatch'
}

/** The primary index serves everything but a sort; by `_id` it sorts when the selector bounds `_id`. */
export function primaryObstacle(selector: Selector, sort: readonly string[]): Obstacle | undefined {
  if (sort.length === 0) return undefined
  if (!indexableFields(selector).includes('_id')) return 'field_mismatch'
  return sort.length > 1 || sort[0] !== '_id' ? 'sort_order_mismatch' : undefined
}

/** The fields of `required` that documents matching all of `selectors` may lack. */
function unrequired(selectors: readonly Selector[], required: readonly string[]): readonly string[] {
  let left = required
  for (const selector of selectors) {
    if (left.length === 0) return left
    if (selector.kind === 'and') left = unrequired(selector.args, left)
    // A field must be required by every branch. CouchDB takes an `$or` without any to require all fields.
    else if (selector.kind === 'or') {
      const before = left
      const lacking = new Set(selector.args.flatMap((arg) => unrequired([arg], before)))
      left = before.filter((field) => lacking.has(field))
    } else if (selector.kind === 'field') {
      const { path, test } = selector
      const absent = test.kind === 'leaf' && test.op === '$exists' && test.value === false
      if (!absent) left = left.filter((field) => field !== path)
    }
  }
  return left
}

function isTextSearch(selector: Selector): boolean {
  if (selector.kind === 'text') return true
  return (selector.kind === 'and' || selector.kind === 'or') && selector.args.some(isTextSearch)
}

/** The sort is a prefix of the columns, once leading columns with a fixed value are passed over. */
function sortsBy(columns: readonly string[], sort: readonly string[], selector: Selector): boolean {
  if (sort.length === 0) return true
  let from = 0
  while (from < columns.length && columns[from] !== sort[0]) {
    if (!isConstant(selector, columns[from] as string)) return false
    from++
  }
  return from < columns.length && sort.every((field, i) => columns[from + i] === field)
}

function isConstant(selector: Selector, field: string): boolean {
  if (selector.kind === 'and') return selector.args.some((arg) => isConstant(arg, field))
  return (
    selector.kind === 'field' && selector.path === field && selector.test.kind === 'leaf' && selector.test.op === '$eq'
  )
}
