/** Bodies that are not JSON, or not the JSON that is wanted, on every route that takes one. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { expectRefusal, openTarget, type Target } from './target.ts'

let target: Target
beforeAll(async () => {
  target = await openTarget('bad.bodies')
}, 60_000)
afterEach(() => target.unharmed())

const bytes = (...values: (number | string)[]) =>
  Buffer.concat(values.map((value) => (typeof value === 'string' ? Buffer.from(value) : Buffer.from([value]))))
const nested = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels)

const takers = [
  'POST /data/{db}',
  'POST /data/{db}/',
  'PUT /data/{db}/x',
  'POST /data/{db}/_bulk_docs',
  'POST /data/{db}/_find',
  'POST /data/{db}/_explain',
  'POST /data/{db}/_index',
  'POST /data/{db}/_index/_bulk_delete',
  'POST /data/{db}/_all_docs',
  'POST /couchdb/{db}',
  'PUT /couchdb/{db}/x',
  'PUT /couchdb/{db}/_design/x',
  'POST /couchdb/{db}/_bulk_docs',
  'POST /couchdb/{db}/_find',
  'POST /couchdb/{db}/_explain',
  'POST /couchdb/{db}/_index',
  'POST /couchdb/{db}/_index/_bulk_delete',
  'POST /couchdb/{db}/_all_docs',
  'POST /couchdb/_dbs_info',
  'POST /couchdb/_session',
  'PUT /couchdb/{db}/_revs_limit',
] as const

const malformed: readonly [name: string, body: string | Uint8Array][] = [
  ['cut short', '{"a":'],
  ['cut inside a text', '{"a":"x'],
  ['cut inside an escape', '{"a":"\\u12'],
  ['cut inside a character', bytes('{"a":"', 0xe6, 0x97)],
  ['one bracket', '['],
  ['a comma too many', '{"a":1,}'],
  ['no value', '{"a":}'],
  ['single quotes', "{'a':1}"],
  ['no quotes', '{a:1}'],
  ['a comment', '{"a":1/**/}'],
  ['two values', '{} {}'],
  ['text behind it', '{}x'],
  ['form data', 'a=1&b=2'],
  ['a control character in a text', '{"a":"\u0001"}'],
  ['a raw NUL', '{"a":"\u0000"}'],
  ['NULs only', '\u0000\u0000'],
  ['a wrong escape', '{"a":"\\x"}'],
  ['a byte order mark', bytes(0xef, 0xbb, 0xbf, '{}')],
  ['UTF-16', Buffer.from('{"a":1}', 'utf16le')],
  ['a byte that is no UTF-8', bytes('{"a":"', 0xff, '"}')],
  ['an overlong form', bytes('{"a":"', 0xc0, 0xaf, '"}')],
  ['a surrogate as UTF-8', bytes('{"a":"', 0xed, 0xa0, 0x80, '"}')],
  ['a name with half a surrogate pair', '{"\\ud800":1}'],
  ['half a surrogate pair', '{"a":"\\udc00\\ud800"}'],
  ['half a surrogate pair deep inside', '{"a":[{"b":["\\uD83Cx"]}]}'],
  ['gzip', Bun.gzipSync(Buffer.from('{"a":1}'))],
  ['a leading zero', '{"a":01}'],
  ['a plus sign', '{"a":+1}'],
  ['a hexadecimal number', '{"a":0x10}'],
  ['a number that begins with a dot', '{"a":.5}'],
  ['a number that ends with a dot', '{"a":1.}'],
  ['NaN', '{"a":NaN}'],
  ['Infinity', '{"a":-Infinity}'],
  ['1e400', '{"a":1e400}'],
  ['-1e400 deep inside', '{"a":[{"b":-1e400}]}'],
  ['an integer of 400 digits', `{"a":${'7'.repeat(400)}}`],
  ['a fraction of 400 digits in front of the dot', `{"a":${'7'.repeat(400)}.5}`],
  ['10,000 arrays in each other', nested('[', ']', 10_000)],
  ['10,000 objects in each other', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
  ['10,000 arrays that are never closed', '['.repeat(10_000)],
  ['a million arrays', nested('[', ']', 1_000_000)],
  ['10,000 arrays inside a document', `{"a":${nested('[', ']', 10_000)}}`],
  ['10,000 arrays inside a list of documents', `{"docs":[{"a":${nested('[', ']', 10_000)}}]}`],
  ['10,000 selectors in each other', `{"selector":${'{"$not":'.repeat(10_000)}1${'}'.repeat(10_000)}}`],
]

const wrongType: readonly [name: string, body: string][] = [
  ['null', 'null'],
  ['true', 'true'],
  ['a number with a fraction', '1.5'],
  ['a text', '"x"'],
  ['an array', '[]'],
  ['an array of arrays', '[[]]'],
  ['an array of an object', '[{}]'],
]

