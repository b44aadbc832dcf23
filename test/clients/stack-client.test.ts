/** cozy-stack-client, unmodified, on the data face: its DocumentCollection and what it reads out of the answers. */
import { afterEach, beforeAll, describe, expect, spyOn, test } from 'bun:test'
// @ts-expect-error it ships no types
import StackClient from 'cozy-stack-client'
import { sharedServer, type TestServer } from '../support/server.ts'

interface Doc extends Record<string, unknown> {
  readonly _id: string
  readonly _rev: string
  readonly _type: string
  readonly id: string
}

interface Answer {
  readonly data: Doc[]
  readonly meta?: { readonly count: number }
  readonly next: boolean
  readonly skip: number
  readonly bookmark?: string
}

interface IndexOptions {
  readonly partialFilter?: object
  readonly indexName?: string
}

interface FindOptions extends IndexOptions {
  readonly indexedFields?: readonly string[]
  readonly sort?: readonly Record<string, 'asc' | 'desc'>[]
  readonly fields?: readonly string[]
  readonly limit?: number
  readonly skip?: number
  readonly bookmark?: string | undefined
}

interface DesignDocument {
  readonly _id: string
  readonly _rev: string
  readonly views: Record<
    string,
    { readonly map: { readonly fields: object; readonly partial_filter_selector?: object } }
  >
}

interface Row {
  readonly ok?: boolean
  readonly id: string
  readonly rev?: string
  readonly error?: string
  readonly reason?: string
}

interface Collection {
  all(options?: { limit?: number | null; skip?: number; bookmark?: string; keys?: readonly string[] }): Promise<Answer>
  find(selector: object, options?: FindOptions): Promise<Answer>
  findAll(selector: object, options?: FindOptions): Promise<Doc[]>
  get(id: string): Promise<{ readonly data: Doc | null }>
  getAll(ids: readonly string[]): Promise<Answer>
  create(doc: object): Promise<{ readonly data: Doc }>
  update(doc: object): Promise<{ readonly data: Doc }>
  destroy(doc: object): Promise<{ readonly data: Doc & { readonly _deleted: boolean } }>
  updateAll(docs: readonly object[]): Promise<Row[]>
  destroyAll(docs: readonly object[]): Promise<Row[]>
  createIndex(fields: readonly string[], options?: IndexOptions): Promise<{ readonly id: string }>
  fetchAllMangoIndexes(): Promise<DesignDocument[]>
  copyIndex(index: DesignDocument, name: string): Promise<Row>
  destroyIndex(index: DesignDocument): Promise<Row>
  checkUniquenessOf(property: string, value: unknown): Promise<boolean>
}

interface Client {
  collection(doctype: string): Collection
  fetchJSON(method: string, path: string, body?: unknown): Promise<unknown>
}

let server: TestServer
let host: string
let client: Client

beforeAll(async () => {
  server = await sharedServer()
  // fetch sets Host by the URL, so that the tenant must be named like the listener's address.
  host = new URL(server.url).host
  await server.createInstance(host).catch((error: unknown) => {
    if (!String(error).includes('409')) throw error
  })
  client = open(await server.token('*', { domain: host }))
}, 60_000)

function open(token: string, options: object = {}): Client {
  return new StackClient({ uri: server.url, token, ...options }) as Client
}

/** What the client sends from now on, as `METHOD path status`; `answer` may stand in for the server. */
function record(answer?: (url: string) => Response | undefined): string[] {
  const sent: string[] = []
  const genuine = globalThis.fetch
  const recording = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const response = answer?.(`${input}`) ?? (await genuine(input, init))
    sent.push(`${init?.method} ${`${input}`.replace(server.url, '')} ${response.status}`)
    return response
  }
  spy = spyOn(globalThis, 'fetch').mockImplementation(recording as typeof fetch)
  return sent
}

let spy: { mockRestore(): void } | undefined
afterEach(() => spy?.mockRestore())

async function failure(work: Promise<unknown>): Promise<{ status: number; message: string; reason: unknown }> {
  return work.then(
    (value) => {
      throw new Error(`it succeeded: ${JSON.stringify(value)}`)
    },
    (error) => error,
  )
}

