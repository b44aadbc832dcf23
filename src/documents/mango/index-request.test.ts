import { describe, expect, test } from 'bun:test'
import type { Json } from '../../model/json/value.ts'
import { designDocument, withoutView } from './design-document.ts'
import { indexCompiler } from './index-compiler.ts'
import { parseIndexRequest } from './index-request.ts'
import { keyPart } from './key.ts'
import { listing } from './listing.ts'

test.each<[Json, string]>([
  [5, 'bad_request'],
  [[], 'bad_request'],
  [{}, 'missing_required_key'],
  [{ index: {} }, 'missing_required_key'],
  [{ index: 5 }, 'invalid_index'],
  [{ index: { fields: 'age' } }, 'invalid_sort_json'],
  [{ index: { fields: [5] } }, 'invalid_sort_field'],
  [{ index: { fields: [''] } }, 'invalid_sort_field'],
  [{ index: { fields: [{ age: 'up' }] } }, 'invalid_sort_field'],
  [{ index: { fields: [{ a: 'asc' }, { b: 'desc' }] } }, 'unsupported_mixed_sort'],
  [{ index: { fields: ['a..b'] } }, 'invalid_field_name'],
  [{ index: { fields: ['a'], x: 1 } }, 'invalid_key'],
  [{ index: { fields: ['a'], partial_filter_selector: { x: { $foo: 1 } } } }, 'invalid_operator'],
  [{ index: { fields: ['a'], partial_filter_selector: 5 } }, 'invalid_selector_json'],
  [{ index: { fields: ['a'] }, foo: 1 }, 'invalid_key'],
  [{ index: { fields: ['a'] }, type: 'nope' }, 'invalid_index'],
  [{ index: { fields: ['a'] }, type: 5 }, 'invalid_string'],
  [{ index: { fields: ['a'] }, name: 5 }, 'invalid_string'],
  [{ index: { fields: ['a'] }, ddoc: 5 }, 'invalid_string'],
  [{ index: { fields: ['a'] }, ddoc: '' }, 'invalid_empty_string'],
  [{ index: { fields: ['a'] }, name: '' }, 'invalid_empty_string'],
  [{ index: { fields: ['a'] }, type: 'text' }, 'not_implemented'],
  [{ index: { fields: ['a'] }, partitioned: true }, 'not_implemented'],
])('the request %p is refused as %s', (body, code) => {
  expect(() => parseIndexRequest(body)).toThrow(expect.objectContaining({ code }))
})

