import { describe, expect, test } from 'bun:test'
import { Problem } from './errors.ts'
import { compareRevisions, formatRevision, maxHashBytes, parseRevision, sameRevision } from './revision.ts'

const hex = '0123456789abcdef0123456789abcdef'

describe('revisions', () => {
  test.each<[string, number, string]>([
    [`1-${hex}`, 1, hex],
    [`1-${hex.toUpperCase()}`, 1, hex],
    ['12-ABC', 12, 'ABC'],
    ['1-a-b', 1, 'a-b'],
    ['1--', 1, '-'],
    ['3-é😀', 3, 'é😀'],
    ['1-a\nb', 1, 'a\nb'],
    ['9007199254740991-x', 9007199254740991, 'x'],
    ['1-', 1, ''],
    ['0-abc', 0, 'abc'],
    ['01-abc', 1, 'abc'],
    ['4294967296-x', 4294967296, 'x'],
    [`1-${'x'.repeat(maxHashBytes)}`, 1, 'x'.repeat(maxHashBytes)],
  ])('%j is read', (text, gen, hash) => {
    const rev = parseRevision(text)
    expect(rev).toEqual({ gen, hash })
    expect(formatRevision(rev)).toBe(`${gen}-${hash}`)
  })

  test.each<[unknown]>([
    [''],
    ['bad'],
    ['1'],
    ['-abc'],
    ['+1-abc'],
    ['-1-abc'],
    ['1.0-abc'],
    [' 1-abc'],
    ['a-abc'],
    ['9007199254740992-x'],
    ['99999999999999999999-x'],
    ['1-a\u0000b'],
    [`1-${'é'.repeat(maxHashBytes / 2 + 1)}`],
    [1],
    [null],
    [undefined],
    [{}],
  ])('%j is refused', (text) => {
    expect(() => parseRevision(text)).toThrow(new Problem('bad_request', 'Invalid rev format'))
  })

  test.each<[string, string, number]>([
    ['1-a', '1-a', 0],
    ['1-a', '1-b', -1],
    ['2-a', '1-b', 1],
    ['10-a', '9-z', 1],
    ['1-B', '1-a', -1],
    ['1-a', '1-ab', -1],
    // UTF-16 code units would have it the other way round.
    ['1-\uffff', '1-😀', -1],
  ])('%s against %s: %d', (a, b, sign) => {
    expect(Math.sign(compareRevisions(parseRevision(a), parseRevision(b)))).toBe(sign)
    expect(Math.sign(compareRevisions(parseRevision(b), parseRevision(a)))).toBe(-sign || 0)
    expect(sameRevision(parseRevision(a), parseRevision(b))).toBe(sign === 0)
  })
})
