import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Problem } from '../model/errors.ts'
import { parseJson } from '../model/json/exact.ts'
import { parseAttachments } from './parse.ts'

const parse = (text: string) => parseAttachments(parseJson(text).value)

function refusal(text: string): string {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof Problem) return `${error.code}: ${error.reason}`
    throw error
  }
  return 'none'
}

describe('parseAttachments()', () => {
  test('none', () => {
    expect(parseAttachments(undefined)).toBeUndefined()
    expect(parse('{}')).toBeUndefined()
  })

  test('inline: decoded and known by its content', () => {
    expect(parse('{"a/b":{"data":"aGVsbG8=","content_type":"text/plain","revpos":7}}')).toEqual([
      {
        kind: 'inline',
        name: 'a/b',
        contentType: 'text/plain',
        revpos: 7,
        data: Buffer.from('hello'),
        content: { digest: 'XUFAKrxLKna5cZ2REBfFkg==', length: 5 },
      },
    ])
  })

  test('inline without type', () => {
    expect(parse('{"a":{"data":""}}')).toMatchObject([
      { contentType: 'application/octet-stream', content: { digest: '1B2M2Y8AsgTpgAmY7PhCfg==', length: 0 } },
    ])
  })

  test('a stub as it is read back', () => {
    const stub = '{"content_type":"text/x","revpos":2,"digest":"md5-abc=","length":3,"stub":true}'
    expect(parse(`{"a":${stub}}`)).toEqual([{ kind: 'stub', name: 'a', revpos: 2, digest: 'abc=' }])
  })

  test.each([
    ['{"follows":true,"length":5,"content_type":"text/x"}', { length: 5, gzipped: false, contentType: 'text/x' }],
    ['{"follows":true,"length":50,"encoding":"gzip","encoded_length":9}', { length: 9, gzipped: true }],
  ])('%s follows', (text, expected) => {
    expect(parse(`{"a":${text}}`)).toMatchObject([{ kind: 'follows', ...expected }])
  })

  test.each([
    ['[]', 'doc_validation: _attachments must be an object'],
    ['5', 'doc_validation: _attachments must be an object'],
    ['{"a":5}', 'bad_request: Attachment a must be an object'],
    ['{"a":{}}', 'bad_request: Invalid attachment data for a'],
    ['{"a":{"data":5}}', 'bad_request: Invalid attachment data for a'],
    ['{"a":{"data":"a"}}', 'bad_request: Invalid attachment data for a'],
    ['{"a":{"data":"===="}}', 'bad_request: Invalid attachment data for a'],
    ['{"a":{"data":"ab=c"}}', 'bad_request: Invalid attachment data for a'],
    ['{"a":{"data":"-_-_"}}', 'bad_request: Invalid attachment data for a'],
    ['{"a":{"data":"","content_type":1}}', 'bad_request: Attachment a: content_type must be a string'],
    ['{"a":{"follows":true}}', 'bad_request: Attachment a: what follows needs a length'],
    ['{"a":{"follows":true,"length":-1}}', 'bad_request: Attachment a: what follows needs a length'],
    ['{"":{"data":""}}', 'bad_request: Attachment name must not be empty'],
    ['{"_a":{"data":""}}', "bad_request: Attachment name '_a' starts with prohibited character '_'"],
    ['{"__proto__":{"data":""}}', "bad_request: Attachment name '__proto__' starts with prohibited character '_'"],
    ['{"a\\u0000":{"data":""}}', 'bad_request: Attachment name must not contain U+0000'],
  ])('%s is refused', (text, expected) => {
    expect(refusal(text)).toBe(expected)
  })

  test('every content comes out as it went in, also with line ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('', '\n', '\r\n '), (bytes, between) => {
        const text = Buffer.from(bytes)
          .toString('base64')
          .replaceAll(/(.{8})/g, `$1${between}`)
        const [given] = parse(JSON.stringify({ a: { data: text } })) ?? []
        expect(given).toMatchObject({ kind: 'inline', data: Buffer.from(bytes), content: { length: bytes.length } })
      }),
    )
  })
})
