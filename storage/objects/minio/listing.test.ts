import { describe, expect, test } from 'bun:test'
import { keyPageOf, listingQuery } from './listing.ts'

const contents = (key: string, size = '3') =>
  `<Contents><Key>${key}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>"e"</ETag><Size>${size}</Size></Contents>`
const page = (inner: string) =>
  `<?xml version="1.0"?><ListBucketResult><EncodingType>url</EncodingType>${inner}</ListBucketResult>`
const last = '<IsTruncated>false</IsTruncated>'

describe('a page of a listing', () => {
  test.each([
    ['007', '007'],
    ['1e5', '1e5'],
    ['0x10', '0x10'],
    ['a+b%2Bc%20d', 'a b+c d'],
    ['deep%2Fé', 'deep/é'],
    ['%00%01', '\0\x01'],
    ['%20space%20', ' space '],
  ])('the key %p -> %p', (written, key) => {
    expect(keyPageOf(page(last + contents(written)))).toEqual({
      keys: [{ key, etag: 'e', size: 3, modifiedMs: Date.UTC(2024, 0) }],
      next: undefined,
    })
  })

  test('goes on -> where, also where that looks like a number', () => {
    const more = '<IsTruncated>true</IsTruncated><NextContinuationToken>0123</NextContinuationToken>'
    expect(keyPageOf(page(more)).next).toBe('0123')
  })

  test('cut at any place -> an error, never a last page', () => {
    const whole = page(contents('a') + contents('b') + last)
    expect(keyPageOf(whole).keys).toHaveLength(2)
    for (let length = 0; length < whole.length; length++) expect(() => keyPageOf(whole.slice(0, length))).toThrow()
  })

  test.each([
    ['goes on, but not where', '<IsTruncated>true</IsTruncated>'],
    ['goes on at nothing', '<IsTruncated>true</IsTruncated><NextContinuationToken></NextContinuationToken>'],
    ['does not say whether it goes on', contents('a')],
    ['an object without a name', last + contents('')],
    ['an object without a size', last + contents('a', '')],
  ])('%s -> an error', (_, inner) => {
    expect(() => keyPageOf(page(inner))).toThrow()
  })

  test('an error in an answer with 200 -> the error', () => {
    expect(() => keyPageOf('<Error><Code>SlowDown</Code></Error>')).toThrow('SlowDown')
    expect(() => keyPageOf('<html></html>')).toThrow()
  })

  test('the query -> sorted, and escaped as signatures are made', () => {
    expect(listingQuery("a b/(c)'*", { after: 'x!', next: '' }, 5)).toBe(
      'encoding-type=url&list-type=2&max-keys=5&prefix=a%20b%2F%28c%29%27%2A&start-after=x%21',
    )
  })
})