describe('one document', () => {
  const doctype = 'test.stack.notes'
  const notes = () => client.collection(doctype)

  test('created without an id, as it was sent', async () => {
    const { data } = await notes().create({ _type: doctype, title: 'Tea', tags: ['a', 'b'], deep: { 'x.y': null } })
    expect(data._id).toMatch(/^[0-9a-f]{32}$/)
    expect(data._rev).toMatch(/^1-[0-9a-f]{32}$/)
    expect(data).toMatchObject({ id: data._id, _type: doctype, title: 'Tea', tags: ['a', 'b'], deep: { 'x.y': null } })
    expect((await notes().get(data._id)).data).toEqual(data)
  })

  test.each(['plain', 'a/b', 'ä ö', '100%', '%2F', 'x+y', 'q?x=1&y', '#1', 'a:b@c', '日本', '🎈', "it's (1)!"])(
    'created, read, updated and destroyed under the id %s',
    async (_id) => {
      const { data } = await notes().create({ _id, _type: doctype, n: 1 })
      expect(data).toMatchObject({ _id, id: _id, n: 1 })
      expect((await notes().get(_id)).data).toMatchObject({ _id, _rev: data._rev, n: 1 })
      const updated = await notes().update({ ...data, n: 2 })
      expect(updated.data).toMatchObject({ _id, n: 2 })
      expect(updated.data._rev).toMatch(/^2-/)
      expect((await notes().getAll([_id])).data).toMatchObject([{ _id, n: 2 }])
      const destroyed = (await notes().destroy(updated.data)).data
      expect(destroyed).toMatchObject({ _id, _deleted: true })
      expect(destroyed._rev).toMatch(/^3-/)
      expect((await notes().get(_id)).data).toBeNull()
    },
  )

  test('odd members survive the round trip', async () => {
    const body = {
      '': 0,
      $or: [1],
      'a.b': { 'c.d': 1 },
      constructor: 'c',
      length: -1,
      toString: null,
      ' ': ' \0',
      big: 2 ** 53 - 1,
    }
    const { data } = await notes().create(body)
    expect((await notes().get(data._id)).data).toMatchObject(body)
  })

  test('a taken id, a stale revision and a missing document are refused', async () => {
    const { data } = await notes().create({ _id: 'taken', n: 1 })
    const taken = await failure(notes().create({ _id: 'taken', n: 2 }))
    expect(taken).toMatchObject({ status: 409, reason: { error: 'conflict', reason: 'Document update conflict.' } })
    expect(taken.message).toContain('Document update conflict')
    const second = (await notes().update({ ...data, n: 3 })).data
    expect((await failure(notes().update({ ...data, n: 4 }))).message).toContain('Document update conflict')
    expect(await failure(notes().destroy(data))).toMatchObject({ status: 409 })
    expect((await notes().get('taken')).data).toMatchObject({ _rev: second._rev, n: 3 })
    const missing = await failure(notes().update({ _id: 'nowhere', _rev: data._rev, n: 1 }))
    expect(missing).toMatchObject({ status: 404, reason: { error: 'not_found', reason: 'missing' } })
    expect(await failure(notes().destroy({ _id: 'nowhere', _rev: data._rev }))).toMatchObject({ status: 404 })
  })

  test('of many writers on one revision exactly one wins', async () => {
    const { data } = await notes().create({ _id: 'contested' })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, writer) => notes().update({ ...data, writer })),
    )
    const won = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    expect(won).toHaveLength(1)
    expect((await notes().get('contested')).data).toEqual(won[0]!.value.data)
  })

  test('ten first writes at once make one doctype', async () => {
    const fresh = client.collection('test.stack.first')
    await Promise.all(Array.from({ length: 10 }, (_, n) => fresh.create({ n })))
    expect((await fresh.all()).meta).toEqual({ count: 10 })
  })
})

