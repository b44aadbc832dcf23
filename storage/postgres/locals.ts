/** `_local` documents: one row each, one statement a write. They take no sequence and no counter. */
import { noDatabase } from '../../src/model/no-database.ts'
import type { DatabaseRef, IdRange, LocalDocument, LocalEdit, LocalOutcome } from '../documents/contract.ts'
import type { Sql } from './connection.ts'
import { bounds, exists } from './scans.ts'

interface Row {
  readonly id: string
  readonly n: string
  readonly text: string
}

/** Puts or deletes one. The database's row is locked against its removal, so that the sweep never misses a local. */
export async function writeLocal(sql: Sql, ref: DatabaseRef, { id, n, text }: LocalEdit): Promise<LocalOutcome> {
  const read = n ?? 0
  const database = sql`SELECT db FROM databases WHERE prefix = ${ref.prefix} AND name = ${ref.name} FOR KEY SHARE`
  const done =
    text === undefined
      ? await sql<{ n: string }[]>`
          WITH d AS (${database})
          DELETE FROM locals x USING d
          WHERE x.db = d.db AND x.id = ${id} RETURNING 0 AS n`
      : await sql<{ n: string }[]>`
          WITH d AS (${database})
          INSERT INTO locals AS x (db, id, n, body) SELECT d.db, ${id}, ${read}::bigint + 1, ${text} FROM d
          ON CONFLICT (db, id) DO UPDATE SET n = excluded.n, body = excluded.body RETURNING n`
  const [row] = done
  if (row) return { kind: 'ok', n: Number(row.n) }
  // Says so where there is no such database.
  await readLocal(sql, ref, id)
  return { kind: 'missing' }
}

export async function readLocal(sql: Sql, ref: DatabaseRef, id: string): Promise<LocalDocument | undefined> {
  const [row] = await sql<{ id: string | null; n: string; text: string }[]>`
    SELECT x.id, x.n, x.body AS text FROM databases d LEFT JOIN locals x ON x.db = d.db AND x.id = ${id}
    WHERE d.prefix = ${ref.prefix} AND d.name = ${ref.name}`
  if (!row) throw noDatabase()
  return row.id === null ? undefined : { id: row.id, n: Number(row.n), text: row.text }
}

export async function readLocals(sql: Sql, db: string, ids: readonly string[]): Promise<readonly LocalDocument[]> {
  const rows = await sql<Row[]>`
    SELECT x.id, x.n, x.body AS text
    FROM unnest(${ids.filter((id) => !id.includes('\u0000'))}::text[]) AS t (id)
    CROSS JOIN LATERAL (SELECT * FROM locals WHERE db = ${db} AND id = t.id OFFSET 0) x WHERE ${exists(sql, db)}`
  return rows.map(documentOf)
}

/** In byte order of their ids. */
export async function scanLocals(
  sql: Sql,
  db: string,
  range: Omit<IdRange, 'designs'>,
): Promise<readonly LocalDocument[]> {
  const order = range.descending ? sql`ORDER BY x.id DESC` : sql`ORDER BY x.id`
  const rows = await sql<Row[]>`
    SELECT x.id, x.n, ${range.bodies ? sql`x.body` : sql`'{}'`} AS text FROM locals x
    WHERE x.db = ${db} AND ${exists(sql, db)} ${bounds(sql, range)} ${order} LIMIT ${range.limit} OFFSET ${range.skip}`
  return rows.map(documentOf)
}

function documentOf({ id, n, text }: Row): LocalDocument {
  return { id, n: Number(n), text }
}
