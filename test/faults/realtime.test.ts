/** Realtime events when several processes serve one PostgreSQL, when that goes away, and when a client does not read. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { Listener, short, until } from '../http/realtime/listener.ts'
import { postgresBin, startPostgres, type TestPostgres } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type Ask, asking } from './ledger.ts'

const type = 'test.realtime'

async function metric(server: TestServer, name: string): Promise<number> {
  const authorization = `Basic ${btoa(`admin:${server.passphrase}`)}`
  const text = await (await server.fetch(`${server.adminUrl}/metrics`, { headers: { authorization } })).text()
  return Number(new RegExp(`^hearth_${name} (\\d+)$`, 'm').exec(text)?.[1])
}

/** The status of `POST /realtime/...`, whose answer has no body. */
async function announce(server: TestServer, token: string, path: string, body: object): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return (await server.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })).status
}

/** Resident memory of a process in MiB. */
function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

describe.skipIf(postgresBin() === undefined)('two processes on one PostgreSQL', () => {
  let postgres: TestPostgres
  const servers: TestServer[] = []
  let token: string
  let [one, two] = [] as unknown as [Ask, Ask]

  beforeAll(async () => {
    postgres = await startPostgres()
    const databaseUrl = await postgres.createDatabase()
    for (let n = 0; n < 2; n += 1) servers.push(await startServer({ env: { HEARTH_DATABASE_URL: databaseUrl } }))
    const [first, second] = servers as [TestServer, TestServer]
    token = await first.token('*')
    ;[one, two] = [asking(first, token), asking(second, token)]
  }, 60_000)
  afterAll(async () => {
    for (const server of servers) await server.killTree()
    await postgres?.stop()
  })
  const tell = (path: string, body: object) => announce(servers[0] as TestServer, token, path, body)
  const subscribe = (n: number, ...targets: readonly string[]) =>
    Listener.subscribed(servers[n] as TestServer, token, ...targets)

  test('what one writes or announces is told by both, soon', async () => {
    const listeners = [await subscribe(0, type), await subscribe(1, type), await subscribe(1, `${type}/d3`)]
    const took: number[] = []
    for (let n = 0; n < 10; n += 1) {
      const began = performance.now()
      expect((await (n % 2 === 0 ? one : two)('PUT', `/data/${type}/d${n}`, { n })).status).toBe(200)
      for (const listener of listeners.slice(0, 2)) expect(await listener.told()).toEqual([`CREATED d${n} 1`])
      took.push(performance.now() - began)
    }
    // By notification, not by the look every few seconds.
    expect(Math.max(...took)).toBeLessThan(1_500)
    expect(await listeners[2]?.told()).toEqual(['CREATED d3 1'])
    expect(await tell(`/realtime/${type}/d3`, { hello: 'Grüße' })).toBe(204)
    for (const listener of listeners) {
      expect((await listener.next()).map(({ payload }) => payload.doc)).toEqual([{ _id: 'd3', hello: 'Grüße' }])
    }
    for (const listener of listeners) await listener.close()
  }, 30_000)

  test('eight writers in both, and a listener at each: every document ends with its last revision, in order', async () => {
    const name = `${type}.racing`
    await one('PUT', `/couchdb/${name}`)
    const listeners = [await subscribe(0, name), await subscribe(1, name)]
    const last = new Map<string, string>()
    const writing = Array.from({ length: 8 }, async (_, writer) => {
      const ask = writer % 2 === 0 ? one : two
      for (let n = 0; n < 40; n += 1) {
        const id = `w${writer}-${n % 7}`
        const rev = last.get(id)
        const answer = await ask('PUT', `/couchdb/${name}/${id}`, rev === undefined ? { n } : { _rev: rev, n })
        expect(answer.status).toBe(201)
        last.set(id, (answer.body as { rev: string }).rev)
      }
    })
    await Promise.all(writing)
    for (const listener of listeners) {
      const seen = () => new Map(listener.events.map(({ payload }) => [payload.id, payload.doc?.['_rev']]))
      await until(() => [...last].every(([id, rev]) => seen().get(id) === rev))
      const generations = new Map<string, number>()
      for (const { payload } of listener.events) {
        const generation = Number.parseInt(String(payload.doc?.['_rev']), 10)
        expect(generation).toBeGreaterThan(generations.get(payload.id ?? '') ?? 0)
        generations.set(payload.id ?? '', generation)
      }
      await listener.close()
    }
  }, 30_000)

  test('PostgreSQL restarts under open sockets: nothing is missed, and both kinds of events go on', async () => {
    const listeners = [await subscribe(0, type), await subscribe(1, type, 'io.cozy.jobs.events')]
    for (let round = 0; round < 2; round += 1) {
      await postgres.pause()
      let refused = 0
      const writing = (async () => {
        let status = 0
        while (status !== 200) {
          ;({ status } = await two('PUT', `/data/${type}/during${round}`, { round }))
          if (status === 200) continue
          refused += 1
          await Bun.sleep(20)
        }
      })()
      // Commands wait for the store, and the socket with them.
      listeners[0]?.command('SUBSCRIBE', `io.cozy.later${round}`)
      await until(() => refused > 0)
      await postgres.resume()
      await writing
      expect((await one('PUT', `/data/io.cozy.later${round}.x/a`, {})).status).toBe(200)
      await listeners[0]?.flush()
      expect((await two('PUT', `/data/io.cozy.later${round}/new`, {})).status).toBe(200)
      await until(() => listeners[0]?.events.map(short).includes('CREATED new 1') ?? false)
      for (const listener of listeners) {
        await until(
          () => listener.events.map(short).includes(`CREATED during${round} 1`),
          () => JSON.stringify(listener.events.map(short)),
        )
      }
    }
    // Broadcasts come through again, perhaps not at the first try.
    await until(async () => {
      await tell('/realtime/io.cozy.jobs.events/j', { n: 1 })
      await Bun.sleep(50)
      return listeners[1]?.events.some(({ event }) => event === 'NOTIFIED') ?? false
    })
    for (const listener of listeners) await listener.close()
  }, 60_000)

  test('while the store is away, commands that pile up end the socket', async () => {
    const listener = await subscribe(0, type)
    await postgres.pause()
    try {
      listener.command('SUBSCRIBE', 'io.cozy.never')
      const pad = 'x'.repeat(8_000)
      for (let n = 0; n < 200; n += 1) listener.send({ method: 'SUBSCRIBE', payload: { type, pad } })
      expect(await listener.closed).toEqual({ code: 1008, reason: 'Too many commands at once' })
    } finally {
      await postgres.resume()
    }
    await until(async () => (await one('GET', `/data/${type}/d0`)).status === 200)
  }, 30_000)
})

