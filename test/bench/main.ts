/**
 * `npm run bench`: Hearth beside a bare floor, in one run, on the same PostgreSQL, with the same documents. Prints ratios,
 * since figures of one machine say little about another. `npm run bench -- get post` runs only those parts.
 */
import { cpus, release, totalmem } from 'node:os'
import postgres from 'postgres'
import { startServer } from '../support/server.ts'
import { benchArchives } from './archives.ts'
import { benchAllDocs, benchBulk, benchFind, benchStart, makeDocuments } from './documents.ts'
import { benchFiles, benchLargeFile } from './files.ts'
import { startFloor } from './floor-process.ts'
import { benchJobs } from './jobs.ts'
import { type LoadResult, load } from './load.ts'
import { benchReplication } from './replication.ts'
import { type Measured, middle, table } from './report.ts'
import { benchSockets } from './sockets.ts'

const wanted = process.argv.slice(2)
const seconds = Number(process.env['HEARTH_TEST_BENCH_SECONDS'] ?? 10)
/** Turns of each side in one comparison. */
const rounds = 5
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

type Requests = Parameters<typeof load>[0]['request']

/** Both sides by turns, so that a busy moment of the machine hits both; the medians count. */
async function compare(
  what: string,
  connections: number,
  target: number | undefined,
  floorRequest: Requests,
  request: Requests,
) {
  const bare: LoadResult[] = []
  const hearth: LoadResult[] = []
  const common = { connections, seconds: seconds / rounds, host: server.domain }
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await load({ ...common, port: floor.port, request: floorRequest }))
    hearth.push(await load({ ...common, port, token, request }))
  }
  results.push({ what, bare: middle(bare), hearth: middle(hearth), target })
}

if (runs('get')) {
  for (const [connections, target] of [
    [1, 0.8],
    [32, 1.5],
    [128, 2],
  ] as const) {
    await compare(
      `GET by id, ${connections} connections`,
      connections,
      target,
      (n) => ({ method: 'GET', path: `/floor/${idOf(n)}` }),
      (n) => ({ method: 'GET', path: `/data/io.cozy.bench/${idOf(n)}` }),
    )
  }
}
if (runs('post')) {
  for (const [connections, target] of [
    [1, undefined],
    [32, 1.2],
    [128, 1.6],
  ] as const) {
    await compare(
      `POST, ${connections} connections`,
      connections,
      target,
      () => ({ method: 'POST', path: '/floor', body }),
      () => ({ method: 'POST', path: '/data/io.cozy.bench.posts/', body }),
    )
  }
}
if (results.length > 0) console.log(table(results))
if (runs('bulk')) console.log(await benchBulk(bench))
if (runs('find')) console.log(await benchFind(bench))
if (runs('all_docs')) console.log(await benchAllDocs(bench))
if (runs('start')) console.log(await benchStart(bench))
if (runs('files')) console.log(await benchFiles())
if (runs('files-5gb')) console.log(await benchLargeFile())
if (runs('replication')) console.log(await benchReplication(server))
if (wanted.includes('jobs')) await benchJobs()
if (wanted.includes('archives')) console.log(await benchArchives())
if (runs('sockets')) console.log(await benchSockets())

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
