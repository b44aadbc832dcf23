import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { firstDifference, same } from './compare.ts'
import { Normaliser } from './normalise.ts'
import { byCodePoint, canonical, parseRecorded, printRecorded, type Recorded } from './recorded-json.ts'

describe('recorded JSON', () => {
  test.each([
    ['1', 1n],
    ['-0', 0n],
    ['12345678901234567890', 12345678901234567890n],
    ['1.0', 1],
    ['1e5', 100000],
    ['5e-324', 5e-324],
    ['"\\u00e9\\n"', 'é\n'],
    ['[true, false, null]', [true, false, null]],
    ['{}', new Map()],
    [
      '{"0": 1, "__proto__": 2, "a": 1, "a": 3}',
      new Map([
        ['0', 1n],
        ['__proto__', 2n],
        ['a', 3n],
      ]),
    ],
  ] as [string, Recorded][])('%s is read without loss', (text, value) => {
    expect(parseRecorded(text)).toEqual(value)
  })

  test.each(['', '{', '[1,]', '01', '1.', '"\n"', 'nul', '{} x', "{'a':1}"])('%p is refused', (text) => {
    expect(() => parseRecorded(text)).toThrow(SyntaxError)
  })

  test.each([
    [3, '3.0'],
    [1e16, '1e+16'],
    [1e-5, '1e-05'],
    [1.5e300, '1.5e+300'],
    [0.0001, '0.0001'],
    [1152921504606846976n, '1152921504606846976'],
  ] as [Recorded, string][])('%p is printed as its recorder printed it', (value, text) => {
    expect(printRecorded(value)).toBe(text)
  })

  test('what JSON.stringify prints is read back as the same', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value)
        const read = parseRecorded(text)
        expect(JSON.parse(printRecorded(read))).toEqual(JSON.parse(text))
        expect(same(read, parseRecorded(printRecorded(read)))).toBe(true)
      }),
    )
  })

  test('canonical text is ASCII with names in code point order', () => {
    expect(canonical(parseRecorded('{"\\uffff":1,"😀":2,"a":"é\\u007f"}'))).toBe(
      '{"a": "\\u00e9\\u007f", "\\uffff": 1, "\\ud83d\\ude00": 2}',
    )
    expect(['😀', '\uffff', 'b', 'B', 'bb'].sort(byCodePoint)).toEqual(['B', 'b', 'bb', '\uffff', '😀'])
  })
})

describe('comparison', () => {
  test.each([
    ['1', '1.0', true],
    ['9007199254740993', '9007199254740992.0', false],
    ['true', '1', false],
    ['{"a":1,"b":2}', '{"b":2,"a":1}', true],
    ['{"a":1}', '{"a":1,"b":null}', false],
    ['[1,2]', '[2,1]', false],
    ['null', '0', false],
  ])('%s and %s', (a, b, equal) => {
    expect(same(parseRecorded(a), parseRecorded(b))).toBe(equal)
    expect(firstDifference(parseRecorded(a), parseRecorded(b)) === undefined).toBe(equal)
  })

  test('names the place', () => {
    const difference = firstDifference(parseRecorded('{"rows":[{"a":1}]}'), parseRecorded('{"rows":[{"a":2}]}'))
    expect(difference).toEqual({ where: '.rows[0].a', want: 1n, got: 2n })
  })
})

describe('normalisation', () => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  const hash = 'a'.repeat(32)

  test('revisions of the server lose their hash, captured and chosen ones do not', () => {
    const normaliser = new Normaliser()
    normaliser.learn('r1', `1-${hash}`)
    normaliser.request([`2-${hash}`])
    normaliser.revisions(parseRecorded(`[{"_revisions":{"start":4,"ids":["${hash}"]}}]`))
    const answer = bytes(`["1-${hash}","2-${hash}","3-${hash}","4-${hash}"]`)
    expect(normaliser.response(200, answer, [], 'GET')).toEqual(['<r1>', `2-${hash}`, '3-?', `4-${hash}`])
  })

  test('sequences, bookmarks and warnings disappear', () => {
    const answer = bytes(
      '{"update_seq":null,"last_seq":"5-x","bookmark":"b","warning":"w","docs":[{"bookmark":"nil"}]}',
    )
    expect(printRecorded(new Normaliser().response(200, answer, [], 'POST'))).toBe(
      '{"update_seq": null, "last_seq": "<seq>", "bookmark": "<bm>", "warning": "<warning>", "docs": [{"bookmark": "nil"}]}',
    )
  })

  test.each([
    [404, '{"error":"not_found","reason":"missing","x":1}', '{"error": "not_found", "reason": "missing"}'],
    [400, '{"error":"bad_request","reason":"any"}', '{"error": "bad_request", "reason": "<reason>"}'],
    [200, 'no json', '{"<text>": "no json"}'],
    [200, ' ', 'null'],
  ])('an answer of %d', (status, text, expected) => {
    expect(printRecorded(new Normaliser().response(status, bytes(text), [], 'GET'))).toBe(expected)
  })

  test('rules of a case', () => {
    const play = (text: string, rule: string) =>
      printRecorded(new Normaliser().response(200, bytes(text), [rule], 'GET'))
    expect(play('{"docs":[{"b":1},{"a":1}]}', 'docs_set')).toBe('{"docs": [{"a": 1}, {"b": 1}]}')
    expect(play('[2,1]', 'sort_list')).toBe('[1, 2]')
    expect(play('{"doc_count":1,"x":2}', 'dbinfo')).toBe('{"doc_count": 1, "doc_del_count": null}')
    expect(play('{"pending":3}', 'no_pending')).toBe('{}')
    expect(play('{"rows":[{"doc":{"_id":"a","x":1}}]}', 'noddocs')).toBe('{"rows": [{"doc": {"_id": "a"}}]}')
  })
})
