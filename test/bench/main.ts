/**
 * `npm run bench`: Hearth beside a bare floor in one run, on the same PostgreSQL, with the same documents, and where they are
 * given beside an older Hearth and CouchDB. Prints ratios, since figures of one machine say little about another.
 *
 * `npm run bench -- short` takes about three minutes; `npm run bench -- get post` runs only those parts. See options.ts.
 */
import { cpus, loadavg, release, totalmem } from 'node:os'
import { benchArchives } from './archives.ts'
import { benchBulk } from './bulk.ts'
import type { Row } from './compare.ts'
import { benchFiles, benchLargeFile } from './files.ts'
import { benchJobs } from './jobs.ts'
import { loadProgram } from './load.ts'
import { readOptions } from './options.ts'
import { benchAllDocs, benchFind } from './queries.ts'
import { benchReplication } from './replication.ts'
import { comparisonTable } from './report.ts'
import { openSides } from './sides.ts'
import { benchGet, benchPost, makeDocuments } from './singles.ts'
import { benchSmallFiles } from './small-files.ts'
import { benchSockets } from './sockets.ts'
import { benchStart } from './start.ts'

const options = readOptions(process.argv.slice(2), process.env)
const runs = (part: string) => options.parts.has(part)
const began = performance.now()
const [processor] = cpus()
console.log(
  `${processor?.model ?? 'unknown processor'}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}, ` +
    `load ${loadavg()[0]?.toFixed(1)} before; ${process.env['HEARTH_TEST_BINARY'] ? 'the compiled binary' : 'run from the sources'}, ` +
    `${options.workers} worker${options.workers === 1 ? '' : 's'}; load by ${loadProgram}, ` +
    `medians of ${options.turns} turns of ${options.turnSeconds} s each side`,
)

// It has sides of its own, takes minutes, and ends the run.
if (runs('sync')) await import('./sync.ts')
const sides = await openSides(options)
const rows: Row[] = []
const lines: string[] = []
try {
  if (runs('get') || runs('all_docs')) await makeDocuments(sides)
  if (runs('get')) rows.push(...(await benchGet(sides, options)))
  if (runs('post')) rows.push(...(await benchPost(sides, options)))
  if (runs('bulk')) rows.push(...(await benchBulk(sides, options)))
  if (runs('find')) {
    const found = await benchFind(sides, options)
    rows.push(...found.rows)
    lines.push(found.text)
  }
  if (runs('all_docs')) rows.push(await benchAllDocs(sides, options))
  if (runs('small-files')) rows.push(...(await benchSmallFiles(sides, options)))
  if (rows.length > 0) console.log(`\n${comparisonTable(rows, sides.hearth.name)}\n`)
  for (const line of lines) console.log(line)
  if (runs('start')) console.log(await benchStart(sides, options))
  if (runs('files')) console.log(await benchFiles())
  if (runs('files-5gb')) console.log(await benchLargeFile())
  if (runs('replication')) console.log(await benchReplication(sides.hearth.server))
  if (runs('jobs')) await benchJobs()
  if (runs('archives')) console.log(await benchArchives())
  if (runs('sockets')) console.log(await benchSockets())
  console.log(`took ${((performance.now() - began) / 1_000).toFixed(0)} s`)
} finally {
  await sides.stop()
}
process.exit()
