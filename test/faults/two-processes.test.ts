/** Two Hearth processes on one outside PostgreSQL: what one does is there for the other with its next request. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { postgresBin } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type Answer, type Ask, asking } from './ledger.ts'

interface Found {
  readonly docs: readonly { readonly _id: string; readonly n: number }[]
  readonly bookmark: string
}

describe.skipIf(postgresBin() === undefined)('two processes on one database', () => {
  const servers: TestServer[] = []
  let [one, two] = [] as unknown as [Ask, Ask]
  let names = 0

  beforeAll(async () => {
    const first = await startServer({ database: 'external' })
    servers.push(first)
    const token = await first.token('*')
    const second = await startServer({ env: { HEARTH_DATABASE_URL: first.databaseUrl } })
    servers.push(second)
    expect(second.domain).toBe(first.domain)
    one = asking(first, token)
    two = asking(second, token)
  }, 60_000)
  afterAll(async () => {
    for (const server of servers) await server.killTree()
  })

  const fresh = async () => {
    const type = `test.two.t${++names}`
    expect((await one('PUT', `/couchdb/${type}`)).status).toBe(201)
    // Both have used it, so both remember it.
    expect((await two('GET', `/couchdb/${type}/none`)).status).toBe(404)
    return type
  }
  const fill = (ask: Ask, type: string, count: number, from = 0) =>
    ask('POST', `/couchdb/${type}/_bulk_docs`, {
      docs: Array.from({ length: count }, (_, n) => ({ _id: `d${String(from + n).padStart(4, '0')}`, n: from + n })),
    })
  const index = (ask: Ask, type: string, field: string) =>
    ask('POST', `/data/${type}/_index`, { index: { fields: [field] }, ddoc: `by_${field}`, name: `by_${field}` })
  const find = (ask: Ask, type: string, more: object = {}) =>
    ask('POST', `/data/${type}/_find`, { selector: { n: { $gte: 0 } }, limit: 1_000, ...more })
  const idsOf = ({ body }: Answer) => (body as Found).docs.map(({ _id }) => _id)

  test('documents: written by one, read, listed and changed by the other', async () => {
    const type = await fresh()
    for (let n = 0; n < 20; n += 1) {
      const [here, there] = n % 2 === 0 ? [one, two] : [two, one]
      const made = await here('POST', `/data/${type}/`, { n })
      expect(made.status).toBe(201)
      const { id, rev } = made.body as { id: string; rev: string }
      expect(await there('GET', `/data/${type}/${id}`)).toMatchObject({ status: 200, body: { _rev: rev, n } })
      const changed = await there('PUT', `/data/${type}/${id}`, { _rev: rev, n: n + 100 })
      expect(changed.status).toBe(200)
      expect(await here('GET', `/couchdb/${type}/${id}`)).toMatchObject({ body: { n: n + 100 } })
      expect((await here('PUT', `/data/${type}/${id}`, { _rev: rev, n })).status).toBe(409)
    }
    expect((await two('GET', `/couchdb/${type}/_all_docs`)).body).toMatchObject({ total_rows: 20 })
  })

  test('an index made by one serves the other at once, whoever writes', async () => {
    const type = await fresh()
    await fill(two, type, 300)
    expect((await find(two, type)).status).toBe(400)
    expect((await index(one, type, 'n')).status).toBe(200)
    expect(idsOf(await find(two, type))).toHaveLength(300)
    await fill(two, type, 300, 300)
    expect(idsOf(await find(one, type))).toHaveLength(600)
    const explained = await two('POST', `/data/${type}/_explain`, { selector: { n: { $gte: 0 } } })
    expect(explained.body).toMatchObject({ index: { name: 'by_n' } })
    // A second index, of which the writer does not know yet.
    expect((await index(one, type, 'm')).status).toBe(200)
    expect((await two('POST', `/data/${type}/`, { n: -1, m: 1 })).status).toBe(201)
    expect(idsOf(await find(one, type, { selector: { m: 1 } }))).toHaveLength(1)
  })

  test('an index dropped by one while the other queries: every answer is whole or says that there is no index', async () => {
    const type = await fresh()
    await fill(one, type, 500)
    const expected = Array.from({ length: 500 }, (_, n) => `d${String(n).padStart(4, '0')}`)
    let ended = false
    const seen = { whole: 0, refused: 0 }
    const query = async () => {
      while (!ended) {
        const answer = await find(two, type)
        if (answer.status === 400) {
          expect(answer.body).toMatchObject({ error: 'no_index' })
          seen.refused += 1
        } else {
          expect(answer.status).toBe(200)
          expect(idsOf(answer)).toEqual(expected)
          seen.whole += 1
        }
      }
    }
    const querying = Promise.all([query(), query(), query()])
    for (let round = 0; round < 12; round += 1) {
      const before = { ...seen }
      expect((await index(one, type, 'n')).status).toBe(200)
      await eventually(() => seen.whole > before.whole)
      expect((await one('DELETE', `/data/${type}/_index/by_n/json/by_n`)).status).toBe(200)
      await eventually(() => seen.refused > before.refused)
    }
    ended = true
    await querying
    expect(seen.whole).toBeGreaterThan(5)
    expect(seen.refused).toBeGreaterThan(5)
  }, 300_000)

  test('pages go on when the other makes another index in between', async () => {
    const type = await fresh()
    await fill(one, type, 60)
    await index(one, type, 'n')
    const ids: string[] = []
    let bookmark = ''
    for (let page = 0; page < 4; page += 1) {
      const answer = await find(two, type, { limit: 20, ...(bookmark === '' ? {} : { bookmark }) })
      expect(answer.status).toBe(200)
      ids.push(...idsOf(answer))
      bookmark = (answer.body as Found).bookmark
      await index(one, type, `other${page}`)
    }
    expect(ids).toEqual(Array.from({ length: 60 }, (_, n) => `d${String(n).padStart(4, '0')}`))
  })

  test('a database dropped by one, and made again, is empty for the other', async () => {
    const type = await fresh()
    for (const again of [false, true]) {
      await fill(two, type, 200)
      await index(two, type, 'n')
      expect(idsOf(await find(two, type))).toHaveLength(200)
      expect((await one('DELETE', `/couchdb/${type}`)).status).toBe(200)
      if (again) expect((await one('PUT', `/couchdb/${type}`)).status).toBe(201)
      const statuses = again ? { database: 200, document: 404, find: 400 } : { database: 404, document: 404, find: 404 }
      expect((await two('GET', `/couchdb/${type}/_all_docs?include_docs=true`)).status).toBe(statuses.database)
      if (again) {
        const listed = await two('GET', `/couchdb/${type}/_all_docs?include_docs=true`)
        expect(listed.body).toMatchObject({ total_rows: 0, rows: [] })
        expect((await two('GET', `/couchdb/${type}`)).body).toMatchObject({ doc_count: 0 })
        const asked = await two('POST', `/couchdb/${type}/_all_docs`, { keys: ['d0000'] })
        expect(asked.body).toMatchObject({ rows: [{ error: 'not_found' }] })
        const scanned = await two('POST', `/couchdb/${type}/_find`, { selector: { n: { $gte: 0 } } })
        expect(idsOf(scanned)).toEqual([])
        expect((await two('GET', `/couchdb/${type}/_index`)).body).toMatchObject({ total_rows: 1 })
      }
      expect((await two('GET', `/couchdb/${type}/d0000`)).status).toBe(statuses.document)
      expect((await two('GET', `/couchdb/${type}/d0000?revs=true`)).status).toBe(statuses.document)
      expect((await find(two, type)).status).toBe(statuses.find)
      const written = await two('PUT', `/couchdb/${type}/new`, { n: 1 })
      expect(written.status).toBe(again ? 201 : 404)
      if (again) expect((await one('GET', `/couchdb/${type}/new`)).status).toBe(200)
      else expect((await one('PUT', `/couchdb/${type}`)).status).toBe(201)
    }
  })

  test('writers of both to the same documents: one winner for each revision, and nothing is lost', async () => {
    const type = await fresh()
    const ids = ['a', 'b', 'c', 'd']
    const wins = new Map(ids.map((id) => [id, 0]))
    const write = async (ask: Ask) => {
      for (let n = 0; n < 40; n += 1) {
        const id = ids[n % ids.length] ?? ''
        const current = await ask('GET', `/couchdb/${type}/${id}`)
        const rev = current.status === 200 ? { _rev: (current.body as { _rev: string })._rev } : {}
        const { status } = await ask('PUT', `/couchdb/${type}/${id}`, { ...rev, n, random: Math.random() })
        expect([201, 409]).toContain(status)
        if (status === 201) wins.set(id, (wins.get(id) ?? 0) + 1)
      }
    }
    await Promise.all([one, two, one, two, one, two].map(write))
    for (const id of ids) {
      const query = `/couchdb/${type}/${id}?revs=true&conflicts=true`
      const [here, there] = [await one('GET', query), await two('GET', query)]
      expect(here.body).toEqual(there.body as never)
      // Every acknowledged write is a revision in the one line of descent, and there is no other.
      const { _revisions, _conflicts } = here.body as { _revisions: { start: number; ids: string[] }; _conflicts?: [] }
      expect(_revisions.start).toBe(wins.get(id) ?? 0)
      expect(_revisions.ids).toHaveLength(wins.get(id) ?? 0)
      expect(_conflicts).toBeUndefined()
    }
    expect((await two('GET', `/couchdb/${type}`)).body).toMatchObject({ doc_count: ids.length })
  }, 60_000)

  test('of two that make the same database, index or document exactly one does', async () => {
    for (let n = 0; n < 10; n += 1) {
      const type = `test.two.race${n}`
      const made = await Promise.all([one, two].map((ask) => ask('PUT', `/couchdb/${type}`)))
      expect(made.map(({ status }) => status).sort()).toEqual([201, 412])
      const documents = await Promise.all([one, two].map((ask) => ask('PUT', `/couchdb/${type}/d`, { n: 1 })))
      expect(documents.map(({ status }) => status).sort()).toEqual([201, 409])
      const indexes = await Promise.all([one, two].map((ask) => index(ask, type, 'n')))
      expect(indexes.map(({ body }) => (body as { result: string }).result).sort()).toEqual(['created', 'exists'])
    }
  })

  test('an instance and a token made by one are good for the other, and gone when deleted', async () => {
    const [first, second] = servers as [TestServer, TestServer]
    const domain = 'anna.example.org'
    await first.createInstance(domain)
    const token = await second.token('test.two', { domain })
    const headers = { host: domain, authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const stored = await first.fetch('/data/test.two/', { method: 'POST', headers, body: '{}' })
    expect(stored.status).toBe(201)
    const { id } = (await stored.json()) as { id: string }
    expect((await second.fetch(`/data/test.two/${id}`, { headers })).status).toBe(200)
    const admin = { authorization: `Basic ${btoa(`admin:${first.passphrase}`)}` }
    const removed = await first.fetch(`${first.adminUrl}/instances/${domain}`, { method: 'DELETE', headers: admin })
    expect(removed.status).toBe(204)
    expect((await first.fetch(`/data/test.two/${id}`, { headers })).status).toBe(404)
    expect((await second.fetch(`/data/test.two/${id}`, { headers })).status).toBe(404)
  })
})

/** A busy machine may take its time: the limit is there to end a test that hangs. */
async function eventually(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !condition(); await Bun.sleep(5)) {
    if (Date.now() > deadline) throw new Error('it never came true')
  }
}
