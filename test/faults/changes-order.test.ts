/**
 * Followers of a feed never miss a change and never see one twice: eight writers in two server processes on one outside
 * PostgreSQL, clients that leave by the hundred, and a PostgreSQL that goes away under them.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { type FeedRow, linesOf, numberOf } from '../support/feeds.ts'
import { postgresBin, sharedPostgres, startPostgres, type TestPostgres } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'

const available = postgresBin() !== undefined

interface Client {
  send(path: string, init?: { method?: string; body?: unknown; signal?: AbortSignal }): Promise<Response>
}

async function clientOf(server: TestServer, token: string): Promise<Client> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return {
    send: (path, { method = 'GET', body, signal } = {}) =>
      server.fetch(`/couchdb${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      }),
  }
}

/** Every row that a follower got, and what is wrong with their order. */
class Seen {
  readonly rows: FeedRow[] = []
  readonly latest = new Map<string, FeedRow>()
  readonly faults: string[] = []
  #last = 0

  add(row: FeedRow): void {
    const seq = numberOf(row.seq)
    if (seq <= this.#last) this.faults.push(`${row.seq} after ${this.#last}`)
    this.#last = seq
    this.rows.push(row)
    this.latest.set(row.id, row)
  }

  /** Ids with their last revision, as a reader of the whole feed would see them. */
  state(): Record<string, string> {
    return stateOf([...this.latest.values()])
  }
}

function stateOf(rows: readonly FeedRow[]): Record<string, string> {
  const sorted = [...rows].sort((a, b) => (a.id < b.id ? -1 : 1))
  return Object.fromEntries(sorted.map((row) => [row.id, `${row.changes[0]?.rev}${row.deleted ? ' deleted' : ''}`]))
}

async function wholeFeed(client: Client, db: string) {
  return (await (await client.send(`/${db}/_changes`)).json()) as { results: FeedRow[]; last_seq: string }
}

/** Follows by one connection for as long as it lasts. */
async function followContinuously(client: Client, db: string, seen: Seen, signal: AbortSignal): Promise<void> {
  const response = await client.send(`/${db}/_changes?feed=continuous&since=0&heartbeat=1000`, { signal })
  for await (const line of linesOf(response)) if (line !== '') seen.add(JSON.parse(line))
}

/** Follows by one request after the other, taking turns between the servers. */
async function followByLongpoll(
  clients: readonly Client[],
  db: string,
  seen: Seen,
  signal: AbortSignal,
): Promise<void> {
  let since = '0'
  for (let turn = 0; !signal.aborted; turn++) {
    const client = clients[turn % clients.length]!
    const path = `/${db}/_changes?feed=longpoll&since=${since}&limit=40&heartbeat=1000`
    const answer = (await (await client.send(path, { signal })).json()) as { results: FeedRow[]; last_seq: string }
    for (const row of answer.results) seen.add(row)
    since = answer.last_seq
  }
}

/** New documents, updates and deletions, singly and in bulk; 300 ids are shared by all writers. */
async function write(client: Client, db: string, writer: number, until: number): Promise<number> {
  let written = 0
  for (let turn = 0; Date.now() < until; turn++) {
    const docs: Record<string, unknown>[] = [{ _id: `only-${writer}-${turn}`, writer }]
    const shared = Array.from({ length: turn % 8 }, () => `shared-${Math.floor(Math.random() * 300)}`)
    const known = (await (
      await client.send(`/${db}/_all_docs`, { method: 'POST', body: { keys: [...new Set(shared)] } })
    ).json()) as { rows: { id?: string; key: string; value?: { rev: string; deleted?: boolean } }[] }
    for (const { key, value } of known.rows) {
      const rev = value && !value.deleted ? { _rev: value.rev } : {}
      docs.push({ _id: key, ...rev, writer, turn, ...('_rev' in rev && turn % 5 === 0 ? { _deleted: true } : {}) })
    }
    const answer = await client.send(`/${db}/_bulk_docs`, { method: 'POST', body: { docs } })
    const outcomes = (await answer.json()) as { ok?: boolean }[]
    written += outcomes.filter(({ ok }) => ok).length
  }
  return written
}

/** A busy machine may take its time: the limit is there to end a test that hangs. */
const patienceMs = 60_000

/** Feeds that wait for changes at a server. */
async function listenersOf(server: TestServer): Promise<number> {
  const authorization = `Basic ${btoa(`admin:${server.passphrase}`)}`
  const text = await (await server.fetch(`${server.adminUrl}/metrics`, { headers: { authorization } })).text()
  return Number(/^hearth_changes_listeners (\d+)$/m.exec(text)?.[1])
}

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patienceMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it never came true')
    await Bun.sleep(25)
  }
}

