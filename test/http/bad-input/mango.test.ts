/** Indexes, selectors, patterns and bookmarks out of the ordinary: refused in words or answered, and always soon. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { expectRefusal, faces, openTarget, type Target } from './target.ts'

let target: Target
beforeAll(async () => {
  target = await openTarget('bad.mango')
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

const names = (count: number, length = 1) =>
  Array.from({ length: count }, (_, n) => String.fromCodePoint(...scattered(n, length)))
/** Code points that no compression shortens, so that what is long stays long in the database. */
const scattered = (seed: number, length: number) =>
  Array.from({ length }, (_, at) => 0x4e00 + ((seed * 7919 + at * 104_729 + at * at * 31) % 20_000))
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
const repeated = (open: string, inner: string, close: string, levels: number) =>
  open.repeat(levels) + inner + close.repeat(levels)

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

describe.each(faces)('/%s: selectors', (face) => {
  const find = (selector: unknown) =>
    typeof selector === 'string'
      ? target.ask(`POST /${face}/{db}/_find`, `{"selector":${selector},"use_index":"n"}`)
      : target.ask(`POST /${face}/{db}/_find`, { selector, use_index: 'n' })

  const refused: readonly unknown[] = [
    1,
    null,
    [],
    { $not: 1 },
    { $and: 1 },
    { $or: {} },
    { $gt: 3 },
    { n: { $in: 1 } },
    { n: { $nin: {} } },
    { n: { $all: 'x' } },
    { n: { $mod: [0, 1] } },
    { n: { $mod: [2] } },
    { n: { $mod: ['a', 'b'] } },
    { n: { $size: -1 } },
    { n: { $size: 1.5 } },
    { n: { $type: 1 } },
    { n: { $exists: 'x' } },
    { n: { $elemMatch: 1 } },
    { n: { $keyMapMatch: null } },
    { '': 1 },
    { 'a..b': 1 },
    { '\\': 1 },
    { $where: '1' },
    { $foo: 1 },
    { n: { $foo: 1 } },
    { n: { $beginsWith: 1 } },
    { n: { $regex: 1 } },
  ]
  test.each(refused.map((selector) => [JSON.stringify(selector), selector]))('%s', async (_text, selector) => {
    const reply = await find(selector)
    expectRefusal(reply, 400)
    expect(JSON.parse(reply.text).error).not.toBe('no_index')
  })

  const answered: readonly [name: string, selector: unknown][] = [
    ['50,000 numbers to be in', { n: { $in: numbers(50_000) } }],
    ['50,000 texts to be in', { n: { $in: numbers(50_000).map((n) => `s${n}`) } }],
    ['50,000 numbers not to be in', { n: { $gte: 0, $nin: numbers(50_000) } }],
    ['10,000 to contain', { n: { $gte: 0 }, list: { $all: numbers(10_000) } }],
    ['5,000 alternatives', { n: { $or: numbers(5000).map((n) => ({ $eq: n })) } }],
    ['5,000 alternatives of fields', { $or: numbers(5000).map((n) => ({ n })) }],
    ['5,000 conditions', { $and: numbers(5000).map((n) => ({ n: { $gt: n - 5000 } })) }],
    ['20,000 fields', Object.fromEntries([['n', { $gte: 0 }], ...numbers(20_000).map((n) => [`f${n}`, n])])],
    ['a path of 5,000 steps', { n: { $gte: 0 }, [Array(5000).fill('a').join('.')]: 1 }],
    ['U+0000', { n: { $gte: 0 }, text: { $gt: '\u0000' }, 'a\u0000': { $exists: false } }],
    ['ids with U+0000', { n: { $gte: 0 }, _id: { $in: ['\u0000', 'd1\u0000'] } }],
    ['a prefix of ids with U+0000', { n: { $gte: 0 }, _id: { $beginsWith: '\u0000' } }],
    ['names of Object', { n: { $gte: 0 }, constructor: { $exists: false }, 'toString.name': { $exists: false } }],
    ['the ends of doubles', { n: { $gte: -1.7e308, $lte: 1.7e308, $ne: 5e-324 } }],
    ['an integer of 300 digits', `{"n":{"$lt":${'9'.repeat(300)}}}`],
    ['a division by a long integer', '{"n":{"$gte":0,"$mod":[12345678901234567890,3]}}'],
    ['a size beyond all', '{"n":{"$gte":0},"list":{"$size":12345678901234567890}}'],
    ['190 negations', `{"$and":[{"n":{"$gte":0}},${repeated('{"$not":', '{"x":1}', '}', 190)}]}`],
    ['95 conjunctions', `{"$and":[{"n":{"$gte":0}},${repeated('{"$and":[', '{"n":1}', ']}', 95)}]}`],
    ['95 $elemMatch', `{"n":{"$gte":0},"list":${repeated('{"$elemMatch":', '{"$gt":1}', '}', 95)}}`],
    ['an object of 190 levels', `{"n":{"$gte":0,"$ne":${repeated('[', '', ']', 190)}}}`],
  ]
  test.each(answered)('%s', async (_name, selector) => {
    const { status, text, ms } = await find(selector)
    expect(`${status} ${text.slice(0, 200)}`).toStartWith('200 ')
    expect(JSON.parse(text).docs).toBeArray()
    expect(ms).toBeLessThan(3000)
  })
})

