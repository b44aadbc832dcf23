import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseJson } from '../../model/json/exact.ts'
import type { Json } from '../../model/json/value.ts'
import { matcher } from './matcher.ts'
import { parseSelector } from './selector.ts'

/** Condition on `a`, a value that it accepts, one that it refuses. */
const operators: readonly (readonly [Json, readonly Json[], readonly Json[]])[] = [
  [{ $eq: 1 }, [1, 1n], ['1', true, null, [1]]],
  [{ $eq: 'e\u0301' }, ['\u00e9'], ['e', 'E\u0301']],
  [{ $eq: [1] }, [[1]], [1, [1, 2], [[1]]]],
  [{ $ne: 1 }, [2, '1', null, [1]], [1]],
  [{ $lt: 5 }, [null, false, true, 4, -1e300], [5, '', [], {}]],
  [{ $lte: 5 }, [5, null], [5.1, 'a']],
  [{ $gt: 5 }, [6, 'a', [], {}], [5, null, true]],
  [{ $gt: null }, [false, 0, '', []], [null]],
  [{ $gte: 'B' }, ['B', 'c', []], ['a', 'A', 'b', 5]],
  [{ $in: [1, 'x'] }, [1, 'x', [3, 1]], [2, [[1]], []]],
  [{ $in: [[1]] }, [[[1]]], [[1]]],
  [{ $in: [] }, [], [1, null, []]],
  [{ $nin: [1] }, [2, [], [2]], [1, [2, 1]]],
  [{ $nin: [] }, [1, null], []],
  [{ $exists: true }, [null, 0, []], []],
  [{ $exists: false }, [], [null, 1]],
  [{ $type: 'null' }, [null], [0]],
  [{ $type: 'boolean' }, [true, false], [0]],
  [{ $type: 'number' }, [1, 2n ** 70n, 1.5], ['1']],
  [{ $type: 'string' }, [''], [1]],
  [{ $type: 'array' }, [[]], [{}]],
  [{ $type: 'object' }, [{}], [[]]],
  [{ $type: 'integer' }, [], [1]],
  [{ $size: 2 }, [[1, 2]], [[1], 'ab', { length: 2 }]],
  [{ $mod: [3, 1] }, [1, 4, 10n ** 30n], [2, '4', 1.5, [1]]],
  [{ $mod: [2, -1] }, [-1, -3], [1, 2]],
  [{ $regex: '^a' }, ['ab'], ['ba', 1, ['ab']]],
  [{ $beginsWith: 'Zü' }, ['Zürich'], ['Zurich', 'zürich', 'Zu\u0308rich']],
  [{ $all: [1, 2] }, [[3, 2, 1]], [[1], 1, []]],
  [{ $all: [] }, [], [[], [1]]],
  [{ $all: [[1, 2]] }, [[1, 2], [[1, 2]]], [[2, 1]]],
  [{ $all: ['é'] }, [['é']], [['e\u0301']]],
  [{ $elemMatch: { $gte: 80, $lt: 85 } }, [[10, 82]], [[79, 85], 82, []]],
  [{ $elemMatch: { b: 1 } }, [[{ b: 1 }]], [[{ b: 2 }], { b: 1 }]],
  [{ $elemMatch: { $not: { b: 1 } } }, [[{ c: 1 }]], [[{ b: 1 }]]],
  [{ $elemMatch: { $nor: [{ $eq: 1 }] } }, [[1, 2]], [[1]]],
  [{ $elemMatch: {} }, [[{}]], [[1]]],
  [{ $allMatch: { $gt: 1 } }, [[2, 3]], [[1, 2], [], 2]],
  [{ $keyMapMatch: { $eq: 'k' } }, [{ k: 1 }], [{ l: 1 }, ['k'], {}]],
  [{ $keyMapMatch: { $regex: '^k' } }, [{ kk: 1 }], [{ l: 1 }]],
  [{ $not: { $regex: '^a' } }, ['b', 1], ['a']],
  [{ $and: [{ $gt: 1 }, { $lt: 5 }] }, [3], [1, 5]],
  [{ $or: [1, { $gt: 5 }] }, [1, 6], [3]],
]

describe('operators', () => {
  for (const [condition, accepted, refused] of operators) {
    const matches = matcher(parseSelector({ a: condition }))
    const name = JSON.stringify(condition)
    test(name, () => {
      for (const value of accepted) expect(matches({ a: value }), `${name} on ${String(value)}`).toBe(true)
      for (const value of refused) expect(matches({ a: value }), `${name} on ${String(value)}`).toBe(false)
    })
  }

  test('none but $exists: false accepts a missing field, and only where the path fits', () => {
    for (const [condition] of operators) {
      const whenMissing = JSON.stringify(condition) === '{"$exists":false}'
      expect(matcher(parseSelector({ a: condition }))({}), JSON.stringify(condition)).toBe(whenMissing)
      expect(matcher(parseSelector({ 'a.b': condition }))({ a: 1 })).toBe(false)
    }
  })
})

test.each<[Json, Json, boolean]>([
  [{}, {}, true],
  [{ $and: [] }, {}, true],
  [{ $or: [] }, {}, true],
  [{ a: 1, $or: [] }, { a: 1 }, true],
  [{ $or: [{ a: 1 }, { b: 1 }] }, { b: 1 }, true],
  [{ $nor: [{ a: 1 }, { b: 1 }] }, { a: 2, b: 2 }, true],
  [{ $nor: [{ a: 1 }, { b: 1 }] }, { a: 2 }, false],
  [{ $not: { zz: 1 } }, {}, false],
  [{ $nor: [{}] }, { a: 1 }, true],
  [{ $text: 'x' }, {}, true],
  [{ _id: { $gte: 'B' } }, { _id: 'a' }, true],
  [{ x: { $gte: 'B' } }, { x: 'a' }, false],
  [{ 'tags.name': 1 }, { tags: [{ name: 1 }] }, false],
  [{ 'tags.0.name': 1 }, { tags: [{ name: 1 }] }, true],
  [{ toString: { $exists: true } }, {}, false],
])('%p on %p: %p', (selector, document, matches) => {
  expect(matcher(parseSelector(selector))(document)).toBe(matches)
})

test.each<[string, boolean]>([
  ['{"a":4}', true],
  ['{"a":4.0}', false],
  ['{"a":4e0}', false],
  ['{"a":10000000000000000000004}', true],
  ['{"a":1e22}', false],
])('$mod takes integers only: %s', (text, matches) => {
  const { value, exact } = parseJson(text)
  expect(matcher(parseSelector({ a: { $mod: [2, 0] } }))(value, exact)).toBe(matches)
})

test('$mod looks at the form of numbers in arrays', () => {
  const { value, exact } = parseJson('{"a":[1,4.0]}')
  expect(matcher(parseSelector({ a: { $elemMatch: { $mod: [2, 0] } } }))(value, exact)).toBe(false)
  expect(matcher(parseSelector({ a: { $allMatch: { $not: { $mod: [2, 0] } } } }))(value, exact)).toBe(true)
})

test('no document makes a matcher throw', () => {
  const tests = operators.map(([condition]) => matcher(parseSelector({ 'a.b': condition, $nor: [{ a: condition }] })))
  fc.assert(
    fc.property(fc.jsonValue() as fc.Arbitrary<Json>, (value) => {
      for (const matches of tests) expect(typeof matches({ a: value })).toBe('boolean')
    }),
  )
})
