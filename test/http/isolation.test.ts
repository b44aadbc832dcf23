/** Two instances on one server share an engine and nothing else. Rows run in order: the last ones delete an instance. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { sharedServer, type TestServer } from '../support/server.ts'

const type = 'test.isolation'
const domains = { a: 'a.isolation.test', b: 'b.isolation.test' } as const
type Name = keyof typeof domains

let server: TestServer
const tokens: Record<Name, string> = { a: '', b: '' }

interface Call {
  /** Whose token goes along; by default that of the instance asked. */
  readonly as?: Name
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** `METHOD path` at one instance: status and parsed body. */
async function at(name: Name, request: string, { as = name, body, headers = {} }: Call = {}) {
  const [method = '', path = ''] = request.split(' ')
  const response = await server.fetch(path, {
    method,
    headers: {
      host: domains[name],
      authorization: `Bearer ${tokens[as]}`,
      'content-type': 'application/json',
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, text, json: text === '' ? undefined : JSON.parse(text), headers: response.headers }
}

/** Without the doctypes that every instance begins with. */
function own(databases: readonly string[]): readonly string[] {
  return databases.filter((name) => !/^(?:io\.cozy|com\.bitwarden)\./.test(name))
}

async function admin(method: string, path: string): Promise<number> {
  const authorization = `Basic ${btoa(`admin:${server.passphrase}`)}`
  const response = await server.fetch(`${server.adminUrl}${path}`, { method, headers: { authorization } })
  await response.arrayBuffer()
  return response.status
}

/** All that an instance shows of itself. */
async function everything(name: Name): Promise<readonly string[]> {
  const requests = [
    'GET /data/_all_doctypes',
    'GET /couchdb/_all_dbs',
    `GET /data/${type}`,
    `GET /data/${type}/_all_docs?include_docs=true`,
    `GET /data/${type}/_design_docs?include_docs=true`,
    `GET /data/${type}/_index`,
    `GET /data/${type}/same`,
    `GET /couchdb/${type}/same?revs=true`,
    `GET /couchdb/only-${name}/x`,
  ]
  const seen: string[] = []
  for (const request of requests) {
    const { status, text } = await at(name, request)
    // Sizes are told by statistics, which come late.
    seen.push(`${request}: ${status} ${text.replace(/"sizes":\{[^}]*\}|"(?:disk|data)_size":\d+/g, '')}`)
  }
  return seen
}

beforeAll(async () => {
  server = await sharedServer()
  for (const name of ['a', 'b'] as const) {
    await admin('DELETE', `/instances/${domains[name]}`)
    await server.createInstance(domains[name])
    tokens[name] = await server.token('*', { domain: domains[name] })
    const docs = [
      { _id: 'same', of: name, secret: `of ${name}` },
      ...Array.from({ length: 30 }, (_, n) => ({ _id: `${name}${n}`, n, of: name })),
    ]
    expect((await at(name, `POST /data/${type}/_bulk_docs`, { body: { docs } })).status).toBe(201)
    expect((await at(name, `PUT /couchdb/only-${name}`)).status).toBe(201)
    expect((await at(name, `PUT /couchdb/only-${name}/x`, { body: { of: name } })).status).toBe(201)
  }
  const index = { index: { fields: ['n'] }, ddoc: 'of-a' }
  expect((await at('a', `POST /data/${type}/_index`, { body: index })).status).toBe(200)
}, 60_000)

describe('each sees its own', () => {
  test('document under the same id', async () => {
    for (const name of ['a', 'b'] as const) {
      expect((await at(name, `GET /data/${type}/same`)).json).toMatchObject({ of: name, secret: `of ${name}` })
    }
  })

  test('lists, counts and doctypes', async () => {
    for (const name of ['a', 'b'] as const) {
      const { rows } = (await at(name, `GET /data/${type}/_normal_docs`)).json
      expect(rows).toHaveLength(31)
      expect(rows.every((row: { of: string }) => row.of === name)).toBe(true)
      expect(own((await at(name, 'GET /couchdb/_all_dbs')).json)).toEqual([`only-${name}`, type])
      expect(own((await at(name, 'GET /data/_all_doctypes')).json)).toEqual([type])
    }
    expect((await at('b', 'GET /couchdb/only-a')).status).toBe(404)
    expect((await at('b', 'GET /couchdb/only-a/x')).status).toBe(404)
    const infos = await at('b', 'POST /couchdb/_dbs_info', { body: { keys: ['only-a', 'only-b'] } })
    expect(infos.json).toMatchObject([{ key: 'only-a', error: 'not_found' }, { key: 'only-b' }])
  })

  test('indexes', async () => {
    const find = { body: { selector: { n: { $gte: 0 } }, use_index: 'of-a' } }
    const own = await at('a', `POST /data/${type}/_find`, find)
    expect(own.json.docs).toHaveLength(30)
    expect((await at('b', `POST /data/${type}/_find`, find)).json).toMatchObject({ error: 'no_index' })
    expect((await at('b', `GET /data/${type}/_design/of-a`)).status).toBe(404)
    expect((await at('b', `GET /data/${type}/_index`)).json.total_rows).toBe(1)
    expect((await at('b', `DELETE /data/${type}/_index/of-a/json/${own.json.name}`)).status).toBe(404)
  })

  test('documents, though both have the same index and share bookmarks', async () => {
    const index = { index: { fields: ['n'] }, ddoc: 'shared' }
    const question = { selector: { n: { $gte: 0 } }, use_index: 'shared', limit: 10 }
    let bookmark = ''
    for (const name of ['a', 'b'] as const) {
      expect((await at(name, `POST /data/${type}/_index`, { body: index })).status).toBe(200)
      const { json } = await at(name, `POST /data/${type}/_find`, { body: question })
      expect(json.docs.map((doc: { _id: string }) => doc._id)).toEqual(
        Array.from({ length: 10 }, (_, n) => `${name}${n}`),
      )
      if (name === 'a') bookmark = json.bookmark
    }
    const foreign = await at('b', `POST /data/${type}/_find`, { body: { ...question, bookmark } })
    expect(foreign.status).toBeOneOf([200, 400])
    expect(foreign.text).not.toContain('"of": "a"')
    expect((foreign.json.docs ?? []).every((doc: { of: string }) => doc.of === 'b')).toBe(true)
    const page = Buffer.from('after:a0').toString('base64url')
    expect((await at('b', `GET /data/${type}/_normal_docs?bookmark=${page}`)).text).not.toContain('of a')
  })

  test('writes, though they come at the same time under the same ids', async () => {
    const ids = Array.from({ length: 100 }, (_, n) => `together${n}`)
    const write = (name: Name) => ids.map((id) => at(name, `PUT /data/${type}/${id}`, { body: { of: name } }))
    const answers = await Promise.all([...write('a'), ...write('b')])
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200))
    const reads = await Promise.all(
      ids.flatMap((id) =>
        (['a', 'b'] as const).map(async (name) => [name, (await at(name, `GET /data/${type}/${id}`)).json.of]),
      ),
    )
    expect(reads.every(([name, of]) => name === of)).toBe(true)
  })

  test('sequence and revisions: what one writes and drops moves nothing of the other', async () => {
    const before = await everything('b')
    const { rev } = (await at('a', `PUT /data/${type}/moved`, { body: { n: 1 } })).json
    expect((await at('a', `DELETE /data/${type}/moved?rev=${rev}`)).status).toBe(200)
    expect((await at('a', 'DELETE /couchdb/only-a')).status).toBe(200)
    expect((await at('a', `DELETE /data/${type}/_design/shared?rev=1-abc`)).status).toBe(409)
    expect(await everything('b')).toEqual(before)
  })
})

