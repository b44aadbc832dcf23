import { describe, expect, test } from 'bun:test'
import { httpDate, type Precondition, precondition, rangeApplies, unchanged } from './conditional.ts'

const etag = '"q1Kq/+8="'
const at = 'Sun, 06 Nov 1994 08:49:37 GMT'
const before = 'Sun, 06 Nov 1994 08:49:36 GMT'
const after = 'Sun, 06 Nov 1994 08:49:38 GMT'
const validators = { etag, modifiedMs: Date.parse(at) + 900 }

type Headers = Readonly<Record<string, string>>
const reader = (headers: Headers) => (name: string) => headers[name]

describe('precondition()', () => {
  test.each<[string, Headers, Precondition]>([
    ['none', {}, 'send'],
    ['If-Match names it', { 'if-match': etag }, 'send'],
    ['If-Match *', { 'if-match': ' * ' }, 'send'],
    ['If-Match in a list', { 'if-match': `"x", ${etag}` }, 'send'],
    ['If-Match with a comma inside a tag', { 'if-match': `"x,y",${etag}` }, 'send'],
    ['If-Match names another', { 'if-match': '"x"' }, 'failed'],
    ['If-Match weak', { 'if-match': `W/${etag}` }, 'failed'],
    ['If-Match without quotes', { 'if-match': 'q1Kq/+8=' }, 'failed'],
    ['If-Match empty', { 'if-match': '' }, 'failed'],
    ['If-Unmodified-Since the same', { 'if-unmodified-since': at }, 'send'],
    ['If-Unmodified-Since later', { 'if-unmodified-since': after }, 'send'],
    ['If-Unmodified-Since earlier', { 'if-unmodified-since': before }, 'failed'],
    ['If-Unmodified-Since no date', { 'if-unmodified-since': '1994-11-06' }, 'send'],
    ['If-Match beats If-Unmodified-Since', { 'if-match': etag, 'if-unmodified-since': before }, 'send'],
    ['If-Match fails before If-Unmodified-Since', { 'if-match': '"x"', 'if-unmodified-since': after }, 'failed'],
    ['If-None-Match names it', { 'if-none-match': etag }, 'not_modified'],
    ['If-None-Match weak', { 'if-none-match': `W/${etag}` }, 'not_modified'],
    ['If-None-Match *', { 'if-none-match': '*' }, 'not_modified'],
    ['If-None-Match in a list', { 'if-none-match': `"x" , W/${etag}` }, 'not_modified'],
    ['If-None-Match names another', { 'if-none-match': '"x"' }, 'send'],
    ['If-None-Match part of a tag', { 'if-none-match': '"q1Kq"' }, 'send'],
    ['If-Modified-Since the same', { 'if-modified-since': at }, 'not_modified'],
    ['If-Modified-Since later', { 'if-modified-since': after }, 'not_modified'],
    ['If-Modified-Since earlier', { 'if-modified-since': before }, 'send'],
    ['If-Modified-Since no date', { 'if-modified-since': 'yesterday' }, 'send'],
    ['If-None-Match beats If-Modified-Since', { 'if-none-match': '"x"', 'if-modified-since': after }, 'send'],
    [
      'If-None-Match beats an older If-Modified-Since',
      { 'if-none-match': etag, 'if-modified-since': before },
      'not_modified',
    ],
    ['If-Match holds, If-None-Match names it', { 'if-match': etag, 'if-none-match': etag }, 'not_modified'],
    ['If-Match fails, If-None-Match names it', { 'if-match': '"x"', 'if-none-match': etag }, 'failed'],
    ['both dates hold', { 'if-unmodified-since': at, 'if-modified-since': before }, 'send'],
    ['the date to be unmodified since fails first', { 'if-unmodified-since': before, 'if-none-match': etag }, 'failed'],
  ])('%s', (_name, headers, outcome) => expect(precondition(reader(headers), validators)).toBe(outcome))

  test('dates are no condition where no time is known', () => {
    for (const name of ['if-modified-since', 'if-unmodified-since']) {
      expect(precondition(reader({ [name]: at }), { etag, modifiedMs: Number.NaN })).toBe('send')
    }
  })
})

describe('rangeApplies()', () => {
  test.each<[string, Headers, boolean]>([
    ['without If-Range', {}, true],
    ['the tag', { 'if-range': etag }, true],
    ['another tag', { 'if-range': '"x"' }, false],
    ['a weak tag', { 'if-range': `W/${etag}` }, false],
    ['a list', { 'if-range': `${etag}, "x"` }, false],
    ['a date, even the right one', { 'if-range': at }, false],
  ])('%s', (_name, headers, applies) => expect(rangeApplies(reader(headers), { etag })).toBe(applies))
})

describe('httpDate()', () => {
  const ms = Date.parse(at)
  test.each<[string, number | undefined]>([
    [at, ms],
    [` ${at} `, ms],
    ['Sunday, 06-Nov-94 08:49:37 GMT', ms],
    ['Sun Nov  6 08:49:37 1994', ms],
    ['Sun Nov 16 08:49:37 1994', Date.parse('16 Nov 1994 08:49:37 GMT')],
    ['Tuesday, 06-Nov-01 08:49:37 GMT', Date.parse('06 Nov 2001 08:49:37 GMT')],
    ['1994-11-06T08:49:37Z', undefined],
    ['Sun, 06 Nov 1994 08:49:37 +0000', undefined],
    ['Sun, 99 Nov 1994 08:49:37 GMT', undefined],
    ['0', undefined],
    ['', undefined],
  ])('%p', (text, time) => expect(httpDate(text)).toBe(time as number))
})

test.each([
  [undefined, false],
  ['"1-a"', true],
  ['"0-x", "1-a"', true],
  ['"0-x" "1-a"', true],
  ['W/"1-a"', true],
  ['*', true],
  ['1-a', false],
  ['"1-ab"', false],
])('unchanged() by If-None-Match %p: %p', (value, expected) => {
  expect(unchanged((name) => (name === 'if-none-match' ? value : undefined), { etag: '"1-a"' })).toBe(expected)
})
