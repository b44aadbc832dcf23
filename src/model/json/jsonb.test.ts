import { expect, test } from 'bun:test'
import { hasExponent, jsonbLength } from './jsonb.ts'

test.each([
  ['{}', 2],
  ['{"a":1,"b":[1,2]}', '{"a": 1, "b": [1, 2]}'.length],
  ['{"a":"é"}', '{"a": "é"}'.length + 1],
  ['{"a":"x,y:z\\",\\\\"}', '{"a": "x,y:z\\",\\\\"}'.length],
])('%s is printed in %d bytes', (text, bytes) => {
  expect(jsonbLength(text)).toBe(bytes)
})

test.each([
  ['1e+300', 301],
  ['5e-324', 326],
  ['-1.5e-300', 304],
  ['[1e+21,1e+21]', 2 + 22 + 2 + 22],
])('%s counts at least the %d digits that are written out, and not twice as many', (text, digits) => {
  expect(jsonbLength(text)).toBeGreaterThanOrEqual(digits)
  expect(jsonbLength(text)).toBeLessThan(digits * 2)
})

test('an exponent is one of a number, not of a string', () => {
  expect(hasExponent('{"a":"1e5","1e5":"\\"1e5"}')).toBe(false)
  expect(hasExponent('{"a":true,"b":1e+21}')).toBe(true)
})
