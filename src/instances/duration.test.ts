import { expect, test } from 'bun:test'
import { durationSeconds } from './duration.ts'

test.each([
  ['30m', 1800],
  ['1h30m', 5400],
  ['1.5h', 5400],
  ['.5s', 0.5],
  ['2.s', 2],
  ['1h0m1s', 3601],
  ['250ms', 0.25],
  ['1µs', 1e-6],
  ['-1h', -3600],
  ['+2s', 2],
  ['0', 0],
  ['0s', 0],
  ['-0', -0],
  ['', undefined],
  ['-', undefined],
  ['5', undefined],
  ['1d', undefined],
  ['1 h', undefined],
  ['h', undefined],
  ['1h ', undefined],
  ['never', undefined],
  ['--1h', undefined],
  [`${'9'.repeat(400)}h`, undefined],
  ['2562047h', 2562047 * 3600],
  ['2562048h', undefined],
])('%p is %p seconds', (text, seconds) => {
  expect(durationSeconds(text)).toEqual(seconds === 0 ? durationSeconds('0s') : seconds)
  if (seconds !== undefined) expect(Math.abs(durationSeconds(text) ?? Number.NaN)).toBe(Math.abs(seconds))
})

test('a million digits without a unit are refused at once', () => {
  const started = performance.now()
  expect(durationSeconds('1'.repeat(1_000_000))).toBeUndefined()
  expect(durationSeconds(`1.${'1'.repeat(1_000_000)}`)).toBeUndefined()
  // Hours where every split of the digits is tried.
  expect(performance.now() - started).toBeLessThan(30_000)
})
