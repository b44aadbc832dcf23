import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Json } from '../../model/json/value.ts'
import { compareBytes, compareJson, compareRaw, compareStrings } from './collation.ts'

/** Ascending, each really smaller than the next one. */
const ascending: readonly Json[] = [
  null,
  false,
  true,
  -(10n ** 30n),
  -1e300 / 1e280,
  -1,
  -5e-324,
  0,
  5e-324,
  0.1,
  1,
  9007199254740991,
  9007199254740992n,
  9007199254740993n,
  1e23,
  10n ** 23n,
  1.7976931348623157e308,
  '',
  '_',
  '-',
  ',',
  '!',
  '@',
  '#',
  '`',
  '^',
  '+',
  '<',
  '$',
  '1',
  '10',
  '2',
  'a',
  'A',
  'á',
  'Á',
  'aa',
  'ab',
  'b',
  'é',
  'z',
  'Z',
  'ω',
  'я',
  '日本',
  '\uffff',
  [],
  [null],
  [1],
  [1, 2],
  ['a'],
  [[]],
  {},
  { a: 1 },
  { a: 1, b: 0 },
  { a: 2 },
  { b: null },
]

test('values sort as CouchDB sorts them', () => {
  for (const [i, a] of ascending.entries()) {
    for (const [j, b] of ascending.entries()) {
      expect(Math.sign(compareJson(a, b)), `${String(a)} and ${String(b)}`).toBe(Math.sign(i - j))
    }
  }
})

test.each<[Json, Json]>([
  [1, 1],
  [0, -0],
  [2n ** 60n, 2 ** 60],
  ['\u00e9', 'e\u0301'],
  ['a\u200bb', 'ab'],
  ['a\0b', 'ab'],
])('%p and %p are equal', (a, b) => {
  expect(compareJson(a, b)).toBe(0)
})

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.constantFrom('a', 'b', 'A', '1', '0', ' ', '-', 'é', '\u0301', 'ß', '\u200b') }),
)

describe('laws', () => {
  test('the short way for strings agrees with ICU', () => {
    const icu = new Intl.Collator('en')
    fc.assert(
      fc.property(text, text, text, (head, a, b) => {
        expect(Math.sign(compareStrings(head + a, head + b))).toBe(Math.sign(icu.compare(head + a, head + b)))
      }),
      { numRuns: 2000 },
    )
  })

  test('bytes sort as in UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
    )
  })

  test('it is an order', () => {
    const value = fc.jsonValue() as fc.Arbitrary<Json>
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        expect(Math.sign(compareJson(a, b))).toBe(-Math.sign(compareJson(b, a)) + 0)
        if (compareJson(a, b) <= 0 && compareJson(b, c) <= 0) expect(compareJson(a, c)).toBeLessThanOrEqual(0)
      }),
    )
  })
})

test('ids compare by bytes, other types as always', () => {
  expect(compareRaw('B', 'a')).toBeLessThan(0)
  expect(compareJson('B', 'a')).toBeGreaterThan(0)
  expect(compareRaw('B', 7)).toBeGreaterThan(0)
})

test('objects compare in the order in which their members were written', () => {
  expect(compareJson({ a: 1, b: 2 }, { b: 2, a: 1 })).toBeLessThan(0)
  expect(compareJson({ a: 1, b: 2 }, { a: 1, b: 2 })).toBe(0)
})