describe('all', () => {
  const doctype = 'test.stack.all'
  const ids = Array.from({ length: 250 }, (_, n) => `doc-${String(n).padStart(3, '0')}`)
  const many = () => client.collection(doctype)

  beforeAll(async () => {
    const rows = await many().updateAll(ids.map((_id, n) => ({ _id, _type: doctype, n })))
    expect(rows.map((row) => row.id)).toEqual(ids)
    expect(rows.every((row) => row.ok === true && row.rev?.startsWith('1-'))).toBe(true)
    await many().createIndex(['n'], { indexName: 'by_n' })
  })

  test('goes through pages by skip', async () => {
    const found: string[] = []
    for (let next = true; next; ) {
      const page = await many().all({ limit: 100, skip: found.length })
      expect(page.meta).toEqual({ count: 250 })
      found.push(...page.data.map((doc) => doc._id))
      next = page.next
    }
    expect(found).toEqual(ids)
  })

  test('goes through pages by bookmark', async () => {
    const first = await many().all({ limit: 60 })
    const found = first.data.map((doc) => doc._id)
    expect(first.data[0]).toMatchObject({ _id: 'doc-000', _type: doctype, n: 0 })
    let page: Answer = first
    while (page.next) {
      page = await many().all({ limit: 60, ...(page.bookmark ? { bookmark: page.bookmark } : {}) })
      found.push(...page.data.map((doc) => doc._id))
    }
    expect(found).toEqual(ids)
  })

  test('100 documents unless asked, everything without a limit', async () => {
    expect((await many().all()).data).toHaveLength(100)
    const everything = await many().all({ limit: null })
    expect(everything.data.map((doc) => doc._id)).toEqual(ids)
  })

  test('by keys, in their order', async () => {
    const keys = ['doc-200', 'nowhere', 'doc-003', 'é/+&']
    await many().create({ _id: 'é/+&' })
    const { data } = await many().all({ keys })
    expect(data.map((doc) => doc._id)).toEqual(['doc-200', 'doc-003', 'é/+&'])
    await many().destroy(data[2]!)
  })

  test('getAll leaves out what is missing or deleted', async () => {
    const gone = await many().create({ _id: 'gone' })
    await many().destroy(gone.data)
    const { data, meta } = await many().getAll(['doc-007', 'gone', 'nowhere', 'doc-001'])
    expect(data.map((doc) => doc._id)).toEqual(['doc-007', 'doc-001'])
    expect(meta).toEqual({ count: 2 })
  })

  test('an unknown doctype is empty', async () => {
    const none = client.collection('test.stack.unknown')
    const empty = { data: [], meta: { count: 0 }, skip: 0, next: false }
    expect(await none.all()).toEqual(empty as never)
    expect(await none.all({ limit: null })).toEqual(empty as never)
    expect(await none.getAll(['x'])).toEqual(empty as never)
    expect(await none.get('x')).toEqual({ data: null })
  })
})

describe('many documents at once', () => {
  test('updateAll makes the doctype, and conflicts are rows', async () => {
    const books = client.collection('test.stack.books')
    const made = await books.updateAll([{ _id: 'a', n: 1 }, { _id: 'b', n: 1 }, { n: 1 }])
    expect(made).toMatchObject([{ ok: true, id: 'a' }, { ok: true, id: 'b' }, { ok: true }])
    expect(made[2]!.id).toMatch(/^[0-9a-f]{32}$/)
    const [a, b] = (await books.getAll(['a', 'b'])).data
    await books.update({ ...b, n: 2 })
    const again = await books.updateAll([
      { ...a, n: 3 },
      { ...b, n: 3 },
    ])
    expect(again).toMatchObject([
      { ok: true, id: 'a' },
      { id: 'b', error: 'conflict', reason: 'Document update conflict.' },
    ])
    expect((await books.getAll(['a', 'b'])).data).toMatchObject([{ n: 3 }, { n: 2 }])
  })

  test('destroyAll', async () => {
    const books = client.collection('test.stack.destroyed')
    await books.updateAll(Array.from({ length: 20 }, (_, n) => ({ _id: `${n}`, n })))
    const { data } = await books.all()
    const rows = await books.destroyAll(data)
    expect(rows.every((row) => row.ok === true && row.rev?.startsWith('2-'))).toBe(true)
    expect((await books.all()).meta).toEqual({ count: 0 })
  })

  test('nothing to do', async () => {
    expect(await client.collection('test.stack.nothing').updateAll([])).toEqual([])
  })
})