/** These two take small bodies only. */
const small: readonly string[] = ['POST /couchdb/_session', 'PUT /couchdb/{db}/_revs_limit']

describe.each([...malformed, ...wrongType])('%s', (_name, body) => {
  test.each(takers)('%s', async (request) => {
    expectRefusal(await target.ask(request, body), small.includes(request) ? [400, 413] : 400, request)
  })
})

describe('no body at all', () => {
  test.each(takers.filter((request) => !request.includes('_all_docs')))('%s', async (request) => {
    expectRefusal(await target.ask(request), 400, request)
  })
})

describe('wrong content types', () => {
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16', 'é', '', '*/*']

  test.each(types)('%s is read as JSON under /data', async (type) => {
    const headers = { 'content-type': Buffer.from(type).toString('latin1') }
    const made = await target.ask('POST /data/{db}', { a: 1 }, headers)
    expect(made.status).toBe(201)
    expect((await target.ask('POST /data/{db}/_bulk_docs', { docs: [] }, headers)).status).toBe(201)
  })

  test.each(types.slice(0, 2))('%s is 415 under /couchdb', async (type) => {
    for (const request of takers.filter((taker) => taker.startsWith('POST /couchdb/{db}'))) {
      expectRefusal(await target.ask(request, {}, { 'content-type': type }), 415, request)
    }
  })
})

describe('a list of documents with one that is wrong', () => {
  const wrong: readonly [name: string, text: string][] = [
    ['null', 'null'],
    ['an array', '[]'],
    ['an id that is a number', '{"_id":5}'],
    ['an empty id', '{"_id":""}'],
    ['a reserved id', '{"_id":"_x"}'],
    ['an id with U+0000', '{"_id":"a\\u0000b"}'],
    ['the id .', '{"_id":"."}'],
    ['the id ..', '{"_id":".."}'],
    ['an id of 1,025 bytes', `{"_id":"${'x'.repeat(1025)}"}`],
    ['a revision that is an object', '{"_rev":{}}'],
    ['a revision without a generation', '{"_rev":"abc"}'],
    ['a revision of a generation beyond all', '{"_rev":"99999999999999999999-abc"}'],
    ['a revision with U+0000', '{"_rev":"1-a\\u0000"}'],
    ['a revision of 2,000 bytes', `{"_rev":"1-${'x'.repeat(2000)}"}`],
    ['a special member', '{"_foo":1}'],
    ['the special member _', '{"_":1}'],
    ['__proto__', '{"__proto__":{"a":1}}'],
    ['_deleted that is a text', '{"_deleted":"yes"}'],
    ['_revisions that is a number', '{"_revisions":1}'],
    ['_revisions that is empty', '{"_revisions":{}}'],
    ['_revisions with numbers', '{"_revisions":{"start":1,"ids":[1]}}'],
    ['_revisions with too many', '{"_revisions":{"start":1,"ids":["a","b"]}}'],
    ['_revisions below 0', '{"_revisions":{"start":-1,"ids":["a"]}}'],
    ['_revisions beyond all', '{"_revisions":{"start":12345678901234567890,"ids":["a"]}}'],
    ['_revisions with U+0000', '{"_revisions":{"start":1,"ids":["a\\u0000"]}}'],
    ['attachments that are a list', '{"_attachments":[]}'],
    ['an attachment that is a text', '{"_attachments":{"a":"eA=="}}'],
    ['an attachment without content', '{"_attachments":{"a":{}}}'],
    ['an attachment that is no base64', '{"_attachments":{"a":{"data":"eA="}}}'],
    ['an attachment in base64 for URLs', '{"_attachments":{"a":{"data":"-_-_"}}}'],
    ['an attachment without name', '{"_attachments":{"":{"data":"eA=="}}}'],
    ['an attachment with an underscore in front', '{"_attachments":{"_a":{"data":"eA=="}}}'],
    ['an attachment with U+0000 in its name', '{"_attachments":{"a\\u0000":{"data":"eA=="}}}'],
    ['an attachment with a number for a type', '{"_attachments":{"a":{"data":"eA==","content_type":5}}}'],
    ['an attachment that is to follow', '{"_attachments":{"a":{"follows":true,"length":1}}}'],
    ['201 levels', `{"a":${nested('[', ']', 200)}}`],
  ]

  test.each(wrong)('%s: 400, and nothing is written', async (name, text) => {
    for (const [face, newEdits] of [
      ['data', true],
      ['couchdb', true],
      ['couchdb', false],
    ] as const) {
      const good = JSON.stringify({ _id: `beside ${name}`, ...(newEdits ? {} : { _rev: '1-abc' }) })
      const body = `{"new_edits":${newEdits},"docs":[${good},${text}]}`
      expectRefusal(await target.ask(`POST /${face}/{db}/_bulk_docs`, body), 400)
      expect((await target.ask(`GET /${face}/{db}/${encodeURIComponent(`beside ${name}`)}`)).status).toBe(404)
    }
  })

  test.each(wrong.slice(2))('%s: 400 alone as well', async (name, text) => {
    // The data face takes an empty id for none, so that clients may send `_id: ""`.
    const faces = name === 'an empty id' ? ['couchdb'] : ['data', 'couchdb']
    for (const face of faces) {
      expectRefusal(await target.ask(`POST /${face}/{db}`, text), 400)
      expectRefusal(await target.ask(`PUT /${face}/{db}/never`, text), 400)
      expect((await target.ask(`GET /${face}/{db}/never`)).status).toBe(404)
    }
  })

  test.each([
    ['no docs', {}],
    ['docs that is an object', { docs: {} }],
    ['docs that is a text', { docs: 'x' }],
    ['docs of the prototype', '{"__proto__":{"docs":[{"_id":"never"}]}}'],
    ['new_edits that is a text', { docs: [], new_edits: 'false' }],
    ['new_edits that is null', { docs: [], new_edits: null }],
    ['new_edits false without revisions', { docs: [{ _id: 'never' }], new_edits: false }],
  ])('%s', async (_name, body) => {
    for (const face of ['data', 'couchdb']) {
      expectRefusal(await target.ask(`POST /${face}/{db}/_bulk_docs`, body), 400)
    }
  })
})

describe('odd documents are kept exactly', () => {
  const odd: readonly [name: string, members: string][] = [
    ['an integer that no double holds', '"n":12345678901234567890'],
    ['an integer of 300 digits', `"n":-${'9'.repeat(300)}`],
    ['integers around 2^53', '"n":[9007199254740991,9007199254740992,9007199254740993,-9007199254740993]'],
    ['floats', '"n":[1.0,0.1,-1.5,-0.000001,1234567890.125]'],
    ['U+0000 in texts and names', '"a\\u0000b":"\\u0000","c":["\\\\u0000"]'],
    ['surrogate pairs', '"e":"\\ud83c\\udf88 \u{1f388}"'],
    ['separators and the last characters', '"s":"\u2028\u2029\uffff\ufffe"'],
    ['names of Object', '"constructor":{"prototype":{"x":1}},"hasOwnProperty":1,"toString":null,"length":-1'],
    ['members called __proto__', '"a":{"__proto__":{"x":1},"b":[{"__proto__":null}]}'],
    ['empty and dotted names', '"":{"":""},"a.b":1,"$or":[],".":0'],
    ['200 levels', `"a":${nested('[', ']', 199)}`],
    ['empty things', '"a":[],"o":{},"t":"","z":null,"f":false'],
    ['a long text', `"t":"${'é'.repeat(100_000)}"`],
    ['10,000 members', Array.from({ length: 10_000 }, (_, n) => `"m${n}":${n}`).join()],
  ]

  /** The text without blanks between members, as the numbers stand. */
  const plain = (text: string) => {
    const value = JSON.parse(text, (_name, value, { source }: { source?: string } = {}) =>
      typeof value === 'number' ? `number ${source}` : value,
    )
    const { _id, _rev, _type, ...members } = value
    return members
  }

  test.each(odd)('%s', async (name, members) => {
    for (const [writer, reader] of [
      ['data', 'couchdb'],
      ['couchdb', 'data'],
    ] as const) {
      const path = `{db}/${encodeURIComponent(`${name} by ${writer}`)}`
      expect((await target.ask(`PUT /${writer}/${path}`, `{${members}}`)).status).toBe(writer === 'data' ? 200 : 201)
      for (const face of [writer, reader]) {
        const { status, text } = await target.ask(`GET /${face}/${path}`)
        expect(status).toBe(200)
        expect(plain(text)).toEqual(plain(`{${members}}`))
      }
    }
  })

  test('of two equal names the last counts', async () => {
    await target.ask('PUT /data/{db}/twice', '{"a":1,"a":2}')
    expect(JSON.parse((await target.ask('GET /data/{db}/twice')).text)).toMatchObject({ a: 2 })
  })

  test('no name reaches a prototype', async () => {
    await target.ask(
      'PUT /data/{db}/polluter',
      '{"a":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}',
    )
    for (const query of ['Fields=a.__proto__.polluted', 'Fields=__proto__.polluted,constructor.prototype.polluted']) {
      expect((await target.ask(`GET /data/{db}/_all_docs?${query}`)).status).toBe(200)
    }
    const found = await target.ask('POST /couchdb/{db}/_find', { selector: { 'constructor.name': { $exists: true } } })
    expect(JSON.parse(found.text)).toMatchObject({ docs: [] })
    const projected = { selector: { _id: 'sentinel/é' }, fields: ['__proto__.a', 'toString', 'nested.constructor'] }
    expect(JSON.parse((await target.ask('POST /couchdb/{db}/_find', projected)).text)).toMatchObject({
      docs: [{ nested: { constructor: 1 } }],
    })
  })
})