describe('a token of the other', () => {
  // `undefined` is written out: a test function with more parameters than its row is given a callback.
  const requests: readonly [request: string, body: unknown][] = [
    [`GET /data/${type}/same`, undefined],
    [`PUT /data/${type}/same`, { stolen: true }],
    [`POST /data/${type}`, { stolen: true }],
    [`DELETE /data/${type}/same?rev=1-abc`, undefined],
    [`DELETE /data/${type}`, undefined],
    [`GET /data/${type}/_all_docs`, undefined],
    [`POST /data/${type}/_find`, { selector: {} }],
    [`POST /data/${type}/_index`, { index: { fields: ['of'] } }],
    [`POST /data/${type}/_bulk_docs`, { docs: [{ stolen: true }] }],
    ['GET /data/_all_doctypes', undefined],
    ['GET /data/test.nowhere/x', undefined],
  ]

  test.each(requests)('%s', async (request, body) => {
    const before = await everything('b')
    const refused = await at('b', request, { as: 'a', body })
    expect(refused.status).toBe(400)
    expect(refused.json).toEqual({ error: 'code=400, message=Invalid JWT token' })
    const couchdb = await at(
      'b',
      request.replace('/data/_all_doctypes', '/data/_all_dbs').replace('/data', '/couchdb'),
      {
        as: 'a',
        body,
      },
    )
    expect(couchdb.status).toBe(401)
    expect(couchdb.json).toMatchObject({ error: 'unauthorized' })
    expect(await everything('b')).toEqual(before)
  })

  test('by password, query or cookie', async () => {
    const basic = { authorization: `Basic ${btoa(`any:${tokens.a}`)}` }
    expect((await at('b', `GET /data/${type}/same`, { headers: basic })).status).toBe(400)
    expect((await at('b', `GET /couchdb/${type}/same`, { headers: basic })).status).toBe(401)
    const none = { authorization: '' }
    expect((await at('b', `GET /data/${type}/same?bearer_token=${tokens.a}`, { headers: none })).status).toBe(400)
    const login = { name: 'any', password: tokens.a }
    expect((await at('b', 'POST /couchdb/_session', { headers: none, body: login })).status).toBe(401)
    const session = await at('a', 'POST /couchdb/_session', { headers: none, body: login })
    expect(session.status).toBe(200)
    const cookie = (session.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    expect(cookie).toStartWith('AuthSession=')
    const withCookie = { headers: { authorization: '', cookie } }
    expect((await at('a', `GET /couchdb/${type}/same`, withCookie)).json).toMatchObject({ of: 'a' })
    expect((await at('b', `GET /couchdb/${type}/same`, withCookie)).status).toBe(401)
  })

  test('opens no door of the administrator', async () => {
    for (const authorization of [`Bearer ${tokens.a}`, `Basic ${btoa(`admin:${tokens.a}`)}`]) {
      const answer = await server.fetch(`${server.adminUrl}/instances`, { headers: { authorization } })
      expect(answer.status).toBeOneOf([401, 403])
    }
    for (const path of ['/instances', `/instances/${domains.b}`, '/metrics']) {
      expect((await at('a', `GET ${path}`)).status).toBe(404)
    }
  })
})

describe('deleting an instance', () => {
  let oldToken = ''
  let before: readonly string[] = []

  test('takes effect at once, whatever is being written', async () => {
    before = await everything('b')
    oldToken = tokens.a
    let stop = false
    const statuses = new Set<number>()
    const writing = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; !stop; n++) {
        const { status } = await at('a', `PUT /data/${type}/late-${writer}-${n}`, { body: { n } })
        statuses.add(status)
      }
    })
    await Bun.sleep(100)
    expect(await admin('DELETE', `/instances/${domains.a}`)).toBe(204)
    const gone = await at('a', `GET /data/${type}/same`)
    await Bun.sleep(100)
    stop = true
    await Promise.all(writing)
    expect(gone.status).toBe(404)
    expect(gone.text).not.toContain('of a')
    expect(statuses).toContain(200)
    expect([...statuses].filter((status) => status >= 500)).toEqual([])
    expect((await at('a', 'GET /couchdb/_all_dbs')).status).toBe(404)
    expect(await admin('GET', `/instances/${domains.a}`)).toBe(404)
  })

  test('leaves the other one as it was', async () => {
    expect(await everything('b')).toEqual(before)
    const { _rev } = (await at('b', `GET /data/${type}/same`)).json
    expect((await at('b', `PUT /data/${type}/same`, { body: { _id: 'same', _rev, of: 'b' } })).status).toBe(200)
    const find = { body: { selector: { n: { $gte: 0 } }, use_index: 'shared' } }
    expect((await at('b', `POST /data/${type}/_find`, find)).json.docs).toHaveLength(30)
  })

  test('made again it is empty, and the token of before is void', async () => {
    await server.createInstance(domains.a)
    expect((await at('a', `GET /data/${type}/same`)).status).toBe(400)
    tokens.a = await server.token('*', { domain: domains.a })
    expect(tokens.a).not.toBe(oldToken)
    expect(own((await at('a', 'GET /data/_all_doctypes')).json)).toEqual([])
    expect(own((await at('a', 'GET /couchdb/_all_dbs')).json)).toEqual([])
    expect((await at('a', `GET /data/${type}/same`)).json).toMatchObject({
      error: 'not_found',
      reason: 'wrong_doctype',
    })
    expect((await at('a', `GET /data/${type}/_all_docs`)).status).toBe(404)
    expect((await at('a', `PUT /data/${type}/same`, { body: { of: 'the new a' } })).json.rev).toStartWith('1-')
    const { json } = await at('a', `GET /data/${type}/_all_docs?include_docs=true`)
    expect(json).toMatchObject({ total_rows: 1, rows: [{ id: 'same', doc: { of: 'the new a' } }] })
    expect((await at('a', `GET /data/${type}/_index`)).json.total_rows).toBe(1)
    expect((await at('b', `GET /data/${type}/same`)).json).toMatchObject({ of: 'b' })
  })
})
