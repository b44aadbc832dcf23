import { describe, expect, test } from 'bun:test'
import { formatBookmark, type Position, parseBookmark } from './bookmark.ts'
import { keyPart } from './key.ts'
import type { Source } from './plan.ts'

function source(indexId: number, fields: readonly string[]): Source {
  const definition = JSON.stringify({ fields: fields.map((name) => [name, 'asc']), filter: null })
  const view = { ddoc: '_design/x', name: 'x', indexId, definition, ready: true }
  const parsed = {
    fields: fields.map((name) => ({ name, direction: 'asc' as const, path: [name] })),
    filter: undefined,
  }
  return { kind: 'view', view, definition: parsed, ranges: [], cover: undefined, keysOnly: false, bounds: new Map() }
}
const primary: Source = { kind: 'primary', ranges: [] }
const two = source(7, ['a', 'b'])

describe('a bookmark', () => {
  test.each<[string, Source, Position]>([
    ['of the primary index', primary, { parts: [], id: 'é/x', values: undefined }],
    ['of keys', two, { parts: [keyPart('x'), keyPart(-1.5)], id: 'i', values: undefined }],
    ['in a group', two, { parts: [keyPart(1), keyPart([])], id: 'i', values: [[1, 9007199254740993n]] }],
    [
      'behind the key columns',
      source(1, [...'abcdefghi']),
      { parts: Array(8).fill(keyPart(1)), id: 'i', values: ['x'] },
    ],
  ])('%s comes back', (_, of, position) => {
    const text = formatBookmark(of, position)
    expect(text).toMatch(/^[\w-]+$/)
    expect(parseBookmark(of, text)).toEqual(position)
  })

  const good = formatBookmark(two, { parts: [keyPart(1), keyPart(2)], id: 'i', values: undefined })
  const made = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const fields = JSON.parse(Buffer.from(good, 'base64url').toString()) as Record<string, unknown>

  test('is no secret but strict', () => {
    expect(parseBookmark(two, made(fields)).id).toBe('i')
  })

  test.each<[string, string]>([
    ['nil', 'nil'],
    ['words', 'bad'],
    ['padding', `${good}=`],
    ['what is no base64', `${good}!`],
    ['a scalar', made(5)],
    ['an array', made([])],
    ['no version', made({ ...fields, v: 2 })],
    ['no index', made({ ...fields, i: undefined })],
    ['no keys', made({ ...fields, k: 'x' })],
    ['too few keys', made({ ...fields, k: ['0380'] })],
    ['keys that are no hex', made({ ...fields, k: ['zz', '00'] })],
    ['half a byte', made({ ...fields, k: ['003', '00'] })],
    ['U+0000', made({ ...fields, k: [['04', '\0'], '00'] })],
    ['no id', made({ ...fields, d: 5 })],
    ['values without a group', made({ ...fields, g: [1] })],
    ['a group without values', made({ ...fields, k: ['05', '00'] })],
    ['too few values', made({ ...fields, k: ['05', '00'], g: [1] })],
    [
      'another index',
      formatBookmark(source(8, ['a', 'b']), { parts: [keyPart(1), keyPart(2)], id: 'i', values: undefined }),
    ],
    [
      'another definition',
      formatBookmark(source(7, ['a', 'c']), { parts: [keyPart(1), keyPart(2)], id: 'i', values: undefined }),
    ],
    ['the primary index', formatBookmark(primary, { parts: [], id: 'i', values: undefined })],
  ])('with %s is refused', (_, text) => {
    expect(() => parseBookmark(two, text)).toThrow(
      expect.objectContaining({ code: 'invalid_bookmark', reason: `Invalid bookmark value: ${JSON.stringify(text)}` }),
    )
  })
})
