/** The parts of the benchmark that are not plain request rates: bulk writes, indexed queries, long answers, the start. */
import { readFileSync } from 'node:fs'
import type postgres from 'postgres'
import { startServer, type TestServer } from '../support/server.ts'
import type { Floor } from './floor-process.ts'
import { load } from './load.ts'
import { count, median } from './report.ts'

export interface Bench {
  readonly server: TestServer
  readonly token: string
  readonly port: number
  readonly floor: Floor
  readonly sql: postgres.Sql
  readonly seconds: number
}

const headers = (token: string) => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' })

async function send(bench: Bench, method: string, path: string, body?: unknown): Promise<Response> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const response = await bench.server.fetch(path, {
    method,
    headers: headers(bench.token),
    ...(text ? { body: text } : {}),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response
}

/** The same documents for Hearth and for the floor. */
export async function makeDocuments(bench: Bench, size: number): Promise<string[]> {
  const docs = Array.from({ length: size }, (_, n) => ({
    _id: `doc-${String(n).padStart(6, '0')}`,
    n,
    name: `document ${n}`,
    tags: ['a', 'b'],
    text: 'x'.repeat(300),
  }))
  for (let at = 0; at < size; at += 500) {
    await send(bench, 'POST', '/data/io.cozy.bench/_bulk_docs', { docs: docs.slice(at, at + 500) })
  }
  const rows = docs.map(({ _id, ...body }) => ({ id: _id, body: JSON.stringify(body) }))
  for (let at = 0; at < size; at += 500) {
    const part = rows.slice(at, at + 500)
    await bench.sql`INSERT INTO bench_floor (id, body)
      SELECT id, body::jsonb FROM unnest(${part.map((row) => row.id)}::text[], ${part.map((row) => row.body)}::text[]) AS t (id, body)`
  }
  await bench.sql`ANALYZE bench_floor`
  return docs.map((doc) => doc._id)
}

/** `_bulk_docs` of 500 against single POSTs on one connection, per document. */
export async function benchBulk(bench: Bench): Promise<string> {
  const body = { name: 'a document', size: 12_345, tags: ['a', 'b'], text: 'x'.repeat(300) }
  const docs = JSON.stringify({ docs: Array.from({ length: 500 }, () => body) })
  const common = {
    port: bench.port,
    host: bench.server.domain,
    token: bench.token,
    connections: 1,
    seconds: bench.seconds,
  }
  const single = await load({
    ...common,
    request: () => ({ method: 'POST', path: '/data/io.cozy.bench.single/', body: JSON.stringify(body) }),
  })
  const bulk = await load({
    ...common,
    request: () => ({ method: 'POST', path: '/data/io.cozy.bench.bulk/_bulk_docs', body: docs }),
  })
  const ratio = (bulk.perSecond * 500) / single.perSecond
  return (
    `_bulk_docs of 500: ${bulk.perSecond.toFixed(1)} requests/s, ${count(bulk.perSecond * 500)} documents/s; single POSTs on one ` +
    `connection: ${count(single.perSecond)}/s; ${ratio.toFixed(1)} times a document (target 10: ${ratio >= 10 ? 'met' : 'missed'})`
  )
}

/** An indexed range with limit 100 over 100,000 documents, beside the same rows by bare SQL. */
export async function benchFind(bench: Bench): Promise<string> {
  const size = 100_000
  for (let at = 0; at < size; at += 1_000) {
    const docs = Array.from({ length: 1_000 }, (_, n) => ({
      _id: `f-${String(at + n).padStart(6, '0')}`,
      n: ((at + n) * 7_919) % size,
      group: (at + n) % 10,
      text: 'x'.repeat(200),
    }))
    await send(bench, 'POST', '/data/io.cozy.bench.find/_bulk_docs', { docs })
  }
  await send(bench, 'POST', '/data/io.cozy.bench.find/_index', { index: { fields: ['n'] }, ddoc: 'by_n' })
  const { sql } = bench
  await sql`CREATE TABLE IF NOT EXISTS bench_find (id text PRIMARY KEY, n int NOT NULL, body jsonb NOT NULL)`
  await sql`INSERT INTO bench_find SELECT x.id, (x.body ->> 'n')::int, x.body FROM docs x JOIN databases d USING (db)
    WHERE d.name = 'io.cozy.bench.find' AND x.id LIKE 'f-%'`
  await sql`CREATE INDEX ON bench_find (n)`
  await sql`VACUUM ANALYZE bench_find`
  const starts = Array.from({ length: 300 }, (_, n) => (n * 331) % (size - 200))
  const asked = (n: number) => ({ selector: { n: { $gte: starts[n % 300] } }, use_index: '_design/by_n', limit: 100 })
  const answer = await (await send(bench, 'POST', '/data/io.cozy.bench.find/_find', asked(0))).text()
  if (!answer.includes('"next":true')) throw new Error(`unexpected answer: ${answer.slice(0, 200)}`)
  const bare: number[] = []
  for (const start of [...starts, ...starts, ...starts]) {
    const before = performance.now()
    const rows = await sql`SELECT id, body::text FROM bench_find WHERE n >= ${start} ORDER BY n LIMIT 100`
    bare.push(performance.now() - before)
    if (rows.length !== 100) throw new Error('unexpected rows')
  }
  const common = { port: bench.port, host: bench.server.domain, token: bench.token, seconds: bench.seconds }
  const request = (n: number) => ({
    method: 'POST',
    path: '/data/io.cozy.bench.find/_find',
    body: JSON.stringify(asked(n)),
  })
  const one = await load({ ...common, connections: 1, request })
  const many = await load({ ...common, connections: 32, request })
  const ratio = one.p50Ms / median(bare)
  return (
    `_find on an index, 100 rows of 100,000: ${one.p50Ms.toFixed(2)} ms against ${median(bare).toFixed(2)} ms of bare SQL, ` +
    `ratio ${ratio.toFixed(2)} (target <= 3: ${ratio <= 3 ? 'met' : 'missed'}); ${count(many.perSecond)}/s at 32 connections`
  )
}

function memoryOf(pid: number): { rss: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kilobytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0)
  return { rss: kilobytes('VmRSS') / 1_024, peak: kilobytes('VmHWM') / 1_024 }
}

