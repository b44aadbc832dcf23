/** Random writes, said in terms that make sense whatever was written before. */
import fc from 'fast-check'
import type { JsonObject } from '../../src/model/json/value.ts'
import { text, value } from './values.ts'

/** The revision that a client names: by its place among those that exist. */
export type Aim =
  | { readonly kind: 'none' }
  | { readonly kind: 'winner' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'leaf'; readonly at: number }
  | { readonly kind: 'node'; readonly at: number }

export interface EditPlan {
  readonly id: string
  readonly aim: Aim
  readonly deleted: boolean
  readonly mustExist: boolean
  readonly unknownParent: 'accept' | 'refuse'
  readonly body: JsonObject
}

export interface GraftPlan {
  readonly id: string
  /** The known revision to continue; `unknown` starts a tree of its own. */
  readonly aim: Aim
  /** How many revisions are new; 0 repeats a known one. */
  readonly length: number
  /** How many known ancestors are named. */
  readonly named: number
  readonly deleted: boolean
  readonly body: JsonObject
}

export type Operation =
  | { readonly kind: 'write'; readonly edits: readonly EditPlan[] }
  | { readonly kind: 'replicate'; readonly grafts: readonly GraftPlan[] }
  | { readonly kind: 'recreate' }

const members = fc.constantFrom('n', 's', 't')
const plainIds = ['a', 'b', 'c', 'é', 'Z']

const body: fc.Arbitrary<JsonObject> = fc
  .record({ n: value, s: value, t: text }, { requiredKeys: [] })
  .map((object) => ({ ...object }))

/** Every design document defines an index, some the same one, some with a filter, some nothing at all. */
const design: fc.Arbitrary<JsonObject> = fc
  .tuple(fc.uniqueArray(members, { minLength: 1, maxLength: 2 }), fc.constantFrom({}, { n: { $gt: 1 } }), fc.nat(4))
  .map(([fields, filter, kind]): JsonObject => {
    if (kind === 0) return { language: 'javascript', views: {} }
    const map = { fields: Object.fromEntries(fields.map((name) => [name, 'asc'])), partial_filter_selector: filter }
    return { language: 'query', views: { v: { map, reduce: '_count', options: { def: { fields } } } } }
  })

const named: fc.Arbitrary<{ readonly id: string; readonly body: JsonObject }> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ id: fc.constantFrom(...plainIds), body }) },
  { weight: 1, arbitrary: fc.record({ id: fc.constantFrom('_design/x', '_design/y'), body: design }) },
)

const aim: fc.Arbitrary<Aim> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom<Aim>({ kind: 'winner' }) },
  { weight: 3, arbitrary: fc.constantFrom<Aim>({ kind: 'none' }) },
  { weight: 2, arbitrary: fc.nat(5).map((at): Aim => ({ kind: 'leaf', at })) },
  { weight: 1, arbitrary: fc.nat(5).map((at): Aim => ({ kind: 'node', at })) },
  { weight: 1, arbitrary: fc.constantFrom<Aim>({ kind: 'unknown' }) },
)

const sometimes = (weight: number) => fc.nat(weight).map((n) => n === 0)

const edit: fc.Arbitrary<EditPlan> = fc
  .tuple(named, aim, sometimes(3), sometimes(2), fc.constantFrom('accept' as const, 'refuse' as const))
  .map(([{ id, body }, towards, deleted, mustExist, unknownParent]) => ({
    id,
    aim: towards,
    deleted,
    mustExist: deleted && mustExist,
    unknownParent,
    body,
  }))

const graft: fc.Arbitrary<GraftPlan> = fc
  .tuple(named, aim, fc.nat(3), fc.nat(3), sometimes(3))
  .map(([{ id, body }, towards, length, known, deleted]) => ({ id, aim: towards, length, named: known, deleted, body }))

export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 24, arbitrary: edit.map((one): Operation => ({ kind: 'write', edits: [one] })) },
  {
    weight: 12,
    arbitrary: fc
      .uniqueArray(edit, { minLength: 2, maxLength: 5, selector: ({ id }) => id })
      .map((edits): Operation => ({ kind: 'write', edits })),
  },
  {
    weight: 16,
    arbitrary: fc
      .array(graft, { minLength: 1, maxLength: 3 })
      .map((grafts): Operation => ({ kind: 'replicate', grafts })),
  },
  { weight: 1, arbitrary: fc.constant<Operation>({ kind: 'recreate' }) },
)
