import { describe, expect, test } from 'bun:test'
import { allDocsText, parseListing, withBody } from './all-docs.ts'

const parse = (query: Record<string, string>) => parseListing(allDocsText.parse(query), 'all')
const failure = (query: Record<string, string>) => {
  try {
    parse(query)
  } catch (error) {
    return `${error}`
  }
  return 'none'
}

describe('bounds', () => {
  test.each([
    [{}, undefined, undefined],
    [
      { startkey: '"a"', endkey: '"b"' },
      { id: 'a', inclusive: true },
      { id: 'b', inclusive: true },
    ],
    [
      { start_key: '"a"', end_key: '"b"', inclusive_end: 'FALSE' },
      { id: 'a', inclusive: true },
      { id: 'b', inclusive: false },
    ],
    [
      { key: '"a"', startkey: '"x"' },
      { id: 'a', inclusive: true },
      { id: 'a', inclusive: true },
    ],
    [
      { startkey_docid: 'a', endkey_docid: 'b' },
      { id: 'a', inclusive: true },
      { id: 'b', inclusive: true },
    ],
    [{ startkey: '"k"', startkey_docid: 'a' }, { id: 'k', inclusive: true }, undefined],
    // A key that is not a string sorts before every id.
    [
      { startkey: '5', endkey: '{}' },
      { id: '', inclusive: true },
      { id: '', inclusive: true },
    ],
    [{ key: 'null' }, { id: '', inclusive: true }, { id: '', inclusive: true }],
    // No id holds U+0000: such a key lies directly after the part before it.
    [
      { startkey: '"a\\u0000b"', endkey: '"c\\u0000"' },
      { id: 'a', inclusive: false },
      { id: 'c', inclusive: true },
    ],
    [
      { startkey: '"a\\u0000"', endkey: '"b\\u0000"', descending: 'true' },
      { id: 'a', inclusive: true },
      { id: 'b', inclusive: false },
    ],
    [{ endkey: '"c\\u0000"', inclusive_end: 'false' }, undefined, { id: 'c', inclusive: true }],
  ] as const)('%j', (query, start, end) => {
    expect(parse({ ...query })).toMatchObject({ start, end })
  })
})

test.each([
  [{ limit: 'x' }, 'query_parse_error: Invalid value for integer: "x"'],
  [{ skip: '-1' }, 'query_parse_error: Invalid value for positive integer: "-1"'],
  [{ descending: 'maybe' }, 'query_parse_error: Invalid boolean parameter: "maybe"'],
  [{ startkey: 'notjson' }, 'bad_request: invalid UTF-8 JSON'],
  [{ keys: '5' }, 'bad_request: `keys` parameter must be an array.'],
  [
    { keys: '["a"]', startkey: '"a"' },
    'query_parse_error: `keys` is incompatible with `key`, `start_key` and `end_key`',
  ],
  [{ keys: '[]', startkey: '"a"' }, 'none'],
  [{ keys: '["a"]', startkey_docid: 'a' }, 'none'],
])('%j is refused: %s', (query, message) => {
  expect(failure(query as Record<string, string>)).toContain(message)
})

describe('a body', () => {
  test('adds parameters as JSON, and the query string wins', () => {
    const text = withBody(allDocsText.parse({ limit: '1' }), {
      limit: 5,
      descending: true,
      startkey: 'a',
      keys: undefined,
    } as never)
    expect(parseListing(text, 'only')).toMatchObject({
      limit: 1,
      descending: true,
      start: { id: 'a', inclusive: true },
      designs: 'only',
    })
  })

  test.each([
    [5, 'Request body must be a JSON object'],
    [{ keys: 5 }, '`keys` body member must be an array.'],
  ])('%j is refused', (body, message) => {
    expect(() => withBody({}, body)).toThrow(message)
  })
})
