import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Problem } from '../model/errors.ts'
import { formatSequence, parseSequence } from './sequence.ts'

const info = { updateSeq: 12n, epoch: '7' }
const own = (n: bigint) => formatSequence({ updateSeq: n, epoch: '7' })

describe('parseSequence()', () => {
  test.each([
    ['', 0n],
    ['0', 0n],
    ['now', 12n],
    ['5', 5n],
    ['012', 12n],
    ['13', 12n],
    ['99999999999999999999', 12n],
    [own(0n), 0n],
    [own(5n), 5n],
    [own(12n), 12n],
    [`"${own(5n)}"`, 5n],
    ['"0"', 0n],
    [own(13n), 0n],
    [formatSequence({ updateSeq: 5n, epoch: '8' }), 0n],
    ['5-g1AAAACReJzLYWBgYMpgTmHgz8tPSTV0MDQy1zMAQsMckEQiQ1L9', 0n],
  ])('%p', (text, seq) => expect(parseSequence(text, info)).toBe(seq))

  test.each(['bad-seq', '-1', '1.5', '5-', '5 ', '{}', '[5]', 'NOW', '5-a b', '1e3', '٣'])('refuses %p', (text) => {
    expect(() => parseSequence(text, info)).toThrow(
      new Problem('bad_request', "Malformed sequence supplied in 'since' parameter."),
    )
  })

  test('reads what formatSequence() wrote, whatever the place', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 62n }), fc.bigInt({ min: 1n, max: 2n ** 62n }), (seq, epoch) => {
        const place = { updateSeq: seq, epoch: `${epoch}` }
        expect(parseSequence(formatSequence(place), place)).toBe(seq)
        expect(Number.parseInt(formatSequence(place), 10)).toBe(Number(seq))
      }),
    )
  })
})
