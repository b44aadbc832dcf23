import { expect, test } from 'bun:test'
import { instantOf, isBefore } from './dates.ts'

test.each([
  ['1970-01-01T00:00:00Z', 0n],
  ['1970-01-01T00:00:00.000000001Z', 1n],
  ['1970-01-01T00:00:01.5Z', 1_500_000_000n],
  ['1970-01-01T01:00:00.25+01:00', 250_000_000n],
  ['1969-12-31T23:59:59.999999999Z', -1n],
  ['yesterday', undefined],
  ['', undefined],
])('the instant of %p is %p', (date, instant) => expect(instantOf(date)).toBe(instant))

test.each([
  ['2024-01-01T00:00:00.000000001Z', '2024-01-01T00:00:00.000000002Z', true],
  ['2024-01-01T01:00:00+02:00', '2024-01-01T00:00:00Z', true],
  ['2024-01-01T00:00:00Z', '2024-01-01T01:00:00+02:00', false],
  ['2024-01-01T00:00:00Z', '2024-01-01T01:00:00+01:00', false],
  ['nothing', '2024-01-01T00:00:00Z', false],
  ['2024-01-01T00:00:00Z', '', false],
])('%s before %s: %p', (date, other, before) => expect(isBefore(date, other)).toBe(before))
