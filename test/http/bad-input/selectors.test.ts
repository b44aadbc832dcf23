/** Selectors, patterns and bookmarks out of the ordinary: refused in words or answered, and always soon. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { numbers, repeated } from './odd-values.ts'
import { expectRefusal, faces, openTarget, type Target } from './target.ts'

let target: Target
beforeAll(async () => {
  target = await openTarget('bad.selectors')
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
    // The data face takes whatever is not a number or too large for 100.
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
