/** Ids and names of databases out of the ordinary: those that are allowed work, the others are refused in words. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { expectRefusal, openTarget, type Target } from './target.ts'

let target: Target
beforeAll(async () => {
  target = await openTarget('bad.names')
}, 60_000)
afterEach(() => target.unharmed())

describe('ids that work', () => {
  const allowed: readonly [id: string, path?: string][] = [
    ['a/b'],
    ['a/b', 'a%2fb'],
    ['/', '%2F'],
    ['//a//', '%2F%2Fa%2F%2F'],
    ['%2F', '%252F'],
    ['%', '%25'],
    ['%zz', '%25zz'],
    ['a+b', 'a+b'],
    ['a b', 'a%20b'],
    ['a&b=c'],
    ['a?b#c'],
    ['é', '%c3%a9'],
    ['e\u0301'],
    ['日本語'],
    ['🎈'],
    ['\u202eright to left'],
    ['\u0001\u007f\n\r\t'],
    ['"quotes"\\'],
    ["'"],
    ['...'],
    ['.a'],
    ['..a'],
    ['a/../b'],
    ['a/./b'],
    ['a_', 'a_'],
    ['__proto__'.slice(2)],
    ['constructor'],
    ['toString'],
    ['null'],
    ['0'],
    [' ', '%20'],
    ['\uffff'],
    ['Set-Cookie: a=b\r\nX: y'],
    ['x'.repeat(1024)],
    ['é'.repeat(512)],
  ]

  test.each(allowed)('%j', async (id, path = encodeURIComponent(id)) => {
    for (const [writer, reader] of [
      ['data', 'couchdb'],
      ['couchdb', 'data'],
    ] as const) {
      const made = await target.ask(`PUT /${writer}/{db}/${path}`, { by: writer })
      expect(made.status).toBeOneOf([200, 201])
      expect(made.headers.get('set-cookie')).toBeNull()
      expect(made.headers.get('x')).toBeNull()
      const read = await target.ask(`GET /${reader}/{db}/${path}`)
      const { _id, _rev, by } = JSON.parse(read.text)
      expect({ _id, by }).toEqual({ _id: id, by: writer })
      const keys = await target.ask(`POST /${reader}/{db}/_all_docs`, { keys: [id] })
      expect(JSON.parse(keys.text).rows).toEqual([{ id, key: id, value: { rev: _rev } }])
      expect((await target.ask(`DELETE /${writer}/{db}/${path}?rev=${_rev}`)).status).toBe(200)
      expect((await target.ask(`HEAD /${reader}/{db}/${path}`)).status).toBe(404)
    }
  })
})

describe('ids that are refused', () => {
  const refused: readonly [name: string, path: string][] = [
    ['a wrong escape', '%zz'],
    ['an escape cut short', 'a%2'],
    ['a lone percent sign', '%'],
    ['a byte that is no UTF-8', '%ff'],
    ['a character cut short', '%e6%97'],
    ['a surrogate', '%ed%a0%80'],
    ['an overlong slash', '%c0%af'],
    ['U+0000', '%00'],
    ['U+0000 inside', 'a%00b'],
    ['.', '.'],
    ['..', '..'],
    ['. escaped', '%2E'],
    ['.. escaped', '%2e%2E'],
    ['1,025 bytes', 'x'.repeat(1025)],
    ['1,026 bytes of 513 characters', encodeURIComponent('é'.repeat(513))],
    ['8 kB', 'x'.repeat(8192)],
    ['60 kB', 'x'.repeat(60_000)],
  ]

  test.each(refused)('%s', async (_name, path) => {
    for (const face of ['data', 'couchdb']) {
      expectRefusal(await target.ask(`PUT /${face}/{db}/${path}`, { a: 1 }), 400)
      expectRefusal(await target.ask(`GET /${face}/{db}/${path}`), 400)
      expectRefusal(await target.ask(`DELETE /${face}/{db}/${path}?rev=1-abc`), 400)
      expectRefusal(await target.ask(`PUT /${face}/{db}/${path}?rev=1-abc`, { a: 1 }), 400)
    }
    expectRefusal(await target.ask(`COPY /couchdb/{db}/sentinel%2F%C3%A9`, undefined, { destination: path }), 400)
  })

  test.each(['_foo', '_a%2Fb', '__proto__', '_'])('%s begins with an underscore', async (path) => {
    for (const face of ['data', 'couchdb']) {
      expectRefusal(await target.ask(`PUT /${face}/{db}/${path}`, { a: 1 }), [400, 404, 405])
      expectRefusal(await target.ask(`GET /${face}/{db}/${path}`), [400, 404])
      expectRefusal(await target.ask(`DELETE /${face}/{db}/${path}?rev=1-abc`), [400, 404])
    }
  })

  test.each(['%00', 'a%00b', '%zz', '%ff', 'x'.repeat(1025)])('design documents: %.20s', async (path) => {
    for (const face of ['data', 'couchdb']) {
      expectRefusal(await target.ask(`GET /${face}/{db}/_design/${path}`), [400, 404])
      expectRefusal(await target.ask(`DELETE /${face}/{db}/_design/${path}?rev=1-abc`), [400, 404])
      expectRefusal(await target.ask(`DELETE /${face}/{db}/_index/${path}/json/x`), [400, 404])
      expectRefusal(await target.ask(`DELETE /${face}/{db}/_index/_design/x/json/${path}`), [400, 404])
    }
    expectRefusal(await target.ask(`PUT /couchdb/{db}/_design/${path}`, {}), 400)
    expectRefusal(
      await target.ask(`POST /data/{db}/_design/${path}/copy`, null, { destination: '_design/x' }),
      [400, 404],
    )
    const headers = { destination: `_design/${path}` }
    expectRefusal(await target.ask('POST /data/{db}/_design/x/copy', null, headers), [400, 404])
    expectRefusal(await target.ask('COPY /couchdb/{db}/sentinel%2F%C3%A9', undefined, headers), 400)
  })

  test.each(['', ' ', 'http://elsewhere/x', 'x?rev=bad', 'x?foo=1', '%0d%0aX: y?rev=1'])(
    'a Destination that is %j',
    async (destination) => {
      expectRefusal(
        await target.ask('COPY /couchdb/{db}/sentinel%2F%C3%A9', undefined, { destination }),
        destination === ' ' ? [400, 201] : 400,
      )
      expectRefusal(await target.ask('POST /data/{db}/_design/x/copy', null, { destination }), 400)
    },
  )
})

describe('doctypes', () => {
  const refused: readonly [name: string, segment: string][] = [
    ['upper case', 'Test.Type'],
    ['a slash', 'a%2Fb'],
    ['two dots', 'a..b'],
    ['only dots', '..'],
    ['only dots, escaped', '%2E%2e'],
    ['a dot', '.'],
    ['a dot in front', '.a'],
    ['a dot behind', 'a.'],
    ['a hyphen', 'a-b'],
    ['a blank', 'a%20b'],
    ['a plus sign', 'a+b'],
    ['a letter with an accent', '%C3%A9'],
    ['a digit of another script', '%D9%A1'],
    ['U+0000', 'a%00'],
    ['a line break', 'a%0Ab'],
    ['__proto__', '__proto__'],
    ['an underscore in front', '_users'],
    ['201 characters', 'a'.repeat(201)],
    ['5,000 characters', 'a'.repeat(5000)],
    ['a traversal', '..%2F..%2Fetc%2Fpasswd'],
    ['SQL', "x';drop%20table%20docs;--"],
  ]

  test.each(refused)('%s: 403 on every route', async (_name, segment) => {
    const requests: readonly [request: string, body?: unknown][] = [
      ['GET /data/T'],
      ['PUT /data/T'],
      ['DELETE /data/T'],
      ['POST /data/T', {}],
      ['GET /data/T/x'],
      ['PUT /data/T/x', {}],
      ['DELETE /data/T/x?rev=1-a'],
      ['GET /data/T/_all_docs'],
      ['POST /data/T/_bulk_docs', { docs: [] }],
      ['POST /data/T/_find', { selector: {} }],
      ['POST /data/T/_index', { index: { fields: ['a'] } }],
    ]
    for (const [request, body] of requests) {
      const reply = await target.ask(
        request.replace('/T', () => `/${segment}`),
        body,
      )
      expectRefusal(reply, 403, request)
      expect(JSON.parse(reply.text).error).toContain('is not a valid doctype name')
    }
  })

  test('a name that is badly escaped: 400', async () => {
    for (const segment of ['%zz', '%ff', '%']) {
      expectRefusal(await target.ask(`GET /data/${segment}/x`), 400)
      expectRefusal(await target.ask(`GET /couchdb/${segment}/x`), 400)
    }
  })

  test('an empty name: 404 or 405, never another doctype', async () => {
    for (const path of ['/data//x', '/data//', '/couchdb//x', '//data/x', '/data//_all_docs']) {
      expectRefusal(await target.ask(`GET ${path}`), [400, 404])
      expectRefusal(await target.ask(`PUT ${path}`, {}), [400, 404, 405])
    }
  })

  test.each(['constructor', 'hasownproperty', '0', '1.2.3', 'a'.repeat(200), 'select'])('%.20s works', async (name) => {
    const made = await target.ask(`POST /data/${name}`, { a: 1 })
    expect(made.status).toBe(201)
    const { id } = JSON.parse(made.text)
    expect(JSON.parse((await target.ask(`GET /couchdb/${name}/${id}`)).text)).toMatchObject({ a: 1 })
    expect((await target.ask(`DELETE /data/${name}`)).status).toBe(200)
  })
})

describe('databases', () => {
  const refused = [
    'A',
    '1-a',
    '_x',
    'a%20b',
    'a.B',
    'a%2E%2E',
    'a%00',
    '%C3%A9',
    '-a',
    `a-${'b'.repeat(300)}`,
    '..%2Fx',
  ]

  test.each(refused)('%.20s: 400 to create, 404 to use', async (name) => {
    const reply = await target.ask(`PUT /couchdb/${name}`)
    expectRefusal(reply, [400, 404, 405])
    expectRefusal(await target.ask(`GET /couchdb/${name}`), 404)
    expectRefusal(await target.ask(`DELETE /couchdb/${name}`), [400, 404, 405])
    expectRefusal(await target.ask(`POST /couchdb/${name}`, {}), [400, 404, 405])
    expectRefusal(await target.ask(`PUT /couchdb/${name}/x`, {}), [400, 404, 405])
    expectRefusal(await target.ask(`POST /couchdb/${name}/_bulk_docs`, { docs: [] }), [400, 404, 405])
  })

  test.each(['a%2Fb', 'a-b', 'a+b', 'a$(b)', 'a%2F..'.slice(0, -2)])('%s works', async (name) => {
    expect((await target.ask(`PUT /couchdb/${name}`)).status).toBe(201)
    expect((await target.ask(`PUT /couchdb/${name}/x`, { a: 1 })).status).toBe(201)
    expect((await target.ask(`DELETE /couchdb/${name}`)).status).toBe(200)
  })
})
