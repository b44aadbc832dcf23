/** Single documents, read by id and written: what most requests of a personal cloud are. */
import { compare, type Row } from './compare.ts'
import type { Options } from './options.ts'
import { fill, type Sides } from './sides.ts'

const database = 'io.cozy.bench'
const size = 5_000
const body = JSON.stringify({ name: 'a document', size: 12_345, tags: ['a', 'b'], text: 'x'.repeat(300) })

const ids = Array.from({ length: size }, (_, n) => `doc-${String(n).padStart(6, '0')}`)

/** Gives all sides, the floor too, the same documents. */
export async function makeDocuments(sides: Sides): Promise<void> {
  const docs = ids.map((id, n) => ({ _id: id, n, name: `document ${n}`, tags: ['a', 'b'], text: 'x'.repeat(300) }))
  for (const side of sides.all) await fill(side, database, docs)
  await sides.floor.fill(docs.map(({ _id: id, ...rest }) => ({ id, body: JSON.stringify(rest) })))
}

/** GET by id; `makeDocuments` has run. */
export async function benchGet(sides: Sides, options: Options): Promise<Row[]> {
  const rows: Row[] = []
  // In no order: each id once before any comes again.
  const asked = ids.map((_, n) => ids[(n * 7) % size] ?? '')
  for (const [connections, target] of [
    [1, 0.85],
    [32, options.workers > 1 ? 1.8 : 1.5],
    [128, options.workers > 1 ? 2.3 : 2],
  ] as const) {
    const row = await compare(sides, options, {
      what: `GET by id, ${connections} connection${connections === 1 ? '' : 's'}`,
      connections,
      target,
      floor: asked.map((id) => ({ method: 'GET', path: `/floor/${id}` })),
      requests: (side) => asked.map((id) => ({ method: 'GET', path: `${side.databasePath(database)}/${id}` })),
    })
    rows.push(row)
  }
  return rows
}

/** POST of new documents. */
export async function benchPost(sides: Sides, options: Options): Promise<Row[]> {
  const rows: Row[] = []
  for (const side of sides.all) await fill(side, `${database}.posts`, [])
  for (const [connections, target] of [
    [1, undefined],
    [32, options.workers > 1 ? 1.3 : 1.2],
    [128, options.workers > 1 ? 1.7 : 1.6],
  ] as const) {
    const row = await compare(sides, options, {
      what: `POST, ${connections} connection${connections === 1 ? '' : 's'}`,
      connections,
      ...(target === undefined ? {} : { target }),
      floor: [{ method: 'POST', path: '/floor', body }],
      requests: (side) => [{ method: 'POST', path: `${side.databasePath(`${database}.posts`)}/`, body }],
    })
    rows.push(row)
  }
  return rows
}
