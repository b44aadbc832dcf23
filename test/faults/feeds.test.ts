/**
 * Feeds of one server with its own PostgreSQL: what clients that leave in mid feed leave behind, and what the ones that
 * stay see when the database server dies under them.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { type FeedRow, linesOf, numberOf } from '../support/feeds.ts'
import { openHttpClient } from '../support/http.ts'
import { startServer, type TestServer } from '../support/server.ts'

const db = 'io.cozy.leaving'
const path = `/couchdb/${db}`
/** Documents of 4 kB: several times what the sockets in between can hold. */
const size = 2_000

let server: TestServer
let headers: Record<string, string>
let sql: postgres.Sql

beforeAll(async () => {
  server = await startServer()
  headers = {
    ...{ host: server.domain, 'content-type': 'application/json' },
    authorization: `Bearer ${await server.token('*')}`,
  }
  sql = postgres({ host: join(server.dataDir, 'pg', '18', 'socket'), database: 'postgres', user: 'hearth', max: 1 })
  expect((await ask('PUT', path)).status).toBe(201)
  for (let at = 0; at < size; at += 500) {
    const docs = Array.from({ length: 500 }, (_, n) => ({ _id: idOf(at + n), text: 'x'.repeat(4_000) }))
    const answer = await ask('POST', `${path}/_bulk_docs`, { docs })
    expect(answer.status).toBe(201)
    await answer.text()
  }
}, 60_000)
afterAll(async () => {
  await sql?.end({ timeout: 1 })
  await server?.stop()
}, 30_000)

const idOf = (n: number) => `d${String(n).padStart(6, '0')}`

function ask(method: string, target: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const text = body === undefined ? {} : { body: JSON.stringify(body) }
  return server.fetch(target, { method, headers, ...text, ...(signal ? { signal } : {}) })
}

async function eventually(what: string, condition: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`it never came true: ${what}`)
    await Bun.sleep(25)
  }
}

async function listeners(): Promise<number> {
  const authorization = `Basic ${btoa(`admin:${server.passphrase}`)}`
  const answer = await server.fetch(`${server.adminUrl}/metrics`, { headers: { authorization } })
  return Number(/^hearth_changes_listeners (\d+)$/m.exec(await answer.text())?.[1])
}

/** Sockets that the server process holds open, listening ones included. */
function sockets(): number {
  const folder = `/proc/${server.pid}/fd`
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(join(folder, fd)).startsWith('socket:')
    } catch {
      return false
    }
  }).length
}

function residentBytes(): number {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024
}

describe('clients that leave in mid feed', () => {
  const feeds = [
    'feed=continuous&since=0&include_docs=true',
    'feed=eventsource&since=0&include_docs=true',
    'feed=normal&include_docs=true',
    'feed=normal',
    'feed=continuous&since=now&heartbeat=10',
    'feed=longpoll&since=now',
    'feed=longpoll&since=now&heartbeat=10',
  ]

  /** Some leave when they have read a part, some while they read nothing, some before the answer begins. */
  async function leave(n: number, client: ReturnType<typeof openHttpClient>): Promise<void> {
    const leaving = new AbortController()
    const timer = setTimeout(() => leaving.abort(), [0, 3, 10, 40][n % 4])
    try {
      const target = `${server.url}${path}/_changes?${feeds[n % feeds.length]}`
      const response = await client.fetch(target, { headers, signal: leaving.signal })
      const reader = response.body?.getReader()
      await reader?.read()
      if (n % 3 === 0) leaving.abort()
      else if (n % 3 === 1) await new Promise((resolve) => leaving.signal.addEventListener('abort', resolve))
      else while (!(await reader?.read())?.done) {}
    } catch {
      // It has left.
    } finally {
      clearTimeout(timer)
    }
  }

  async function leaveTimes(times: number): Promise<void> {
    const client = openHttpClient()
    let next = 0
    const one = async () => {
      while (next < times) await leave(next++, client)
    }
    await Promise.all(Array.from({ length: 20 }, one))
    client.close()
    await eventually('no listener is left', async () => (await listeners()) === 0)
    // What was asked of PostgreSQL before they left is answered before this is.
    expect((await ask('GET', path)).status).toBe(200)
  }

  test('a thousand times: no listener, no socket, no memory, no busy connection is left', async () => {
    // What is made once and kept (connections to PostgreSQL, compiled code, a grown heap) is not counted.
    await leaveTimes(300)
    const before = { sockets: sockets(), resident: residentBytes() }
    await leaveTimes(1_000)
    await eventually('sockets are closed', () => sockets() <= before.sockets)
    const grown = () => residentBytes() - before.resident
    await eventually('memory is given back', () => grown() < 48 * 2 ** 20).catch(() => {
      throw new Error(`${Math.round(grown() / 2 ** 20)} MiB more than before`)
    })
    const states = async () => {
      const rows = await sql<{ state: string; n: number }[]>`
        SELECT state, count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY state`
      return new Map(rows.map(({ state, n }) => [state, n]))
    }
    await eventually('connections are idle', async () => [...(await states()).keys()].join() === 'idle')
    // The pool, one that listens, those of the sync engine and its lock.
    expect((await states()).get('idle')).toBeLessThanOrEqual(13)
    expect((await ask('GET', path)).status).toBe(200)
  }, 120_000)
})