describe('patterns end soon', () => {
  const find = (pattern: string) =>
    target.ask('POST /data/{db}/_find', { selector: { n: { $gte: 0 }, text: { $regex: pattern } }, use_index: 'n' })

  test.each([
    '^(a+)+$',
    '^(a|a)*$',
    '^(a|aa)+$',
    '^(a*)*(a*)*(a*)*b$',
    '(.*)(.*)(.*)(.*)(.*)[^!a]',
    '(?:(?:(?:a?){10}){10}){10}b',
    `${'a?'.repeat(500)}${'a'.repeat(500)}b`,
    '([a-z]+)*\\d',
  ])('%.40s matches nothing', async (pattern) => {
    const { status, text, ms } = await find(pattern)
    expect(status).toBe(200)
    expect(JSON.parse(text).docs).toEqual([])
    expect(ms).toBeLessThan(2000)
  })

  test.each([
    '(',
    ')',
    '[z-a]',
    '[[:nope:]]',
    '*a',
    '(?=a)',
    '(?<!a)b',
    '(a)\\1',
    '\\p{Foo}',
    '\\x{110000}',
    'a{1001}',
    '(a{1000}){1000}',
    '((((a{100}){100}){100}){100})',
    '\\',
    '(?P<n>a)(?P<n>b)',
    '('.repeat(10_000) + ')'.repeat(10_000),
    '.{0,5}'.repeat(10_000),
    'a*'.repeat(30_000),
    'x'.repeat(100_000),
  ])('%.40s is refused', async (pattern) => {
    const reply = await find(pattern)
    expectRefusal(reply, 400)
    expect(JSON.parse(reply.text).error).toBe('bad_arg')
    expect(reply.ms).toBeLessThan(2000)
  })
})

