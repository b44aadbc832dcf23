import { describe, expect, test } from 'bun:test'
import { distinct, readDate } from './parameters.ts'

describe('dates', () => {
  test.each([
    ['2024-02-29T12:00:00Z', '2024-02-29T12:00:00.000Z'],
    ['2024-02-29T12:00:00.5Z', '2024-02-29T12:00:00.500Z'],
    ['2024-02-29t12:00:00z', '2024-02-29T12:00:00.000Z'],
    ['2024-02-29T12:00:00.123456789Z', '2024-02-29T12:00:00.123Z'],
    ['2024-02-29T12:00:00+02:00', '2024-02-29T10:00:00.000Z'],
    ['2024-02-29T12:00:00-05:30', '2024-02-29T17:30:00.000Z'],
    // A plus sign that nobody escaped.
    ['2024-02-29T12:00:00 02:00', '2024-02-29T10:00:00.000Z'],
    ['2024-02-29T12:00:00.25 02:00', '2024-02-29T10:00:00.250Z'],
  ])('%s is %s', (text, iso) => expect(readDate(text)).toBe(iso))

  test.each(['', 'yesterday', '2024-02-29', '2024-02-29T12:00:00', '1709208000', '2024-13-01T00:00:00Z', '2024-01-01'])(
    '%p is none',
    (text) => expect(readDate(text)).toBeUndefined(),
  )
})

test('tags are trimmed, kept once and never empty', () => {
  expect(distinct([' a', 'b ', '', 'a', '  ', 'c d'])).toEqual(['a', 'b', 'c d'])
})