describe.skipIf(!available)('two servers on one PostgreSQL', () => {
  const db = 'io.cozy.order'
  let servers: readonly TestServer[]
  let clients: readonly Client[]
  let url: string

  beforeAll(async () => {
    url = await (await sharedPostgres()).createDatabase()
    const first = await startServer({ env: { HEARTH_DATABASE_URL: url } })
    const second = await startServer({ env: { HEARTH_DATABASE_URL: url } })
    servers = [first, second]
    const token = await first.token('*')
    clients = [await clientOf(first, token), await clientOf(second, token)]
    expect((await clients[0]!.send(`/${db}`, { method: 'PUT' })).status).toBe(201)
  }, 60_000)
  afterAll(async () => {
    for (const server of servers ?? []) await server.stop()
  }, 120_000)

  test('a write through one server answers a longpoll on the other at once', async () => {
    for (let round = 0; round < 3; round++) {
      const answer = clients[1]!.send(`/${db}/_changes?feed=longpoll&since=now`).then((response) => response.text())
      await eventually(async () => (await listenersOf(servers[1]!)) > 0)
      const started = performance.now()
      expect((await clients[0]!.send(`/${db}/told-${round}`, { method: 'PUT', body: {} })).status).toBe(201)
      expect(await answer).toContain(`"told-${round}"`)
      // Without being told it would wait for a minute.
      expect(performance.now() - started).toBeLessThan(30_000)
      await eventually(async () => (await listenersOf(servers[1]!)) === 0)
    }
  }, 120_000)

  test('nothing is missed and nothing repeated under eight writers', async () => {
    const stop = new AbortController()
    const followers = [new Seen(), new Seen(), new Seen(), new Seen()]
    const [one, two, three, four] = followers as [Seen, Seen, Seen, Seen]
    const following = [
      followContinuously(clients[0]!, db, one, stop.signal),
      followContinuously(clients[1]!, db, two, stop.signal),
      followByLongpoll([clients[0]!], db, three, stop.signal),
      followByLongpoll([clients[1]!, clients[0]!], db, four, stop.signal),
    ].map((work) => work.catch((error: unknown) => (stop.signal.aborted ? undefined : error)))

    const until = Date.now() + 8_000
    const written = await Promise.all(
      Array.from({ length: 8 }, (_, writer) => write(clients[writer % 2]!, db, writer, until)),
    )
    expect(written.reduce((sum, n) => sum + n, 0)).toBeGreaterThan(50)

    const { results, last_seq: last } = await wholeFeed(clients[0]!, db)
    await eventually(() => followers.every(({ rows }) => numberOf(rows.at(-1)?.seq ?? '0') >= numberOf(last)))
    stop.abort()
    expect(await Promise.all(following)).toEqual([undefined, undefined, undefined, undefined])

    const truth = stateOf(results)
    for (const seen of followers) {
      expect(seen.faults).toEqual([])
      expect(seen.state()).toEqual(truth)
      // Documents that were written once are seen once.
      const once = seen.rows.filter(({ id }) => id.startsWith('only-'))
      expect(once.length).toBe(results.filter(({ id }) => id.startsWith('only-')).length)
    }
  }, 120_000)

  test('a thousand clients that leave in mid feed leave nothing behind', async () => {
    const server = servers[0]!
    const client = clients[0]!
    const sql = postgres(url, { max: 1 })
    const connections = async () =>
      Number((await sql`SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()`)[0]?.['n'])
    const kinds = [
      'continuous&since=0',
      'continuous&since=now&heartbeat=20',
      'longpoll&since=now',
      'eventsource&since=0',
      'normal',
    ]
    let most = 0
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, n) => {
          const leaving = new AbortController()
          const path = `/${db}/_changes?include_docs=${n % 2 === 0}&feed=${kinds[n % kinds.length]}`
          const reading = client.send(path, { signal: leaving.signal }).then(async (response) => {
            const reader = response.body?.getReader()
            while (!(await reader?.read())?.done) if (n % 3 === 0) leaving.abort()
          })
          setTimeout(() => leaving.abort(), 5 + ((n * 7) % 120))
          await reading.catch(() => {})
        }),
      )
      most = Math.max(most, await connections())
    }
    await eventually(async () => (await listenersOf(server)) === 0)
    // Two servers with a pool of eight, and each with one that tells, one that listens and three of the sync engine; the
    // lock of the one that runs it; this one.
    expect(most).toBeLessThanOrEqual(28)
    expect((await client.send(`/${db}/after`, { method: 'PUT', body: {} })).status).toBe(201)
    await sql.end()
  }, 60_000)

  test('waiting clients hold no connection to PostgreSQL', async () => {
    const leaving = new AbortController()
    const waiting = Array.from({ length: 200 }, () =>
      clients[0]!.send(`/${db}/_changes?feed=longpoll&since=now`, { signal: leaving.signal }).then((r) => r.text()),
    )
    await eventually(async () => (await listenersOf(servers[0]!)) >= 200)
    const sql = postgres(url, { max: 1 })
    // Something else may be under way for a moment.
    await eventually(async () => {
      const [row] = await sql`SELECT count(*) FILTER (WHERE state <> 'idle') AS busy FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`
      return Number(row?.['busy']) === 0
    })
    await clients[1]!.send(`/${db}/all-of-you`, { method: 'PUT', body: {} })
    const answers = await Promise.all(waiting)
    expect(answers.every((text) => text.includes('"all-of-you"'))).toBe(true)
    leaving.abort()
    await sql.end()
  }, 120_000)

  test('a server that stops ends its feeds in an orderly way', async () => {
    const third = await startServer({ env: { HEARTH_DATABASE_URL: url } })
    const client = await clientOf(third, await third.token('*'))
    const feed = (await client.send(`/${db}/_changes?feed=continuous&since=now&heartbeat=30000`)).text()
    await eventually(async () => (await listenersOf(third)) === 1)
    const started = performance.now()
    expect(await third.stop()).toBe(0)
    // It does not wait for the heartbeat.
    expect(performance.now() - started).toBeLessThan(25_000)
    expect(await feed).toMatch(/^\{"last_seq":"\d+-\w+","pending":0\}\n$/)
  }, 120_000)
})