test('clients that do not read are cut off, the memory stays, the others get everything, and SIGTERM is told', async () => {
  const server = await startServer()
  try {
    const token = await server.token('*')
    const ask = asking(server, token)
    await ask('PUT', `/couchdb/${type}`)
    const good = await Listener.subscribed(server, token, type)
    const bad = await Promise.all(Array.from({ length: 20 }, () => Listener.subscribed(server, token, type)))
    for (const { socket } of bad) socket.pause()
    expect(await metric(server, 'realtime_sockets')).toBe(21)
    const write = async (from: number) => {
      const text = 'x'.repeat(20_000)
      const docs = Array.from({ length: 50 }, (_, n) => ({ _id: `d${from + n}`, text }))
      expect((await ask('POST', `/couchdb/${type}/_bulk_docs`, { docs })).status).toBe(201)
    }
    await write(0)
    const before = memoryOf(server.pid)
    // 20 MB for each of them, 400 MB in all.
    for (let at = 50; at < 1_000; at += 50) await write(at)
    await until(
      () => good.events.length === 1_000,
      () => `${good.events.length}, ${good.socket.readyState}`,
    )
    await until(async () => (await metric(server, 'realtime_cut_off_total')) === 20)
    expect(memoryOf(server.pid) - before).toBeLessThan(200)
    for (const { socket } of bad) socket.resume()
    for (const { closed } of bad) expect([1006, 1013]).toContain((await closed).code)
    await until(async () => (await metric(server, 'realtime_sockets')) === 1)
    expect(await metric(server, 'changes_listeners')).toBe(1)

    const began = performance.now()
    const [code, closed] = await Promise.all([server.stop(), good.closed])
    expect([code, closed.code]).toEqual([0, 1001])
    expect(performance.now() - began).toBeLessThan(5_000)
    expect(server.output.stderr).not.toMatch(/error|unhandled/i)
  } finally {
    await server.killTree()
  }
}, 60_000)
