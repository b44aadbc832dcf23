/** An outside PostgreSQL that goes away while requests run, and comes back. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { postgresBin, startPostgres, type TestPostgres } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type Answer, type Ask, asking, Ledger, readAll, Writer } from './ledger.ts'

const type = 'test.outage'
/** No request may take longer, whatever the store does. */
const patienceMs = 10_000

describe.skipIf(postgresBin() === undefined)('the store goes away', () => {
  let postgres: TestPostgres
  let server: TestServer
  let ask: Ask

  beforeAll(async () => {
    postgres = await startPostgres()
    server = await startServer({ env: { HEARTH_DATABASE_URL: await postgres.createDatabase() } })
    ask = asking(server, await server.token('*'))
    await ask('PUT', `/data/${type}/kept`, { n: 0 })
    await ask('POST', `/data/${type}/_index`, { index: { fields: ['n'] }, ddoc: 'by_n' })
  }, 60_000)
  afterAll(async () => {
    await server?.killTree()
    await postgres?.stop()
  })

  const timed = async (work: Promise<Answer>): Promise<Answer> => {
    const began = Date.now()
    const answer = await work
    expect(Date.now() - began).toBeLessThan(patienceMs)
    return answer
  }
  const ready = async () => (await server.fetch(`${server.adminUrl}/readyz`)).status
  const untilReady = async () => {
    const began = Date.now()
    while ((await ready()) !== 200) {
      if (Date.now() - began > patienceMs) throw new Error('not ready again')
      await Bun.sleep(50)
    }
    return Date.now() - began
  }

  test('every kind of request says so on both faces, and is served again afterwards', async () => {
    const rev = ((await ask('GET', `/data/${type}/kept`)).body as { _rev: string })._rev
    const find = { selector: { n: { $gt: 1 } } }
    const requests: readonly (readonly [string, string, unknown?])[] = [
      ['GET', `/data/${type}/kept`],
      ['GET', `/data/${type}/kept?revs=true`],
      ['GET', `/data/${type}/_all_docs`],
      ['GET', `/data/${type}/_normal_docs`],
      ['GET', '/data/_all_doctypes'],
      ['POST', `/data/${type}/_find`, find],
      ['POST', `/data/${type}/_index`, { index: { fields: ['m'] }, ddoc: 'by_m' }],
      ['POST', `/data/${type}/`, { n: 1 }],
      ['PUT', `/data/${type}/kept`, { _rev: rev, n: 2 }],
      ['POST', `/data/${type}/_bulk_docs`, { docs: [{ n: 3 }] }],
      ['DELETE', `/data/${type}/kept?rev=1-0`],
      ['GET', `/couchdb/${type}`],
      ['GET', `/couchdb/${type}/kept`],
      ['GET', `/couchdb/${type}/_all_docs?include_docs=true`],
      ['POST', `/couchdb/${type}/_find`, find],
      ['POST', `/couchdb/${type}/_explain`, find],
      ['GET', `/couchdb/${type}/_index`],
      ['PUT', `/couchdb/${type}/other`, { n: 4 }],
      ['POST', `/couchdb/${type}/_bulk_docs`, { docs: [{ n: 5 }] }],
      [
        'POST',
        `/couchdb/${type}/_bulk_docs`,
        { docs: [{ _id: 'r', _rev: '1-abc', _revisions: { start: 1, ids: ['abc'] }, n: 6 }], new_edits: false },
      ],
      ['PUT', '/couchdb/test.outage.more'],
      ['DELETE', '/couchdb/test.outage.more'],
    ]
    expect(await ready()).toBe(200)
    await postgres.pause()
    const answers = await Promise.all(
      requests.map(async ([method, path, body]) => ({ method, path, ...(await timed(ask(method, path, body))) })),
    )
    const others = answers.filter(({ status, path, body }) => {
      const { error, reason, ok } = body as { error?: unknown; reason?: unknown; ok?: unknown }
      const face = path.startsWith('/data') ? ok !== true : ok === undefined
      return status !== 503 || error !== 'store_unavailable' || typeof reason !== 'string' || !face
    })
    expect(others).toEqual([])
    expect(await ready()).toBe(503)
    const headers = { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` }
    expect((await server.fetch(`${server.adminUrl}/instances`, { headers })).status).toBe(503)
    expect((await server.fetch('/healthz')).status).toBe(200)

    await postgres.resume()
    await untilReady()
    const read = await ask('GET', `/data/${type}/kept`)
    expect(read).toMatchObject({ status: 200, body: { n: 0 } })
    expect((await ask('POST', `/data/${type}/_find`, find)).status).toBe(200)
  }, 60_000)

  test('writers during outages: what was acknowledged is there, exactly once', async () => {
    const name = 'test.outage.writers'
    const writersAsk = asking(server, await server.token('*'))
    const ledger = new Ledger()
    expect((await writersAsk('PUT', `/couchdb/${name}`)).status).toBe(201)
    let ended = false
    const statuses = new Map<number, number>()
    const slowest: number[] = []
    const writing = Array.from({ length: 16 }, async (_, n) => {
      const writer = new Writer(writersAsk, name, `w${n}`, ledger)
      while (!ended) {
        const began = Date.now()
        const status = await writer.step()
        slowest.push(Date.now() - began)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status === 503) await Bun.sleep(50)
      }
    })
    for (let outage = 0; outage < 4; outage += 1) {
      await Bun.sleep(500)
      await postgres.pause()
      await Bun.sleep(outage === 3 ? 4_000 : 50 + 300 * outage)
      await postgres.resume()
      expect(await untilReady()).toBeLessThan(3_000)
    }
    await Bun.sleep(500)
    ended = true
    await Promise.all(writing)
    // What else failed, if anything did, is told by the log.
    const logged = server.output.stderr.split('\n').filter((line) => line.includes('"request failed"'))
    expect(logged.filter((line) => !line.includes('store_unavailable'))).toEqual([])
    expect([...statuses.keys()].filter((status) => ![200, 201, 503].includes(status))).toEqual([])
    expect(statuses.get(503)).toBeGreaterThan(0)
    expect(Math.max(...slowest)).toBeLessThan(patienceMs)
    expect(ledger.acknowledged).toBeGreaterThan(200)
    expect(ledger.compare(await readAll(writersAsk, name, ledger))).toEqual([])
  }, 60_000)
})