describe.skipIf(!available)('a PostgreSQL that goes away', () => {
  const db = 'io.cozy.away'
  let own: TestPostgres
  let url: string
  let server: TestServer
  let client: Client

  beforeAll(async () => {
    own = await startPostgres()
    url = await own.createDatabase()
    server = await startServer({ env: { HEARTH_DATABASE_URL: url } })
    client = await clientOf(server, await server.token('*'))
    expect((await client.send(`/${db}`, { method: 'PUT' })).status).toBe(201)
  }, 60_000)
  afterAll(async () => {
    await server?.stop()
    await own?.stop()
  }, 120_000)

  test('feeds go on where they were', async () => {
    const stop = new AbortController()
    const seen = new Seen()
    let connections = 0
    // As clients do: come back with the last sequence when the feed ends or is cut.
    const following = (async () => {
      while (!stop.signal.aborted) {
        connections += 1
        const since = seen.rows.at(-1)?.seq ?? '0'
        try {
          const response = await client.send(`/${db}/_changes?feed=continuous&heartbeat=500&since=${since}`, {
            signal: stop.signal,
          })
          for await (const line of linesOf(response)) {
            const row = line === '' ? undefined : JSON.parse(line)
            if (row?.id !== undefined) seen.add(row)
          }
        } catch {
          await Bun.sleep(100)
        }
      }
    })()
    const acknowledged = new Set<string>()
    let refused = 0
    let writing = true
    const writes = (async () => {
      for (let n = 0; writing; n++) {
        const response = await client.send(`/${db}/doc-${n}`, { method: 'PUT', body: { n } }).catch(() => undefined)
        if (response?.status === 201) acknowledged.add(`doc-${n}`)
        else refused += 1
        await response?.text()
        await Bun.sleep(5)
      }
    })()
    for (let restart = 0; restart < 2; restart++) {
      const [begun, refusedBefore] = [acknowledged.size, refused]
      await eventually(() => acknowledged.size > begun + 20)
      const before = acknowledged.size
      await own.pause()
      await eventually(() => refused > refusedBefore)
      await own.resume()
      await eventually(() => acknowledged.size > before + 20)
    }
    writing = false
    await writes
    const { results } = await wholeFeed(client, db)
    expect(results.length).toBeGreaterThanOrEqual(acknowledged.size)
    await eventually(() => seen.latest.size >= results.length)
    stop.abort()
    await following
    expect(seen.faults).toEqual([])
    expect(seen.state()).toEqual(stateOf(results))
    for (const id of acknowledged) expect(seen.latest.has(id)).toBe(true)
    // The feed outlives the restarts: nobody had to come back.
    expect(connections).toBe(1)
  }, 300_000)

  test('it still learns of the writes of others afterwards', async () => {
    const other = await startServer({ env: { HEARTH_DATABASE_URL: url } })
    const answer = client.send(`/${db}/_changes?feed=longpoll&since=now`).then((response) => response.text())
    await eventually(async () => (await listenersOf(server)) > 0)
    const writer = await clientOf(other, await other.token('*'))
    await writer.send(`/${db}/by-another`, { method: 'PUT', body: {} })
    expect(await answer).toContain('"by-another"')
    await other.stop()
  }, 120_000)
})
