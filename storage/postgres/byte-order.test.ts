import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { inByteOrder } from './byte-order.ts'

test('as the bytes of UTF-8 are, whatever the characters', () => {
  const law = fc.property(fc.array(fc.string({ unit: 'binary' }).map((text) => text.toWellFormed())), (ids) => {
    const sorted = [...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(inByteOrder(ids, (id) => id)).toEqual(sorted)
  })
  fc.assert(law)
  expect(inByteOrder(['😀', '\uffff', 'b', 'a', 'é'], (id) => id)).toEqual(['a', 'b', 'é', '\uffff', '😀'])
})
