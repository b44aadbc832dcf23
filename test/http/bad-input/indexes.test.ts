/** Indexes out of the ordinary: refused in words, or made and used like others. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { names, numbers } from './odd-values.ts'
import { expectRefusal, faces, openTarget, type Target } from './target.ts'

let target: Target
beforeAll(async () => {
  target = await openTarget('bad.indexes')
  const docs = Array.from({ length: 100 }, (_, n) => ({
    _id: `d${n}`,
    n,
    text: `${'a'.repeat(40)}!`,
    list: [1, 2, n],
    deep: { er: { still: n } },
  }))
  expect((await target.ask('POST /data/{db}/_bulk_docs', { docs })).status).toBe(201)
  const index = { index: { fields: ['n'] }, ddoc: 'n' }
  expect((await target.ask('POST /data/{db}/_index', index)).status).toBe(200)
}, 60_000)
afterEach(() => target.unharmed())

describe.each(faces)('/%s: indexes', (face) => {
  const refused: readonly [name: string, body: unknown][] = [
    ['no index', {}],
    ['an index that is null', { index: null }],
    ['an index that is an array', { index: [] }],
    ['no fields', { index: {} }],
    ['fields that are a text', { index: { fields: 'a' } }],
    ['fields that are an object', { index: { fields: { a: 'asc' } } }],
    ['a field that is a number', { index: { fields: [1] } }],
    ['a field that is null', { index: { fields: [null] } }],
    ['a field that is an array', { index: { fields: [['a']] } }],
    ['an empty field', { index: { fields: [''] } }],
    ['an empty step', { index: { fields: ['a..b'] } }],
    ['a dot', { index: { fields: ['.'] } }],
    ['a backslash', { index: { fields: ['\\'] } }],
    ['two directions', { index: { fields: [{ a: 'asc' }, { b: 'desc' }] } }],
    ['an unknown direction', { index: { fields: [{ a: 'up' }] } }],
    ['two names in a field', { index: { fields: [{ a: 'asc', b: 'asc' }] } }],
    ['an unknown member', { index: { fields: ['a'] }, foo: 1 }],
    ['an unknown member of the index', { index: { fields: ['a'], foo: 1 } }],
    ['__proto__', '{"index":{"fields":["a"]},"__proto__":{}}'],
    ['a ddoc that is a number', { index: { fields: ['a'] }, ddoc: 1 }],
    ['an empty ddoc', { index: { fields: ['a'] }, ddoc: '' }],
    ['a ddoc with U+0000', { index: { fields: ['a'] }, ddoc: 'a\u0000' }],
    ['a ddoc of 5,000 characters', { index: { fields: ['a'] }, ddoc: names(1, 5000)[0] }],
    ['a ddoc whose id has 1,025 bytes', { index: { fields: ['a'] }, ddoc: 'x'.repeat(1017) }],
    ['a name that is an object', { index: { fields: ['a'] }, name: {} }],
    ['a name with U+0000', { index: { fields: ['a'] }, name: '\u0000' }],
    ['a name of 5,000 characters', { index: { fields: ['a'] }, name: names(1, 5000)[0] }],
    ['a filter that is a number', { index: { fields: ['a'], partial_filter_selector: 1 } }],
    ['a filter with an unknown operator', { index: { fields: ['a'], partial_filter_selector: { $bad: 1 } } }],
    ['a filter with a bad pattern', { index: { fields: ['a'], partial_filter_selector: { b: { $regex: '(' } } } }],
    ['a type that is a number', { index: { fields: ['a'] }, type: 1 }],
    ['an unknown type', { index: { fields: ['a'] }, type: 'view' }],
  ]
  test.each(refused)('%s', async (_name, body) => {
    expectRefusal(await target.ask(`POST /${face}/{db}/_index`, body), 400)
  })

  const made: readonly [name: string, body: unknown][] = [
    ['100 fields', { fields: numbers(100).map((n) => `f${n}`) }],
    ['100 long fields', { fields: names(100, 300) }],
    ['a field of 5,000 characters', { fields: names(1, 5000) }],
    ['a path of 5,000 steps', { fields: [Array(5000).fill('a').join('.')] }],
    ['the same field twice', { fields: ['a', 'a'] }],
    ['names of Object', { fields: ['__proto__', 'constructor', '__proto__.x', 'toString.call'] }],
    ['U+0000', { fields: ['a\u0000b'] }],
    ['operators', { fields: ['$a', 'b.$gt'] }],
    ['_id and _rev', { fields: ['_rev', '_id'] }],
    ['numbers', { fields: ['2', '0', 'list.2'] }],
    ['a filter of 20,000 values', { fields: ['n'], partial_filter_selector: { n: { $in: numbers(20_000) } } }],
    ['a filter of 100,000 characters', { fields: ['n'], partial_filter_selector: { n: 'x'.repeat(100_000) } }],
    ['a filter with U+0000', { fields: ['n'], partial_filter_selector: { 'a\u0000': '\u0000' } }],
  ]
  test.each(made)('%s: made, used and deleted', async (name, index) => {
    const ddoc = `odd ${name}`
    const { status, text } = await target.ask(`POST /${face}/{db}/_index`, { index, ddoc })
    expect(`${status} ${text}`).toStartWith('200 ')
    const made = JSON.parse(text) as { id: string; name: string }
    expect((await target.ask(`PUT /${face}/{db}/written`, {})).status).toBeOneOf([200, 201, 409])
    expect((await target.ask(`GET /${face}/{db}/_index`)).text).toContain(JSON.stringify(ddoc).slice(1, -1))
    const find = { selector: { n: { $gte: 0 } }, use_index: ddoc }
    expect((await target.ask(`POST /${face}/{db}/_find`, find)).status).toBe(200)
    const path = `/${face}/{db}/_index/_design/${encodeURIComponent(ddoc)}/json/${encodeURIComponent(made.name)}`
    expect((await target.ask(`DELETE ${path}`)).status).toBe(200)
  })

  test.each([
    [name150(), name150()],
    ['__proto__', '__proto__'],
    ['a/b', 'c/d'],
    ['%2F', '\n"\\'],
  ])('the names %.20j and %.20j', async (ddoc, name) => {
    const body = { index: { fields: ['n'] }, ddoc, name }
    expect((await target.ask(`POST /${face}/{db}/_index`, body)).status).toBe(200)
    const path = `_index/_design/${encodeURIComponent(ddoc)}/json/${encodeURIComponent(name)}`
    expect((await target.ask(`DELETE /${face}/{db}/${path}`)).status).toBe(200)
  })
})

/** As long as two names may be, in characters of three bytes. */
function name150() {
  return names(1, 338)[0]!
}