describe('find', () => {
  const doctype = 'test.stack.find'
  const rows = Array.from({ length: 230 }, (_, n) => ({
    _id: `f${String(n).padStart(3, '0')}`,
    n,
    mod: n % 7,
    name: `Name ${String.fromCharCode(65 + (n % 26))}`,
    trashed: n % 5 === 0,
  }))
  const find = () => client.collection(doctype)
  const idsOf = (docs: readonly Doc[]) => docs.map((doc) => doc._id)

  beforeAll(async () => {
    await find().updateAll(rows)
  })

  test('makes the missing index by itself, once', async () => {
    const sent = record()
    const options: FindOptions = { indexedFields: ['mod', 'n'], sort: [{ mod: 'asc' }, { n: 'asc' }] }
    const { data } = await find().find({ mod: { $in: [2, 3] } }, options)
    const wanted = rows.filter((row) => row.mod === 2 || row.mod === 3).sort((a, b) => a.mod - b.mod || a.n - b.n)
    expect(idsOf(data)).toEqual(wanted.map((row) => row._id))
    const path = `/data/${doctype}`
    expect(sent).toEqual([
      `POST ${path}/_find 400`,
      `GET ${path}/_design_docs?include_docs=true 200`,
      `POST ${path}/_index 200`,
      `POST ${path}/_find 200`,
      `POST ${path}/_find 200`,
    ])
    sent.length = 0
    expect(idsOf((await find().find({ mod: 4 }, options)).data)).toHaveLength(33)
    expect(sent).toEqual([`POST ${path}/_find 200`])
    expect((await find().fetchAllMangoIndexes()).map((index) => index._id)).toContain('_design/by_mod_and_n')
  })

  test('on a doctype that does not exist is empty', async () => {
    expect((await client.collection('test.stack.no').find({ n: 1 }, { indexedFields: ['n'] })).data).toEqual([])
  })

  test('goes through pages by bookmark, 100 documents each', async () => {
    const options: FindOptions = { indexedFields: ['n'], sort: [{ n: 'desc' }] }
    const found: string[] = []
    const sizes: number[] = []
    let page: Answer | undefined
    do {
      page = await find().find({ n: { $gte: 10 } }, { ...options, bookmark: page?.bookmark })
      sizes.push(page.data.length)
      found.push(...idsOf(page.data))
    } while (page.next)
    expect(sizes).toEqual([100, 100, 20])
    expect(found).toEqual(
      rows
        .slice(10)
        .reverse()
        .map((row) => row._id),
    )
  })

  test('goes through pages by skip', async () => {
    const options: FindOptions = { indexedFields: ['n'], limit: 50 }
    const found: string[] = []
    for (let next = true; next; ) {
      const page = await find().find({ n: { $lt: 120 } }, { ...options, skip: found.length })
      expect(page.skip).toBe(found.length)
      found.push(...idsOf(page.data))
      next = page.next
    }
    expect(found).toEqual(rows.slice(0, 120).map((row) => row._id))
  })

  test('findAll follows the bookmarks to the end', async () => {
    const all = await find().findAll({ n: { $gt: null } }, { indexedFields: ['n'] })
    expect(idsOf(all)).toEqual(rows.map((row) => row._id))
    const exactlyTwoPages = await find().findAll({ n: { $lt: 200 } }, { indexedFields: ['n'], limit: 100 })
    expect(exactlyTwoPages).toHaveLength(200)
  })

  test('fields: only these, with id and revision', async () => {
    const { data } = await find().find({ n: 42 }, { indexedFields: ['n'], fields: ['name'] })
    expect(data).toEqual([
      { _id: 'f042', id: 'f042', _type: doctype, _rev: expect.any(String), name: 'Name Q' },
    ] as never)
  })

  test('a partial index, made by itself and found again under its name', async () => {
    const options: FindOptions = { indexedFields: ['n'], partialFilter: { trashed: false, mod: { $ne: 0 } } }
    const sent = record()
    const { data } = await find().find({ n: { $gt: 200 } }, options)
    const wanted = rows.filter((row) => row.n > 200 && !row.trashed && row.mod !== 0)
    expect(idsOf(data)).toEqual(wanted.map((row) => row._id))
    expect(sent.filter((line) => line.includes('_index'))).toHaveLength(1)
    sent.length = 0
    await find().find({ n: { $lt: 20 } }, options)
    expect(sent).toEqual([`POST /data/${doctype}/_find 200`])
    const names = (await find().fetchAllMangoIndexes()).map((index) => index._id)
    expect(names).toContain('_design/by_n_filter_(trashed_false)_and_(mod_$ne_0)')
  })

  test.each([
    { partialFilter: { mod: 1 } },
    { partialFilter: { trashed: false, name: { $exists: true } } },
    { partialFilter: { $or: [{ mod: 1 }, { mod: 2 }] } },
    { partialFilter: { name: { $or: ['Name A', 'Name B'] } } },
    { partialFilter: { $nor: [{ name: 'Name A' }, { name: 'Name B' }] } },
    { partialFilter: { mod: { $in: [1, 2] } } },
  ])('an index of the same definition under another name is copied: %j', async ({ partialFilter }) => {
    const fields = ['trashed', 'n']
    const old = `old-${JSON.stringify(partialFilter).length}`
    await find().createIndex(fields, { partialFilter, indexName: old })
    const sent = record()
    const { data } = await find().find({ trashed: false, n: { $gt: 100 } }, { indexedFields: fields, partialFilter })
    expect(data.length).toBeGreaterThan(0)
    expect(sent.map((line) => line.replace(/\(.*\)|%28.*%29/, '(...)').replace(/rev=\S+/, 'rev='))).toEqual([
      expect.stringMatching(/^POST \S+_find \d+$/),
      `GET /data/${doctype}/_design_docs?include_docs=true 200`,
      `POST /data/${doctype}/_design/${old}/copy?rev= 201`,
      `DELETE /data/${doctype}/_design/${old}?rev= 200`,
      `POST /data/${doctype}/_find 200`,
    ])
    expect((await find().fetchAllMangoIndexes()).map((index) => index._id)).not.toContain(`_design/${old}`)
  })

  test('design documents keep the order of fields and the normalised filter', async () => {
    const { id } = await find().createIndex(['trashed', 'name', 'mod'], { partialFilter: { n: { $gt: 1 }, mod: 1 } })
    const index = (await find().fetchAllMangoIndexes()).find((one) => one._id === id)
    const [view] = Object.values(index!.views)
    expect(Object.keys(view!.map.fields)).toEqual(['trashed', 'name', 'mod'])
    expect(view!.map.partial_filter_selector).toEqual({ $and: [{ mod: { $eq: 1 } }, { n: { $gt: 1 } }] })
    expect(await find().createIndex(['trashed', 'name', 'mod'], { partialFilter: { n: { $gt: 1 }, mod: 1 } })).toEqual({
      id,
      fields: ['trashed', 'name', 'mod'],
    } as never)
  })

  test('indexes are copied and destroyed by hand', async () => {
    await find().createIndex(['name'], { indexName: 'by_name' })
    const index = (await find().fetchAllMangoIndexes()).find((one) => one._id === '_design/by_name')!
    expect(await find().copyIndex(index, 'names')).toEqual({ ok: true, id: '_design/names', rev: index._rev })
    expect(await find().destroyIndex(index)).toMatchObject({ ok: true })
    const names = (await find().fetchAllMangoIndexes()).map((one) => one._id)
    expect(names).toContain('_design/names')
    expect(names).not.toContain('_design/by_name')
  })

  test('uniqueness of a value', async () => {
    expect(await find().checkUniquenessOf('n', 7)).toBe(false)
    expect(await find().checkUniquenessOf('n', 7000)).toBe(true)
  })
})

