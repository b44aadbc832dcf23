/**
 * Pages of documents by id. Every page is one statement; nothing is held while a client reads. The rows of a
 * dropped database stay until they are swept, so every statement asks whether its number still exists.
 */
import type { IdRange, StoredDocument } from '../documents/contract.ts'
import type { Sql } from './connection.ts'
import { documentOf, type ReadRow } from './read-queue.ts'

type IdRow = [id: string, ...ReadRow]

/** Live winners in byte order of their ids. */
export async function scanIds(sql: Sql, db: string, range: IdRange): Promise<readonly StoredDocument[]> {
  const text = range.bodies ? sql`coalesce(x.raw, x.body::text)` : sql`'{}'`
  const order = range.descending ? sql`ORDER BY x.id DESC` : sql`ORDER BY x.id`
  const rows = await sql`
    SELECT x.id, x.gen, x.hash, x.deleted, x.leaves, x.seq, ${text} FROM docs x
    WHERE x.db = ${db} AND ${exists(sql, db)} AND NOT x.deleted ${range.forked ? sql`AND x.leaves > 1` : sql``}
      ${bounds(sql, range)} ${order} LIMIT ${range.limit} OFFSET ${range.skip}`.values()
  return documentsOf(rows as unknown as IdRow[])
}

/** Live winners in a range. */
export async function countIds(
  sql: Sql,
  db: string,
  range: Pick<IdRange, 'start' | 'end' | 'designs'>,
): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    SELECT count(*)::int AS n FROM docs x
    WHERE x.db = ${db} AND ${exists(sql, db)} AND NOT x.deleted ${bounds(sql, range)}`
  return row?.n ?? 0
}

/** One document of every tenant. */
export async function readEverywhere(
  sql: Sql,
  name: string,
  id: string,
): Promise<readonly { readonly prefix: string; readonly text: string }[]> {
  const rows = await sql<{ prefix: string; text: string }[]>`
    SELECT d.prefix, coalesce(x.raw, x.body::text) AS text
    FROM databases d JOIN docs x ON x.db = d.db AND x.id = ${id}
    WHERE d.name = ${name} AND NOT x.deleted ORDER BY d.prefix`
  return [...rows]
}

/** Winners by id, tombstones too. */
export async function readMany(
  sql: Sql,
  db: string,
  ids: readonly string[],
  bodies: boolean,
): Promise<readonly StoredDocument[]> {
  const text = bodies ? sql`coalesce(x.raw, x.body::text)` : sql`'{}'`
  const rows = await sql`
    SELECT x.id, x.gen, x.hash, x.deleted, x.leaves, x.seq, ${text}
    FROM unnest(${ids.filter((id) => !id.includes('\u0000'))}::text[]) AS t (id)
    CROSS JOIN LATERAL (SELECT * FROM docs WHERE db = ${db} AND id = t.id OFFSET 0) x
    WHERE ${exists(sql, db)}`.values()
  return documentsOf(rows as unknown as IdRow[])
}

/** True while the database has not been dropped. */
export function exists(sql: Sql, db: string) {
  return sql`EXISTS (SELECT 1 FROM databases WHERE db = ${db})`
}

function documentsOf(rows: readonly IdRow[]): StoredDocument[] {
  return rows.flatMap(([id, ...row]) => documentOf(id, row) ?? [])
}

/** Conditions on `x.id`. `start` is the low end of the range whatever the direction; `_design0` is the first text after `_design/...`. */
export function bounds(sql: Sql, range: Pick<IdRange, 'start' | 'end' | 'designs'>) {
  const { designs } = range
  const start = range.start && beforeNul(range.start, false)
  const end = range.end && beforeNul(range.end, true)
  const low = !start ? sql`` : start.inclusive ? sql`AND x.id >= ${start.id}` : sql`AND x.id > ${start.id}`
  const high = !end ? sql`` : end.inclusive ? sql`AND x.id <= ${end.id}` : sql`AND x.id < ${end.id}`
  const kind =
    designs === 'only'
      ? sql`AND x.id >= '_design/' AND x.id < '_design0'`
      : designs === 'none'
        ? sql`AND NOT (x.id >= '_design/' AND x.id < '_design0')`
        : sql``
  return sql`${low} ${high} ${kind}`
}

/** No id holds U+0000, and no text of PostgreSQL can: the ids below a bound with one end at what stands before it. */
function beforeNul(bound: { readonly id: string; readonly inclusive: boolean }, inclusive: boolean) {
  const nul = bound.id.indexOf('\u0000')
  return nul < 0 ? bound : { id: bound.id.slice(0, nul), inclusive }
}