describe('design documents', () => {
  const request = parseIndexRequest({ index: { fields: ['b', { a: 'asc' }] }, ddoc: 'by_b', name: 'x' })

  test('have the shape of CouchDB, with fields in the order asked', () => {
    const { id, viewName, body, result } = designDocument(undefined, request)
    expect([id, viewName, result]).toEqual(['_design/by_b', 'x', 'created'])
    expect(JSON.stringify(body)).toBe(
      '{"language":"query","views":{"x":{"map":{"fields":{"b":"asc","a":"asc"},"partial_filter_selector":{}},' +
        '"reduce":"_count","options":{"def":{"fields":["b",{"a":"asc"}]}}}}}',
    )
  })

  test('hold the filter in its normal form, and as it came in the options', () => {
    const filtered = parseIndexRequest({ index: { fields: ['a'], partial_filter_selector: { z: 1, b: { c: 2 } } } })
    const { body } = designDocument(undefined, filtered)
    const [view] = Object.values((body as { views: Record<string, { map: Json; options: Json }> }).views)
    expect(JSON.stringify(view?.map)).toContain('{"$and":[{"z":{"$eq":1}},{"b.c":{"$eq":2}}]}')
    expect(JSON.stringify(view?.options)).toContain('{"z":1,"b":{"c":2}}')
  })

  test('are named after the definition, view and document alike', () => {
    const automatic = designDocument(undefined, parseIndexRequest({ index: { fields: ['a'] } }))
    expect(automatic.id).toBe(`_design/${automatic.viewName}`)
    expect(automatic.viewName).toMatch(/^[0-9a-f]{40}$/)
    const again = designDocument(undefined, parseIndexRequest({ index: { fields: ['a'] } }))
    expect(again.id).toBe(automatic.id)
    const spelled = designDocument(undefined, parseIndexRequest({ index: { fields: [{ a: 'asc' }] } }))
    expect(spelled.id).not.toBe(automatic.id)
    const other = designDocument(undefined, parseIndexRequest({ index: { fields: ['b'] } }))
    expect(other.id).not.toBe(automatic.id)
  })

  test('exist already when the definition is the same', () => {
    const { body } = designDocument(undefined, request)
    expect(designDocument(body, request).result).toBe('exists')
    const changed = parseIndexRequest({ index: { fields: ['c'] }, ddoc: '_design/by_b', name: 'x' })
    expect(designDocument(body, changed).result).toBe('created')
  })

  test('take several views and lose them one by one', () => {
    const first = designDocument(undefined, request).body
    const both = designDocument(first, parseIndexRequest({ index: { fields: ['c'] }, ddoc: 'by_b', name: 'y' })).body
    expect(indexCompiler.definitions(both).map(({ name }) => name)).toEqual(['x', 'y'])
    const left = withoutView(both, 'x') as Json
    expect(indexCompiler.definitions(left).map(({ name }) => name)).toEqual(['y'])
    expect(withoutView(left, 'x')).toBe('missing')
    expect(withoutView(left, 'y')).toBeUndefined()
    expect(withoutView(left, 'toString')).toBe('missing')
    expect(withoutView({ language: 'query', views: { y: {} }, mine: 1 }, 'y')).toEqual({ language: 'query', mine: 1 })
  })

  test('of another language are left alone', () => {
    expect(() => designDocument({ language: 'javascript', views: {} }, request)).toThrow('invalid_index')
    expect(indexCompiler.definitions({ language: 'javascript', views: { x: { map: 'function' } } })).toEqual([])
  })

  test.each<Json>([
    { map: 'function(doc) {}' },
    { map: { fields: { a: 'up' } }, options: {} },
    { map: { fields: ['a'] }, options: {} },
    { map: { fields: { a: 'asc' } } },
    { map: { fields: { 'a..b': 'asc' } }, options: {} },
    { map: { fields: { a: 'asc' }, partial_filter_selector: { a: { $foo: 1 } } }, options: {} },
    null,
    5,
  ])('with the invalid view %p keep their other indexes', (view) => {
    const good = { map: { fields: { a: 'asc' } }, options: {} }
    const found = indexCompiler.definitions({ language: 'query', views: { bad: view, good } })
    expect(found).toEqual([{ name: 'good', definition: '{"fields":[["a","asc"]],"filter":null}' }])
  })

  test('keep the order of fields that look like numbers', () => {
    const { body } = designDocument(undefined, parseIndexRequest({ index: { fields: ['b', '0'] } }))
    expect(indexCompiler.definitions(JSON.parse(JSON.stringify(body)))[0]?.definition).toBe(
      '{"fields":[["b","asc"],["0","asc"]],"filter":null}',
    )
  })
})

describe('entries', () => {
  const compile = (index: Json) => indexCompiler.compile(parseIndexRequest({ index }).definition)

  test('hold documents in which all fields resolve', () => {
    const { columns, keys } = compile({ fields: ['a.b', '_id'] })
    expect(columns).toBe(2)
    expect(keys({ _id: 'x', a: { b: null } })).toEqual([keyPart(null), keyPart('x')])
    expect(keys({ _id: 'x', a: {} })).toBeUndefined()
    expect(keys({ _id: 'x', a: 1 })).toBeUndefined()
  })

  test('leave out what the filter refuses', () => {
    const { keys } = compile({ fields: ['a'], partial_filter_selector: { flag: true } })
    expect(keys({ a: 1, flag: true })).toEqual([keyPart(1)])
    expect(keys({ a: 1 })).toBeUndefined()
  })

  test('have eight columns at most, yet need every field', () => {
    const fields = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
    const { columns, keys } = compile({ fields })
    expect(columns).toBe(8)
    const document = Object.fromEntries(fields.map((name, i) => [name, i]))
    expect(keys(document)).toHaveLength(8)
    const { i: _, ...without } = document
    expect(keys(without)).toBeUndefined()
  })

  test('of an index without fields hold every document', () => {
    const { columns, keys } = compile({ fields: [] })
    expect([columns, keys({})]).toEqual([1, [keyPart(null)]])
  })
})

test('the listing shows fields and filter', () => {
  const { definition } = parseIndexRequest({ index: { fields: [{ a: 'desc' }], partial_filter_selector: { b: 1 } } })
  expect(listing({ ddoc: '_design/x', name: 'n', indexId: 1, definition, ready: true })).toEqual({
    ddoc: '_design/x',
    name: 'n',
    type: 'json',
    partitioned: false,
    def: { fields: [{ a: 'desc' }], partial_filter_selector: { b: { $eq: 1 } } },
  })
})