describe('tokens', () => {
  const doctype = 'test.stack.tokens'

  test('an expired one is refreshed, and the call is made again', async () => {
    const expired = await server.token(doctype, { domain: host, expire: '1s' })
    const good = await server.token(doctype, { domain: host })
    await Bun.sleep(1100)
    const given: unknown[] = []
    const stale = open(expired, { onTokenRefresh: (token: unknown) => given.push(token) })
    const page = `<div data-cozy="{&#34;token&#34;:&#34;${good}&#34;}"></div>`
    const sent = record((url) => (url === '/?refreshToken' ? new Response(page) : undefined))
    const { data } = await stale.collection(doctype).create({ n: 1 })
    expect(data).toMatchObject({ n: 1 })
    expect(given).toHaveLength(1)
    expect(sent).toEqual([`POST /data/${doctype}/ 400`, 'GET /?refreshToken 200', `POST /data/${doctype}/ 201`])
  })

  const badTokens: [string, () => Promise<string>, number, RegExp][] = [
    ['expired', () => server.token(doctype, { domain: host, expire: '1s' }), 1100, /Expired token|Invalid token/],
    ['no token at all', async () => 'nonsense', 0, /Invalid/],
    ['of another instance', () => server.token(doctype), 0, /Invalid/],
  ]
  test.each(badTokens)('%s: the failure says so', async (_name, token, wait, message) => {
    const value = await token()
    await Bun.sleep(wait)
    record((url) => (url.includes('refreshToken') ? new Response('', { status: 500 }) : undefined))
    const error = await failure(open(value).collection(doctype).all())
    expect(error.status).toBe(400)
    expect(error.message).toMatch(message)
  })

  test('the body names what is wrong in the words that clients look for', async () => {
    const expired = await server.token(doctype, { domain: host, expire: '1s' })
    await Bun.sleep(1100)
    const spoken = async (token: string) =>
      (await fetch(`${server.url}/data/${doctype}/x`, { headers: { authorization: `Bearer ${token}` } })).text()
    expect(await spoken(expired)).toContain('Expired token')
    expect(await spoken('nonsense')).toContain('Invalid JWT token')
  })

  test('one that allows less is 403', async () => {
    const reader = open(await server.token(`${doctype}:GET`, { domain: host }))
    await client.collection(doctype).create({ _id: 'seen' })
    expect((await reader.collection(doctype).get('seen')).data).toMatchObject({ _id: 'seen' })
    expect(await failure(reader.collection(doctype).create({ n: 1 }))).toMatchObject({ status: 403 })
    expect(await failure(reader.collection('test.stack.all').all())).toMatchObject({
      status: 403,
      reason: { error: 'code=403, message=Forbidden' },
    })
  })
})