describe('design documents that are no indexes', () => {
  const map = { fields: { n: 'asc' } }
  const options = { def: { fields: ['n'] } }
  const views: readonly [name: string, views: unknown][] = [
    ['a number', 1],
    ['null', null],
    ['an array', []],
    ['a view that is null', { a: null }],
    ['a view without map', { a: {} }],
    ['a map that is a text', { a: { map: 'function (doc) {}', options } }],
    ['fields that are a number', { a: { map: { fields: 1 }, options } }],
    ['fields that are an array', { a: { map: { fields: ['n'] }, options } }],
    ['an unknown direction', { a: { map: { fields: { n: 'up' } }, options } }],
    ['an empty step', { a: { map: { fields: { 'a..b': 'asc' } }, options } }],
    ['an empty name', { a: { map: { fields: { '': 'asc' } }, options } }],
    ['a filter that is wrong', { a: { map: { ...map, partial_filter_selector: { $bad: 1 } }, options } }],
    ['options that are a number', { a: { map, options: 1 } }],
    ['options without fields', { a: { map, options: { def: 1 } } }],
    ['a view called U+0000', { '\u0000': { map, options } }],
    ['a view without a name', { '': { map, options } }],
    [
      'a view called __proto__',
      JSON.parse('{"__proto__":{"map":{"fields":{"n":"asc"}},"options":{"def":{"fields":["n"]}}}}'),
    ],
    ['a view with a long name', { [names(1, 5000)[0]!]: { map, options } }],
    [
      'a view of 500 fields',
      { a: { map: { fields: Object.fromEntries(numbers(500).map((n) => [`f${n}`, 'asc'])) }, options } },
    ],
    [
      '300 views',
      Object.fromEntries(numbers(300).map((n) => [`v${n}`, { map: { fields: { [`f${n}`]: 'asc' } }, options }])),
    ],
  ]

  test.each(views)('views are %s', async (name, views) => {
    const body = { language: 'query', views }
    const other = `_design/${name}`
    const made = await target.ask('PUT /couchdb/{db}/_design/odd', body)
    expect(made.status).toBe(201)
    const replicated = { new_edits: false, docs: [{ _id: other, _rev: '1-abc', ...body }] }
    expect((await target.ask('POST /data/{db}/_bulk_docs', replicated)).status).toBe(201)
    expect((await target.ask('PUT /data/{db}/beside', {})).status).toBeOneOf([200, 409])
    for (const face of faces) {
      expect((await target.ask(`GET /${face}/{db}/_index`)).status).toBe(200)
      expect((await target.ask(`GET /${face}/{db}/_design_docs?include_docs=true`)).status).toBe(200)
      const found = await target.ask(`POST /${face}/{db}/_find`, { selector: { n: { $gte: 98 } } })
      expect(JSON.parse(found.text).docs).toHaveLength(2)
    }
    const { rev } = JSON.parse(made.text)
    expect((await target.ask(`DELETE /data/{db}/_design/odd?rev=${rev}`)).status).toBe(200)
    expect((await target.ask(`DELETE /data/{db}/_design/${encodeURIComponent(name)}?rev=1-abc`)).status).toBe(200)
  })
})
