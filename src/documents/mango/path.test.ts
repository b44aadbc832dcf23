import { describe, expect, test } from 'bun:test'
import { Problem } from '../../model/errors.ts'
import { parseJson, stringifyJson } from '../../model/json/exact.ts'
import type { Json } from '../../model/json/value.ts'
import { badPath, parsePath, resolve } from './path.ts'
import { projector } from './projection.ts'

test.each<[string, readonly string[]]>([
  ['a', ['a']],
  ['a.b.0', ['a', 'b', '0']],
  ['x\\.y', ['x.y']],
  ['a.x\\.y.b', ['a', 'x.y', 'b']],
  ['a\\b', ['ab']],
])('the path %s', (field, steps) => {
  expect(parsePath(field)).toEqual(steps)
})

test.each(['', 'a..b', 'a.', '.a', 'a\\.b..c'])('the path %p is refused', (field) => {
  expect(() => parsePath(field)).toThrow(Problem)
  expect(() => parsePath(field)).toThrow('invalid_field_name')
})

describe('resolving', () => {
  const document: Json = { a: { b: [1, { c: null }] }, s: 'x', 'x.y': 2, constructor: 3 }
  test.each<[string, Json | undefined | typeof badPath]>([
    ['a.b.0', 1],
    ['a.b.1.c', null],
    ['a.b.2', badPath],
    ['a.b.-1', badPath],
    ['a.b.c', badPath],
    ['a.b.00', 1],
    ['s.t', badPath],
    ['a.z', undefined],
    ['z.a', undefined],
    ['x\\.y', 2],
    ['constructor', 3],
    ['toString', undefined],
    ['a.hasOwnProperty', undefined],
    ['__proto__', undefined],
  ])('%s', (field, value) => {
    expect(resolve(parsePath(field), document)).toBe(value as Json)
  })
})

describe('projecting', () => {
  const document: Json = { _id: 'x', a: { b: 1, c: 2 }, t: ['r', 's'], 'x.y': 3, __proto__x: 1 }
  test.each<[Json, string]>([
    [['_id'], '{"_id":"x"}'],
    [['a.b'], '{"a":{"b":1}}'],
    [['a.c', 'a.b', 'nope', 'a.nope'], '{"a":{"c":2,"b":1}}'],
    [['t.0'], '{"t":{"0":"r"}}'],
    [['t', 't.1'], '{"t":["r","s"]}'],
    [['a.b', 'a'], '{"a":{"b":1,"c":2}}'],
    [['a', 'a.b'], '{"a":{"b":1,"c":2}}'],
    [['x\\.y'], '{"x.y":3}'],
    [['nope'], '{}'],
  ])('%p gives %s', (fields, text) => {
    const before = structuredClone(document)
    expect(stringifyJson(projector(fields)?.(document))).toBe(text)
    expect(document).toEqual(before)
  })

  test('an empty list keeps everything', () => {
    expect(projector([])).toBeUndefined()
  })

  test.each<[Json, string]>([
    ['a', 'invalid_fields'],
    [null, 'invalid_fields'],
    [[5], 'invalid_field'],
    [['a..b'], 'invalid_field_name'],
  ])('%p is refused as %s', (fields, code) => {
    expect(() => projector(fields)).toThrow(expect.objectContaining({ code, status: 400 }))
  })

  test('numbers come out as they were stored', () => {
    const { value, exact } = parseJson('{"a":1.0,"b":123456789012345678901,"c":[2.0],"__proto__":{"x":5.0}}')
    const project = projector(['c', 'a', 'b', '__proto__.x'])
    expect(stringifyJson(project?.(value, exact))).toBe(
      '{"c":[2.0],"a":1.0,"b":123456789012345678901,"__proto__":{"x":5.0}}',
    )
  })
})