/** All documents with bodies, streamed: the memory of the server must not follow the size of the answer. */
export async function benchAllDocs(bench: Bench): Promise<string> {
  const common = { port: bench.port, host: bench.server.domain, token: bench.token, seconds: bench.seconds }
  const page: number[] = []
  for (let n = 0; n < 50; n += 1) {
    const before = performance.now()
    const response = await send(bench, 'GET', '/data/io.cozy.bench/_all_docs?include_docs=true&limit=1000')
    await response.text()
    page.push(performance.now() - before)
  }
  for (let at = 0; at < 200; at += 1) {
    const docs = Array.from({ length: 10 }, (_, n) => ({ _id: `big-${at}-${n}`, text: 'y'.repeat(100_000) }))
    await send(bench, 'POST', '/data/io.cozy.bench.big/_bulk_docs', { docs })
  }
  const before = memoryOf(bench.server.pid)
  let bytes = 0
  let most = 0
  const started = performance.now()
  const response = await send(bench, 'GET', '/data/io.cozy.bench.big/_all_docs?include_docs=true')
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    most = Math.max(most, memoryOf(bench.server.pid).rss)
  }
  const took = (performance.now() - started) / 1_000
  return (
    `_all_docs of 1,000 with bodies: ${median(page).toFixed(1)} ms; ${(bytes / 1e6).toFixed(0)} MB with bodies in ${took.toFixed(1)} s, ` +
    `resident memory ${before.rss.toFixed(0)} MB before, at most ${most.toFixed(0)} MB while streaming (${common.port > 0 ? 'one reader' : ''})`
  )
}

/** From the start on existing data to the first answer, and what an idle process holds. */
export async function benchStart(bench: Bench): Promise<string> {
  const first = await startServer({ keepData: true })
  await first.stop()
  const times: number[] = []
  let idle = 0
  for (let n = 0; n < 5; n += 1) {
    const before = performance.now()
    const again = await startServer({ dataDir: first.dataDir })
    await again.fetch(`${again.url}/healthz`)
    times.push(performance.now() - before)
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    idle = memoryOf(again.pid).rss
    await again.stop()
  }
  const time = median(times) / 1_000
  return (
    `start on existing data to the first answer: ${time.toFixed(2)} s (target 0.5: ${time <= 0.5 ? 'met' : 'missed'}), ` +
    `idle resident memory ${idle.toFixed(0)} MB (target 150: ${idle <= 150 ? 'met' : 'missed'}; after this run ${memoryOf(bench.server.pid).rss.toFixed(0)} MB)`
  )
}
