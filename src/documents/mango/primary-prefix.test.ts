import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { compareStrings } from './collation.ts'
import { primaryPrefix } from './primary-prefix.ts'

test.each([
  ['', ''],
  ['ab C', 'ab C'],
  ['ñandú', 'nandu'],
  ['n\u0303a', 'na'],
  ['Ωμέγα', 'Ωμεγα'],
  ['日本', '日本'],
  ['в', ''],
  ['вода', 'вод'],
  ['мой', 'мо'],
  ['ab😀c', 'ab😀c'],
  ['שלום', 'שלום'],
  ['가나', '가나'],
  ['ქართ', 'ქართ'],
  ['سلام', 'سلا'],
  ['हिन्दी', ''],
  ['कमल', 'कम'],
  ['กขเ', 'กข'],
  ['เก', ''],
  ['a\u0363b', 'a'],
  ['\u200bab', ''],
])('%p is bounded by %p', (prefix, bound) => {
  expect(primaryPrefix(prefix)).toBe(bound)
})

describe('whatever follows a prefix', () => {
  const letters = [...'aAnNñÑzß.ǣæœLl·ΩωάΆйиїіІЙаӑÅåﬁカーがはばゟ漢字กเเ가각ệ😀-_ 1²½']
  const marks = [
    '\u0301',
    '\u0303',
    '\u0323',
    '\u0308',
    '\u0306',
    '\u0327',
    '\u0345',
    '\u3099',
    '\u034f',
    '\u200d',
    ...['\u11a8', '\u0363', '\u1de6', '\u0bd7', '\u09be', '\u09d7', '\u093c', '\u094d', '\u0654', '\u05b8', '\ufe0f'],
  ]
  const text = fc.array(fc.constantFrom(...letters, ...marks), { maxLength: 5 }).map((parts) => parts.join(''))

  test('lies between the bound and the bound with the highest characters behind it', () => {
    fc.assert(
      fc.property(text, text, (prefix, rest) => {
        const bound = primaryPrefix(prefix)
        if (bound === '') return
        expect(compareStrings(bound, prefix + rest)).toBeLessThanOrEqual(0)
        expect(compareStrings(prefix + rest, `${bound}\uffff\uffff\uffff`)).toBeLessThanOrEqual(0)
      }),
      { numRuns: 20_000 },
    )
  })
})
