import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { type RangeAsked, rangeOf } from './byte-range.ts'

const whole: RangeAsked = { kind: 'whole' }
const no: RangeAsked = { kind: 'unsatisfiable' }
const part = (start: number, end: number): RangeAsked => ({ kind: 'part', start, end })

test.each<[string | undefined, number, RangeAsked]>([
  [undefined, 10, whole],
  ['bytes=0-3', 10, part(0, 3)],
  ['bytes=3-3', 10, part(3, 3)],
  ['bytes=0-9', 10, part(0, 9)],
  ['bytes=4-', 10, part(4, 9)],
  ['bytes=4-99', 10, part(4, 9)],
  ['bytes=-3', 10, part(7, 9)],
  ['bytes=-99', 10, part(0, 9)],
  ['bytes=9-', 10, part(9, 9)],
  ['bytes=10-', 10, no],
  ['bytes=10-20', 10, no],
  ['bytes=-0', 10, no],
  ['bytes=0-', 0, no],
  ['bytes=0-0', 0, no],
  ['bytes=-5', 0, whole],
  ['bytes=99999999999999999999999-', 10, no],
  ['bytes=0-99999999999999999999999', 10, part(0, 9)],
  ['BYTES=0-1', 10, part(0, 1)],
  ['bytes= 0-1 ', 10, part(0, 1)],
  ['bytes=,0-1,', 10, part(0, 1)],
  ['bytes=0-1,3-4', 10, whole],
  ['bytes=0-0,20-30', 10, whole],
  ['bytes=4-3', 10, whole],
  ['bytes=-', 10, whole],
  ['bytes=', 10, whole],
  ['bytes', 10, whole],
  ['bytes=a-b', 10, whole],
  ['bytes=1', 10, whole],
  ['bytes=+1-2', 10, whole],
  ['bytes=1--2', 10, whole],
  ['bytes=0x1-2', 10, whole],
  ['items=0-1', 10, whole],
  ['', 10, whole],
])('%p of %d bytes', (header, size, asked) => expect(rangeOf(header, size)).toEqual(asked))

test('a part always lies inside', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 2n ** 70n }),
      fc.bigInt({ min: 0n, max: 2n ** 70n }),
      fc.nat(),
      (a, b, size) => {
        for (const header of [`bytes=${a}-${b}`, `bytes=${a}-`, `bytes=-${b}`]) {
          const asked = rangeOf(header, size)
          if (asked.kind !== 'part') continue
          expect(asked.start).toBeGreaterThanOrEqual(0)
          expect(asked.end).toBeGreaterThanOrEqual(asked.start)
          expect(asked.end).toBeLessThan(size)
        }
      },
    ),
  )
})
