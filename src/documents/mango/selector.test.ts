import { describe, expect, test } from 'bun:test'
import { stringifyJson } from '../../model/json/exact.ts'
import type { Json } from '../../model/json/value.ts'
import { parseSelector, selectorToJson } from './selector.ts'

describe('the normal form', () => {
  test.each<[Json, string]>([
    [{}, '{}'],
    [{ a: 1 }, '{"a":{"$eq":1}}'],
    [{ a: {} }, '{"a":{"$eq":{}}}'],
    [{ a: [1] }, '{"a":{"$eq":[1]}}'],
    [{ b: 1, a: 2 }, '{"$and":[{"b":{"$eq":1}},{"a":{"$eq":2}}]}'],
    [{ a: { $gt: 1, $lt: 5 } }, '{"$and":[{"a":{"$gt":1}},{"a":{"$lt":5}}]}'],
    [{ a: { b: { c: 1 } } }, '{"a.b.c":{"$eq":1}}'],
    [{ 'x\\.y': 1 }, '{"x\\\\.y":{"$eq":1}}'],
    [{ a: { $or: [1, { $gt: 5 }] } }, '{"$or":[{"a":{"$eq":1}},{"a":{"$gt":5}}]}'],
    [{ a: { $gt: 1, b: 2 } }, '{"$and":[{"a":{"$gt":1}},{"a.b":{"$eq":2}}]}'],
    [{ $not: { a: 1 } }, '{"a":{"$ne":1}}'],
    [{ $not: { a: { $gt: 1 } } }, '{"a":{"$lte":1}}'],
    [{ $not: { a: { $in: [1] } } }, '{"a":{"$nin":[1]}}'],
    [{ $not: { a: { $exists: true } } }, '{"a":{"$exists":false}}'],
    [{ $not: { a: { $regex: 'x' } } }, '{"a":{"$not":{"$regex":"x"}}}'],
    [{ $not: { $not: { a: 1 } } }, '{"a":{"$eq":1}}'],
    [{ $not: { a: 1, b: 2 } }, '{"$or":[{"a":{"$ne":1}},{"b":{"$ne":2}}]}'],
    [{ $nor: [{ a: 1 }, { b: { $lt: 2 } }] }, '{"$and":[{"a":{"$ne":1}},{"b":{"$gte":2}}]}'],
    [{ $not: { $nor: [{ a: 1 }] } }, '{"$or":[{"a":{"$eq":1}}]}'],
    [{ $nor: [] }, '{"$and":[]}'],
    [{ a: { $not: { $size: 1 } } }, '{"a":{"$not":{"$size":1}}}'],
    [{ a: { $elemMatch: { $gt: 1, $lt: 3 } } }, '{"a":{"$elemMatch":{"$and":[{"":{"$gt":1}},{"":{"$lt":3}}]}}}'],
    [{ a: { $elemMatch: { $not: { b: 1 } } } }, '{"a":{"$elemMatch":{"$not":{"b":{"$eq":1}}}}}'],
    [{ $and: [5] }, '{"$and":[{"":{"$eq":5}}]}'],
    [{ $text: 'x' }, '{"$default":{"$text":"x"}}'],
    [{ a: 9007199254740993n }, '{"a":{"$eq":9007199254740993}}'],
  ])('of %p', (selector, text) => {
    expect(stringifyJson(selectorToJson(parseSelector(selector)))).toBe(text)
  })

  test('is its own normal form', () => {
    const once = selectorToJson(parseSelector({ a: { $elemMatch: { $gt: 1 } }, $nor: [{ b: { $mod: [2, 1] } }] }))
    expect(selectorToJson(parseSelector(once))).toEqual(once)
  })
})

test.each<[Json, string]>([
  [5, 'invalid_selector_json'],
  [[], 'invalid_selector_json'],
  [null, 'invalid_selector_json'],
  [{ $gt: 3 }, 'invalid_selector'],
  [{ '': 1 }, 'invalid_selector'],
  [{ $not: {} }, 'invalid_selector'],
  [{ 'a..b': 1 }, 'invalid_field_name'],
  [{ a: { '': 1 } }, 'invalid_field_name'],
  [{ $foo: 1 }, 'invalid_operator'],
  [{ a: { $foo: 1 } }, 'invalid_operator'],
  [{ a: { $constructor: 1 } }, 'invalid_operator'],
  [{ a: { $regex: 5 } }, 'invalid_operator'],
  [{ a: { $beginsWith: 5 } }, 'invalid_operator'],
  [{ $where: 'x' }, 'not_supported'],
  [{ a: { $near: 1 } }, 'not_supported'],
  [{ a: { $text: 'x' } }, 'bad_field'],
  [{ $not: { $text: 'x' } }, 'bad_arg'],
  [{ $and: 5 }, 'bad_arg'],
  [{ $or: { a: 1 } }, 'bad_arg'],
  [{ $not: 5 }, 'bad_arg'],
  [{ $nor: {} }, 'bad_arg'],
  [{ a: { $in: 5 } }, 'bad_arg'],
  [{ a: { $nin: 'x' } }, 'bad_arg'],
  [{ a: { $all: 5 } }, 'bad_arg'],
  [{ a: { $size: -1 } }, 'bad_arg'],
  [{ a: { $size: 1.5 } }, 'bad_arg'],
  [{ a: { $mod: [2] } }, 'bad_arg'],
  [{ a: { $mod: [0, 1] } }, 'bad_arg'],
  [{ a: { $mod: [2.5, 1] } }, 'bad_arg'],
  [{ a: { $type: 5 } }, 'bad_arg'],
  [{ a: { $exists: 'true' } }, 'bad_arg'],
  [{ a: { $regex: '[' } }, 'bad_arg'],
  [{ a: { $regex: '(?=x)' } }, 'bad_arg'],
  [{ a: { $elemMatch: 5 } }, 'bad_arg'],
  [{ a: { $allMatch: [] } }, 'bad_arg'],
  [{ a: { $keyMapMatch: null } }, 'bad_arg'],
])('%p is refused as %s', (selector, code) => {
  expect(() => parseSelector(selector)).toThrow(expect.objectContaining({ code, status: 400 }))
})
