import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { quoteJson } from './quote.ts'

test('a quoted string is what JSON.stringify gives', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(quoteJson(text)).toBe(JSON.stringify(text))
    }),
  )
  for (const text of ['', 'a"b', 'back\\slash', '\u0000', '\n', '\ud83d', '😀', '\u2028', '\u007f']) {
    expect(quoteJson(text)).toBe(JSON.stringify(text))
  }
})
