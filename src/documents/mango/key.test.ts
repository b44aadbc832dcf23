import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Json } from '../../model/json/value.ts'
import { compareJson } from './collation.ts'
import { groupColumn, keyPart } from './key.ts'

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
  fc.tuple(fc.bigInt({ min: -20n, max: 20n }), fc.integer({ min: 0, max: 300 })).map(([a, e]) => a * 10n ** BigInt(e)),
  fc.integer({ min: -5, max: 5 }).map((step) => 2n ** 53n + BigInt(step)),
  fc.constantFrom(5e-324, -5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 0, -0, 1e23, 10n ** 23n),
)

describe('keys of numbers', () => {
  test('sort as the numbers do', () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        const left = Buffer.from(keyPart(a).k, 'hex')
        const right = Buffer.from(keyPart(b).k, 'hex')
        expect(Buffer.compare(left, right)).toBe(Math.sign(compareJson(a, b)) as -1 | 0 | 1)
        // The order of hex digits is the order of bytes.
        expect(Math.sign(keyPart(a).k < keyPart(b).k ? -1 : keyPart(a).k > keyPart(b).k ? 1 : 0)).toBe(
          Math.sign(compareJson(a, b)),
        )
      }),
      { numRuns: 5000 },
    )
  })

  test('are whole bytes', () => {
    fc.assert(fc.property(number, (value) => expect(keyPart(value).k).toMatch(/^03(?:[0-9a-f]{2})+$/)))
  })

  test.each<[Json, Json]>([
    [1, 1n],
    [0, -0],
    [2 ** 70, 2n ** 70n],
    [120, 120n],
  ])('%p and %p have one key', (a, b) => {
    expect(keyPart(a)).toEqual(keyPart(b))
  })
})

test.each<[Json, string, string]>([
  [null, '00', ''],
  [false, '01', ''],
  [true, '02', ''],
  [0, '038000', ''],
  ['x', '04', 'x'],
  ['a\0b', '04', 'ab'],
  ['', '04', ''],
  [[1], '05', ''],
  [{ a: 1 }, '06', ''],
])('%p has the key %s %s', (value, k, s) => {
  expect(keyPart(value)).toEqual({ k, s })
})

test.each<[Json[], number, number | undefined]>([
  [[1, 'a'], 2, undefined],
  [[1, []], 2, 1],
  [[{}, []], 2, 0],
  [[1, 2], 3, 2],
])('keys %p of an index with %d fields make groups from column %p', (values, fields, column) => {
  expect(groupColumn(values.map(keyPart), fields)).toBe(column as number)
})
