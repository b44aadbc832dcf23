/** Pages: 100 rows of an indexed query beside bare SQL, and 1,000 documents with their bodies. */
import postgres from 'postgres'
import { compare, type Row } from './compare.ts'
import type { HttpRequest } from './load.ts'
import type { Options } from './options.ts'
import { count, median } from './report.ts'
import { type DocumentSide, fill, loadOn, type Sides, send } from './sides.ts'

const database = 'io.cozy.bench.find'
const page = 100

/** An indexed range of 100 rows. The text compares one page with the same rows by bare SQL, without HTTP. */
export async function benchFind(sides: Sides, options: Options): Promise<{ rows: Row[]; text: string }> {
  const size = options.queried
  const docs = Array.from({ length: size }, (_, n) => ({
    _id: `f-${String(n).padStart(6, '0')}`,
    n: (n * 7_919) % size,
    group: n % 10,
    text: 'x'.repeat(200),
  }))
  const starts = Array.from({ length: 300 }, (_, n) => (n * 331) % (size - 2 * page))
  const asked = (start: number) =>
    JSON.stringify({ selector: { n: { $gte: start } }, use_index: '_design/by_n', limit: page })
  const requests = (side: DocumentSide): HttpRequest[] =>
    starts.map((start) => ({ method: 'POST', path: `${side.databasePath(database)}/_find`, body: asked(start) }))
  for (const side of sides.all) {
    await fill(side, database, docs)
    const index = JSON.stringify({ index: { fields: ['n'] }, ddoc: 'by_n', name: 'by_n' })
    await send(side, 'POST', `${side.databasePath(database)}/_index`, index)
    // CouchDB builds its index now.
    const answer = await send(side, 'POST', `${side.databasePath(database)}/_find`, asked(0))
    const rows = (JSON.parse(answer) as { docs: unknown[] }).docs.length
    if (rows !== page) throw new Error(`${side.name} gave ${rows} rows`)
  }
  const rows: Row[] = []
  for (const connections of [1, 32]) {
    const what = `\`_find\` on an index, ${page} of ${count(size)}, ${connections} connection${connections === 1 ? '' : 's'}`
    rows.push(await compare(sides, options, { what, connections, requests }))
  }
  return { rows, text: await besideSql(sides, starts, requests(sides.hearth)) }
}

async function besideSql(sides: Sides, starts: readonly number[], requests: readonly HttpRequest[]): Promise<string> {
  const sql = postgres({ host: sides.hearth.socket, database: 'postgres', user: 'hearth', max: 1, onnotice: () => {} })
  try {
    await sql`CREATE TABLE bench_find (id text PRIMARY KEY, n int NOT NULL, body jsonb NOT NULL)`
    await sql`INSERT INTO bench_find SELECT x.id, (x.body ->> 'n')::int, x.body FROM docs x JOIN databases d USING (db)
      WHERE d.name = ${database} AND x.id LIKE 'f-%'`
    await sql`CREATE INDEX ON bench_find (n)`
    await sql`VACUUM ANALYZE bench_find`
    const bare: number[] = []
    const hearth: number[] = []
    // By turns: what one moment of the machine gives one of them, it gives the other.
    for (let turn = 0; turn < 3; turn += 1) {
      for (const start of starts) {
        const before = performance.now()
        const rows = await sql`SELECT id, body::text FROM bench_find WHERE n >= ${start} ORDER BY n LIMIT ${page}`
        bare.push(performance.now() - before)
        if (rows.length !== page) throw new Error('unexpected rows')
      }
      hearth.push((await loadOn(sides.hearth, { connections: 1, seconds: 1, requests })).p50Ms)
    }
    const ratio = median(hearth) / median(bare)
    return (
      `\`_find\` of ${page} rows: ${median(hearth).toFixed(2)} ms over HTTP against ${median(bare).toFixed(2)} ms of bare SQL, ` +
      `${ratio.toFixed(2)} times (target <= 2.5: ${ratio <= 2.5 ? 'met' : 'missed'})`
    )
  } finally {
    await sql.end()
  }
}

/** Pages of 1,000 documents with bodies; `makeDocuments` has run. The floor selects the same and prints it. */
export function benchAllDocs(sides: Sides, options: Options): Promise<Row> {
  return compare(sides, options, {
    what: '`_all_docs` of 1,000 with bodies, pages',
    connections: 1,
    floor: [{ method: 'GET', path: '/floor?limit=1000' }],
    requests: (side) => [
      { method: 'GET', path: `${side.databasePath('io.cozy.bench')}/_all_docs?include_docs=true&limit=1000` },
    ],
  })
}
