/**
 * Writes of 500 documents in one `_bulk_docs`: new ones, then new revisions of them, then revisions of another server. The
 * floor is COPY of the same rows into a table like that of the documents, one transaction for each 500.
 */
import { copyIn, openCopySession } from '../../storage/postgres/copy.ts'
import { type Row, rowOf } from './compare.ts'
import type { Options } from './options.ts'
import { type DocumentSide, type Sides, send } from './sides.ts'

const batch = 500
/** Batches in one turn. */
const batches = 10

const text = 'x'.repeat(300)
const kinds = {
  new: '`_bulk_docs` of 500 new documents, documents',
  updates: '`_bulk_docs` of 500 updates, documents',
  replicated: '`_bulk_docs` of 500 with `new_edits: false`, documents',
} as const
type Kind = keyof typeof kinds

/** Rates in documents a second. */
export async function benchBulk(sides: Sides, options: Options): Promise<Row[]> {
  const rates = new Map<string, number[]>()
  const note = (side: object, kind: Kind, rate: number, turn: number) => {
    if (turn < 0) return
    const key = `${sides.all.indexOf(side as DocumentSide)} ${kind}`
    rates.set(key, [...(rates.get(key) ?? []), rate])
  }
  const copies: number[] = []
  // The first turn does not count.
  for (let turn = -1; turn < options.turns; turn += 1) {
    for (const side of sides.all) {
      const database = `io.cozy.bench.bulk${turn + 1}`
      await send(side, 'PUT', `${side.databasePath(database)}/`)
      for (const [kind, rate] of Object.entries(await writeAll(side, database))) note(side, kind as Kind, rate, turn)
    }
    const copied = await copyRate(sides.hearth.socket, `io.cozy.bench.bulk${turn + 1}`)
    if (turn >= 0) copies.push(copied)
  }
  const targets: Record<Kind, number> = { new: 0.5, updates: 0.25, replicated: 0.5 }
  return (Object.keys(kinds) as Kind[]).map((kind) =>
    rowOf(kinds[kind], targets[kind], sides, (side) =>
      side === sides.floor ? copies : rates.get(`${sides.all.indexOf(side as DocumentSide)} ${kind}`),
    ),
  )
}

/** All kinds on one database, one request after the other; only the requests are timed. */
async function writeAll(side: DocumentSide, database: string): Promise<Record<Kind, number>> {
  const write = async (bodies: readonly string[]) => {
    const answers: string[] = []
    const started = performance.now()
    for (const body of bodies) answers.push(await send(side, 'POST', `${side.databasePath(database)}/_bulk_docs`, body))
    return { rate: (bodies.length * batch * 1_000) / (performance.now() - started), answers }
  }
  const many = <Doc>(doc: (n: number) => Doc) =>
    Array.from({ length: batches }, (_, at) => Array.from({ length: batch }, (_, n) => doc(at * batch + n)))
  const created = await write(many((n) => ({ n, name: `document ${n}`, text })).map((docs) => JSON.stringify({ docs })))
  const stored = created.answers.map((answer) => JSON.parse(answer) as { id: string; rev: string }[])
  const changed = stored.map((rows) => rows.map(({ id, rev }, n) => ({ _id: id, _rev: rev, n, name: 'changed', text })))
  const updated = await write(changed.map((docs) => JSON.stringify({ docs })))
  const hash = (n: number, gen: number) => `${gen}${String(n).padStart(31, '0')}`
  const foreign = many((n) => ({
    ...{ _id: `foreign-${n}`, _rev: `2-${hash(n, 2)}`, _revisions: { start: 2, ids: [hash(n, 2), hash(n, 1)] } },
    ...{ n, name: `document ${n}`, text },
  }))
  const replicated = await write(foreign.map((docs) => JSON.stringify({ new_edits: false, docs })))
  return { new: created.rate, updates: updated.rate, replicated: replicated.rate }
}

/** Rows a second by COPY, of the documents that one turn has written. */
async function copyRate(socket: string, database: string): Promise<number> {
  const parts: Uint8Array[] = []
  for (let at = 0; at < batches; at += 1) parts.push(await copyText(socket, database, at * batch))
  const sql = openCopySession({ host: socket, database: 'postgres', user: 'hearth' })
  try {
    await sql`DROP TABLE IF EXISTS bench_copy`
    await sql`CREATE TABLE bench_copy (LIKE docs INCLUDING ALL)`
    const started = performance.now()
    for (const part of parts) await sql.begin((tx) => copyIn(tx, 'COPY bench_copy FROM STDIN', chunksOf(part)))
    const took = performance.now() - started
    const [row] = await sql`SELECT count(*)::int AS count FROM bench_copy`
    if (row?.['count'] !== batch * batches) throw new Error(`COPY stored ${row?.['count']} rows`)
    return (batch * batches * 1_000) / took
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** The rows of one batch as COPY wants them. After COPY TO the driver may answer no more: each gets a connection. */
async function copyText(socket: string, database: string, offset: number): Promise<Uint8Array> {
  const sql = openCopySession({ host: socket, database: 'postgres', user: 'hearth' })
  try {
    const rows = `SELECT docs.* FROM docs JOIN databases USING (db) WHERE name = '${database}' ORDER BY id LIMIT ${batch} OFFSET ${offset}`
    const chunks: Uint8Array[] = []
    for await (const chunk of await sql.unsafe(`COPY (${rows}) TO STDOUT`).readable()) chunks.push(chunk as Uint8Array)
    return Buffer.concat(chunks)
  } finally {
    await sql.end({ timeout: 0 })
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