describe.each(faces)('/%s: the other members of a question', (face) => {
  const ask = (more: string) =>
    target.ask(`POST /${face}/{db}/_find`, `{"selector":{"n":{"$gte":0}},"use_index":"n",${more}}`)

  test.each([
    '"sort":1',
    '"sort":"n"',
    '"sort":[1]',
    '"sort":[{}]',
    '"sort":[{"n":"up"}]',
    '"sort":[{"n":"asc"},{"m":"desc"}]',
    '"sort":["a..b"]',
    '"sort":["no"]',
    '"sort":["__proto__"]',
    '"sort":["\\u0000"]',
    '"fields":1',
    '"fields":"n"',
    '"fields":[1]',
    '"fields":["a..b"]',
    '"use_index":1',
    '"use_index":{}',
    '"use_index":["a","b","c"]',
    '"use_index":[1]',
    '"use_index":"no","allow_fallback":false',
    '"bookmark":1',
    '"bookmark":[]',
    '"bookmark":"x"',
    '"bookmark":"\\u0000"',
    '"bookmark":"%%%"',
    '"skip":-1',
    '"skip":"1"',
    '"skip":1.5',
    '"r":0',
    '"conflicts":1',
    '"execution_stats":"x"',
    '"allow_fallback":1',
    '"update":"x"',
    '"stable":null',
    '"stale":1',
    '"foo":1',
    '"__proto__":{}',
  ])('%s', async (more) => {
    expectRefusal(await ask(more), 400)
  })

  test.each([
    '"limit":9007199254740991,"skip":9007199254740991',
    '"skip":12345678901234567890',
    `"fields":[${numbers(10_000).map((n) => `"f${n}"`)}]`,
    '"fields":["__proto__","constructor","toString","n.x.y","n","n.a","n"]',
    '"fields":["deep","deep.er","deep.er.still.more"]',
    '"fields":["deep.er.still","deep"]',
    '"fields":["\\u0000","list.0","list"]',
    '"use_index":"/"',
    '"use_index":"__proto__"',
    '"use_index":["\\u0000","\\u0000"]',
    `"use_index":"${'x'.repeat(100_000)}"`,
    '"bookmark":null',
    '"bookmark":""',
  ])('%.50s', async (more) => {
    const { status, text } = await ask(more)
    expect(`${status} ${text.slice(0, 200)}`).toStartWith('200 ')
  })

  test.each(['-1', '"x"', '1.5', 'true', '{}', '12345678901234567890', '1e3', '-0'])('a limit of %s', async (limit) => {
    // The data face takes whatever is no number or too large for 100.
    const { status } = await ask(`"limit":${limit}`)
    expect(status).toBeOneOf([200, 400])
  })

  test('forged bookmarks', async () => {
    const first = JSON.parse((await ask('"limit":2')).text).bookmark as string
    const genuine = JSON.parse(Buffer.from(first, 'base64url').toString()) as { k: unknown[]; d: string }
    const forged: readonly unknown[] = [
      {},
      [],
      null,
      { ...genuine, d: 'a\u0000b' },
      { ...genuine, d: 1 },
      { ...genuine, k: [] },
      { ...genuine, k: 'x' },
      { ...genuine, k: [['04', '\u0000']] },
      { ...genuine, k: ['zz'] },
      { ...genuine, k: [''] },
      { ...genuine, k: [[1, 2]] },
      { ...genuine, k: [...genuine.k, ...genuine.k] },
      { ...genuine, v: 2 },
      { ...genuine, i: '1-x' },
      { ...genuine, i: '_all_docs' },
      { ...genuine, g: 1 },
    ]
    for (const value of forged) {
      const bookmark = Buffer.from(JSON.stringify(value)).toString('base64url')
      const reply = await ask(`"bookmark":"${bookmark}"`)
      expectRefusal(reply, 400, JSON.stringify(value))
      expect(JSON.parse(reply.text).error).toBe('invalid_bookmark')
    }
    const odd = [
      { ...genuine, d: 'x'.repeat(100_000) },
      { ...genuine, d: '../../' },
      { ...genuine, k: ['ff'.repeat(10_000)] },
      { ...genuine, k: [['04', 'x'.repeat(100_000)]] },
    ]
    for (const value of odd) {
      const bookmark = Buffer.from(JSON.stringify(value)).toString('base64url')
      expect((await ask(`"bookmark":"${bookmark}"`)).status).toBeOneOf([200, 400])
    }
    expectRefusal(await ask(`"bookmark":"${first.slice(1)}"`), 400)
    expectRefusal(await ask(`"bookmark":"${first}=="`), 400)
    expectRefusal(await ask(`"bookmark":"${'x'.repeat(1_000_000)}"`), 400)
    expect((await ask(`"bookmark":"${first}"`)).status).toBe(200)
  })
})
