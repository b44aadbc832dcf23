/**
 * `npm run bench`: Hearth beside a bare floor, in one run, on the same PostgreSQL, with the same documents. Prints ratios,
 * since figures of one machine say little about another. `npm run bench -- get post` runs only those parts.
 */
import { cpus, release, totalmem } from 'node:os'
import postgres from 'postgres'
import { startServer } from '../support/server.ts'
import { benchAllDocs, benchBulk, benchFind, benchStart, makeDocuments } from './documents.ts'
import { startFloor } from './floor-process.ts'
import { load } from './load.ts'
import { type Measured, table } from './report.ts'

const wanted = process.argv.slice(2)
const seconds = Number(process.env['HEARTH_TEST_BENCH_SECONDS'] ?? 5)
const runs = (part: string) => wanted.length === 0 || wanted.includes(part)

const server = await startServer()
const token = await server.token('*')
const socket = `${server.dataDir}/pg/18/socket`
const floor = await startFloor(socket)
const sql = postgres({ host: socket, database: 'postgres', user: 'hearth', max: 2, onnotice: () => {} })
const port = Number(new URL(server.url).port)
const bench = { server, token, port, floor, sql, seconds }
const results: Measured[] = []

const [processor] = cpus()
console.log(
  `${processor?.model ?? 'unknown processor'}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}, ` +
    `${process.env['HEARTH_TEST_BINARY'] ? 'the compiled binary' : 'run from the sources'}, ${seconds} s a measurement`,
)

const ids = await makeDocuments(bench, 5_000)
const idOf = (n: number) => ids[n % ids.length] ?? ''
const body = JSON.stringify({ name: 'a document', size: 12_345, tags: ['a', 'b'], text: 'x'.repeat(300) })

if (runs('get')) {
  for (const [connections, target] of [
    [1, 0.8],
    [32, 1.5],
    [128, 2],
  ] as const) {
    const common = { connections, seconds, host: server.domain }
    const bare = await load({
      ...common,
      port: floor.port,
      request: (n) => ({ method: 'GET', path: `/floor/${idOf(n)}` }),
    })
    const hearth = await load({
      ...common,
      port,
      token,
      request: (n) => ({ method: 'GET', path: `/data/io.cozy.bench/${idOf(n)}` }),
    })
    results.push({ what: `GET by id, ${connections} connections`, bare, hearth, target })
  }
}
if (runs('post')) {
  for (const [connections, target] of [
    [1, undefined],
    [32, 1.2],
    [128, 1.6],
  ] as const) {
    const common = { connections, seconds, host: server.domain }
    const bare = await load({ ...common, port: floor.port, request: () => ({ method: 'POST', path: '/floor', body }) })
    const hearth = await load({
      ...common,
      port,
      token,
      request: () => ({ method: 'POST', path: '/data/io.cozy.bench.posts/', body }),
    })
    results.push({ what: `POST, ${connections} connections`, bare, hearth, target })
  }
}
if (results.length > 0) console.log(table(results))
if (runs('bulk')) console.log(await benchBulk(bench))
if (runs('find')) console.log(await benchFind(bench))
if (runs('all_docs')) console.log(await benchAllDocs(bench))
if (runs('start')) console.log(await benchStart(bench))

for (const { hearth, bare } of results) {
  if (hearth.errors + bare.errors > 0) {
    console.error(
      `errors: ${hearth.errors} of Hearth, ${bare.errors} of the floor: ${hearth.firstError ?? bare.firstError}`,
    )
    process.exitCode = 1
  }
}
await sql.end()
floor.stop()
await server.stop()
process.exit()
