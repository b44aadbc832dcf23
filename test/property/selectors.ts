/** Random selectors over the few members that random documents have. */
import fc from 'fast-check'
import type { Json, JsonObject } from '../../src/model/json/value.ts'
import { scalar, text, value } from './values.ts'

/** Members that indexes are made of; `c.d` is nested. */
export const members = ['a', 'b', 'c.d', 'e'] as const

const field = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...members) }, fc.constantFrom('f', 'c', 'a.0', 'c.x'))

const comparison = fc
  .tuple(fc.constantFrom('$eq', '$ne', '$lt', '$lte', '$gt', '$gte'), fc.oneof({ weight: 4, arbitrary: scalar }, value))
  .map(([operator, argument]): JsonObject => ({ [operator]: argument }))

const other: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.array(value, { maxLength: 4 }).map((list) => ({ $in: list })),
  fc.array(value, { maxLength: 3 }).map((list) => ({ $nin: list })),
  fc.array(scalar, { maxLength: 2 }).map((list) => ({ $all: list })),
  fc.boolean().map((is) => ({ $exists: is })),
  fc.constantFrom('null', 'boolean', 'number', 'string', 'array', 'object').map((name) => ({ $type: name })),
  fc.integer({ min: 0, max: 2 }).map((size) => ({ $size: size })),
  fc.tuple(fc.constantFrom(2, 3, -2), fc.constantFrom(0, 1)).map((division) => ({ $mod: division })),
  fc.constantFrom('^a', 'b$', '[0-9]', 'é', '.', 'A|z').map((pattern) => ({ $regex: pattern })),
  text.map((prefix) => ({ $beginsWith: prefix })),
  comparison.map((test) => ({ $elemMatch: test })),
  comparison.map((test) => ({ $allMatch: test })),
)

const condition: fc.Arbitrary<Json> = fc.oneof(
  { weight: 6, arbitrary: comparison },
  { weight: 3, arbitrary: other },
  { weight: 1, arbitrary: comparison.map((test) => ({ $not: test })) },
  { weight: 1, arbitrary: fc.tuple(comparison, comparison).map(([a, b]) => ({ ...a, ...b })) },
  { weight: 1, arbitrary: scalar },
)

const ids = fc
  .tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte', '$eq'), fc.constantFrom('d1', 'D1', 'd2', 'é', 'zz', ''))
  .map(([operator, id]): JsonObject => ({ _id: { [operator]: id } }))

/** One condition, or a few joined ones. */
export const selector: fc.Arbitrary<JsonObject> = fc.letrec<{ whole: JsonObject; single: JsonObject }>((tie) => ({
  single: fc.oneof(
    { weight: 12, arbitrary: fc.tuple(field, condition).map(([name, test]) => ({ [name]: test })) },
    { weight: 1, arbitrary: ids },
  ),
  whole: fc.oneof(
    { maxDepth: 2 },
    { weight: 5, arbitrary: tie('single') },
    ...['$and', '$or', '$nor'].map((operator) => ({
      weight: operator === '$and' ? 3 : 1,
      arbitrary: fc
        .array(tie('whole'), { minLength: 1, maxLength: 3 })
        .map((args): JsonObject => ({ [operator]: args })),
    })),
  ),
})).whole
