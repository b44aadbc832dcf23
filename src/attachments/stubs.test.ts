import { describe, expect, test } from 'bun:test'
import { makeBody } from '../model/body.ts'
import { reordersNested } from '../model/json/jsonb.ts'
import { type Stub, stubsOf, withStubs } from './stubs.ts'

const stub = (more: Partial<Stub> = {}): Stub => ({
  contentType: 'text/plain',
  digest: 'XUFAKrxLKna5cZ2REBfFkg==',
  length: 5,
  revpos: 1,
  ...more,
})
const body = (value: Record<string, unknown>) =>
  makeBody('a', value as never, JSON.stringify(value), Number.POSITIVE_INFINITY)

describe('withStubs()', () => {
  test('none leaves the body as it is, revision included', () => {
    const plain = body({ n: 1 })
    expect(withStubs(plain, new Map())).toBe(plain)
  })

  test('text and value hold them, in the order that jsonb keeps', () => {
    const stubs = new Map([
      ['long name', stub()],
      ['é', stub({ revpos: 2 })],
      ['b', stub()],
      ['aa', stub()],
    ])
    const made = withStubs(body({ n: 1 }), stubs)
    expect(JSON.parse(made.text)).toEqual(made.value as never)
    expect([...made.text.matchAll(/"([^"]+)":\{"stub"/g)].map(([, name]) => name)).toEqual([
      'b',
      'aa',
      'é',
      'long name',
    ])
    expect(made.raw).toBe(false)
    expect(reordersNested(JSON.parse(made.text))).toBe(false)
    expect(stubsOf(made.text)).toEqual(new Map([...stubs]))
  })

  test('alone', () => {
    const made = withStubs(body({}), new Map([['a', stub()]]))
    expect(made.text).toBe(
      '{"_attachments":{"a":{"stub":true,"digest":"md5-XUFAKrxLKna5cZ2REBfFkg==","length":5,"revpos":1,"content_type":"text/plain"}}}',
    )
  })

  test('a type with U+0000 needs the text', () => {
    expect(withStubs(body({}), new Map([['a', stub({ contentType: 'a\u0000' })]])).raw).toBe(true)
  })

  test.each<[string, boolean, Map<string, Stub>]>([
    [
      'the same in another order',
      true,
      new Map([
        ['b', stub()],
        ['a', stub()],
      ]),
    ],
    [
      'another generation',
      true,
      new Map([
        ['a', stub({ revpos: 9 })],
        ['b', stub()],
      ]),
    ],
    [
      'another name',
      false,
      new Map([
        ['a', stub()],
        ['c', stub()],
      ]),
    ],
    [
      'another type',
      false,
      new Map([
        ['a', stub({ contentType: 'text/x' })],
        ['b', stub()],
      ]),
    ],
    [
      'another content',
      false,
      new Map([
        ['a', stub({ digest: 'x' })],
        ['b', stub()],
      ]),
    ],
    ['one less', false, new Map([['a', stub()]])],
    ['none', false, new Map()],
  ])('the digest of %s is the same: %p', (_, same, stubs) => {
    const first = withStubs(
      body({ n: 1 }),
      new Map([
        ['a', stub()],
        ['b', stub()],
      ]),
    )
    expect(withStubs(body({ n: 1.0 }), stubs).digest === first.digest).toBe(same)
  })
})

describe('stubsOf()', () => {
  test.each(['{}', '{"a":1}', '{"a":{"_attachments":{"b":{}}}}', '{"a":"\\"_attachments\\""}'])(
    '%s has none',
    (text) => {
      expect(stubsOf(text).size).toBe(0)
    },
  )
})
