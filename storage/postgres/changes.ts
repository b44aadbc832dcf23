/**
 * The feed of a database: its documents by sequence. Pages by key, each one statement that also reads how far the
 * database has come: read afterwards, that number could skip rows which the page has not seen.
 */
import type { ChangedDocument, ChangesPage, ChangesRange } from '../documents/contract.ts'
import type { Sql } from './connection.ts'
import { epochOf } from './databases.ts'
import { documentOf, type ReadRow } from './read-queue.ts'

/** The database, one document, its parent; `id` is null where the page has no row. */
type PageRow = [
  restored: string,
  updateSeq: string,
  total: string,
  id: string | null,
  ...ReadRow,
  parentDeleted: boolean | null,
  parentText: string | null,
]

/** `undefined` when the database number no longer exists. */
export async function readChanges(sql: Sql, db: string, range: ChangesRange): Promise<ChangesPage | undefined> {
  const text = range.bodies ? sql`coalesce(x.raw, x.body::text)` : sql`'{}'`
  const documents =
    range.ids === undefined
      ? sql`docs x WHERE x.db = ${db}`
      : sql`unnest(${[...new Set(range.ids)]}::text[]) AS t (id)
          CROSS JOIN LATERAL (SELECT * FROM docs WHERE db = ${db} AND id = t.id OFFSET 0) x WHERE true`
  const order = range.descending ? sql`ORDER BY x.seq DESC` : sql`ORDER BY x.seq`
  const parent = range.parents
    ? sql`(SELECT r.deleted FROM revs r WHERE r.db = x.db AND r.id = x.id AND r.gen = x.gen - 1 AND r.hash = x.parent),
        CASE WHEN x.deleted THEN
          (SELECT r.body FROM revs r WHERE r.db = x.db AND r.id = x.id AND r.gen = x.gen - 1 AND r.hash = x.parent) END`
    : sql`NULL::boolean, NULL::text`
  const rows = (await sql`
    SELECT d.restored, d.update_seq, d.doc_count + d.deleted_count, p.*
    FROM databases d LEFT JOIN LATERAL (
      SELECT x.id, x.gen, x.hash, x.deleted, x.leaves, x.seq, ${text}, ${parent}
      FROM ${documents} ${behind(sql, range)} ${order} LIMIT ${range.limit}
    ) p ON true
    WHERE d.db = ${db}`.values()) as unknown as PageRow[]
  const [first] = rows
  if (!first) return undefined
  const found = rows.flatMap((row) => changed(row) ?? [])
  // In order already; SQL does not promise it of a join.
  found.sort((a, b) => (a.seq < b.seq === range.descending ? 1 : -1))
  const [restored, updateSeq, total] = first
  return { epoch: epochOf({ db, restored }), updateSeq: BigInt(updateSeq), total: Number(total), rows: found }
}

function changed(row: PageRow): ChangedDocument | undefined {
  const [, , , id, gen, hash, deleted, leaves, seq, text, parentDeleted, parentText] = row
  const document = id === null ? undefined : documentOf(id, [gen, hash, deleted, leaves, seq, text])
  if (!document || parentDeleted === null) return document
  return { ...document, parent: { deleted: parentDeleted, ...(parentText === null ? {} : { text: parentText }) } }
}

/** `undefined` when the database number no longer exists. Counts the smaller side: the rows after, or those before. */
export async function countChanges(
  sql: Sql,
  db: string,
  { after, descending }: Pick<ChangesRange, 'after' | 'descending'>,
): Promise<{ count: number; updateSeq: bigint } | undefined> {
  if (after === undefined) {
    const [row] = await sql<{ total: string; update_seq: string }[]>`
      SELECT doc_count + deleted_count AS total, update_seq FROM databases WHERE db = ${db}`
    return row && { count: Number(row.total), updateSeq: BigInt(row.update_seq) }
  }
  const seq = String(after)
  const [row] = await sql<{ above: string; self: string; total: string; update_seq: string }[]>`
    SELECT d.update_seq, d.doc_count + d.deleted_count AS total,
      (SELECT count(*) FROM docs x WHERE x.db = ${db} AND x.seq > 0 AND x.seq = ${seq}::bigint) AS self,
      CASE WHEN ${seq}::bigint > d.update_seq / 2
        THEN (SELECT count(*) FROM docs x WHERE x.db = ${db} AND x.seq > 0 AND x.seq > ${seq}::bigint)
        ELSE d.doc_count + d.deleted_count
          - (SELECT count(*) FROM docs x WHERE x.db = ${db} AND x.seq > 0 AND x.seq <= ${seq}::bigint)
      END AS above
    FROM databases d WHERE d.db = ${db}`
  if (!row) return undefined
  const above = Number(row.above)
  return {
    count: descending ? Number(row.total) - above - Number(row.self) : above,
    updateSeq: BigInt(row.update_seq),
  }
}

/** `seq > 0` is true of every row: it says that the feed's index may be used. */
function behind(sql: Sql, { after, descending }: ChangesRange) {
  if (after === undefined) return sql`AND x.seq > 0`
  return descending ? sql`AND x.seq > 0 AND x.seq < ${String(after)}` : sql`AND x.seq > 0 AND x.seq > ${String(after)}`
}