describe('a database server that dies under live feeds', () => {
  /** What one follower has got. */
  class Seen {
    readonly ids = new Set<string>()
    readonly faults: string[] = []
    since = '0'
    connections = 0

    add(row: FeedRow): void {
      if (numberOf(row.seq) <= numberOf(this.since)) this.faults.push(`${row.seq} after ${this.since}`)
      this.since = row.seq
      this.ids.add(row.id)
    }
  }

  /** Reads a feed and comes back with the last sequence when it ends or is cut, as clients do. */
  async function follow(seen: Seen, feed: string, read: (response: Response) => Promise<void>, signal: AbortSignal) {
    while (!signal.aborted) {
      seen.connections += 1
      try {
        const response = await ask('GET', `${path}/_changes?${feed}&since=${seen.since}`, undefined, signal)
        if (response.ok) await read(response)
        else await Bun.sleep(50)
      } catch {
        await Bun.sleep(50)
      }
    }
  }

  const readLines = (seen: Seen, slow = false) =>
    async function lines(response: Response) {
      for await (const line of linesOf(response)) {
        const row = line === '' ? undefined : JSON.parse(line)
        if (row?.id !== undefined) seen.add(row)
        if (slow && seen.ids.size % 100 === 0) await Bun.sleep(10)
      }
    }
  const readEvents = (seen: Seen) =>
    async function lines(response: Response) {
      for await (const line of linesOf(response)) {
        if (line.startsWith('data: {')) seen.add(JSON.parse(line.slice(6)))
      }
    }
  const readBody = (seen: Seen) =>
    async function body(response: Response) {
      const { results } = (await response.json()) as { results: FeedRow[] }
      for (const row of results) seen.add(row)
    }

  test('nothing is skipped and nothing comes twice, whichever the feed', async () => {
    const stop = new AbortController()
    const [lines, slow, events, polls] = [new Seen(), new Seen(), new Seen(), new Seen()]
    const following = [
      follow(lines, 'feed=continuous&heartbeat=200', readLines(lines), stop.signal),
      follow(slow, 'feed=continuous&include_docs=true&heartbeat=200', readLines(slow, true), stop.signal),
      follow(events, 'feed=eventsource&heartbeat=200', readEvents(events), stop.signal),
      follow(polls, 'feed=longpoll&heartbeat=200&limit=300', readBody(polls), stop.signal),
    ]
    /** Whole feeds, one after the other: each is all there is, or cut so that nobody takes it for that. */
    const sizes: number[] = []
    const cut: string[] = []
    const whole = (async () => {
      while (!stop.signal.aborted) {
        const text = await ask('GET', `${path}/_changes?include_docs=true`, undefined, stop.signal)
          .then((response) => (response.ok ? response.text() : undefined))
          .catch(() => undefined)
        if (text === undefined) await Bun.sleep(20)
        else {
          try {
            sizes.push((JSON.parse(text) as { results: unknown[] }).results.length)
          } catch {
            cut.push(text.slice(-80))
          }
        }
      }
    })()
    const acknowledged: string[] = []
    const writing = (async () => {
      for (let n = size; !stop.signal.aborted; n += 1) {
        const response = await ask('PUT', `${path}/${idOf(n)}`, { n }).catch(() => undefined)
        if (response?.status === 201) acknowledged.push(idOf(n))
        await response?.text()
        await Bun.sleep(4)
      }
    })()

    await eventually('writes are made', () => acknowledged.length > 50 && sizes.length > 0)
    const [postmaster = ''] = readFileSync(join(server.dataDir, 'pg', '18', 'data', 'postmaster.pid'), 'utf8').split(
      '\n',
    )
    process.kill(Number(postmaster), 'SIGKILL')
    const before = acknowledged.length
    await eventually('writes are made again', () => acknowledged.length > before + 50)
    const { results } = (await (await ask('GET', `${path}/_changes`)).json()) as { results: FeedRow[] }
    const ids = results.map(({ id }) => id)
    await eventually('all have seen all', () =>
      [lines, slow, events, polls].every((seen) => ids.every((id) => seen.ids.has(id))),
    )
    stop.abort()
    await Promise.all([...following, whole, writing])

    for (const seen of [lines, slow, events, polls]) expect(seen.faults).toEqual([])
    for (const id of acknowledged.slice(0, before)) expect(lines.ids.has(id)).toBe(true)
    for (const rows of sizes) expect(rows).toBeGreaterThanOrEqual(size)
    // They wait for the database server to come back; nobody has to ask again.
    expect([lines.connections, events.connections]).toEqual([1, 1])
    expect(cut).toEqual([])
    await eventually('no listener is left', async () => (await listeners()) === 0)
  }, 90_000)
})
