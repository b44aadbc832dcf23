/**
 * Which objects hold the contents of attachments. An object is first entered without content (it is being put), then with
 * it, and finally without it again (it was abandoned, and a sweep deletes it). Nothing waits for the object store
 * while a row is locked: abandoned content is unreachable before its object is deleted.
 */
import { noDatabase } from '../../src/model/no-database.ts'
import type { AttachmentLedger, Content, DatabaseRef } from '../documents/contract.ts'
import { mayDelete } from './backup.ts'
import { guarded, isTaken, reading, type Sql } from './connection.ts'

/** How often two that commit one content at the same moment try again. */
const maxAttempts = 5

export function newLedger(sql: Sql): AttachmentLedger {
  const inMs = (ms: number) => sql`now() + ${ms}::float8 * interval '1 millisecond'`
  const databaseOf = ({ prefix, name }: DatabaseRef) =>
    sql`(SELECT db FROM databases WHERE prefix = ${prefix} AND name = ${name})`

  async function commit(ref: DatabaseRef, object: string, { digest, length }: Content, forMs: number) {
    const [older] = await sql`
      UPDATE attachments SET due = greatest(due, ${inMs(forMs)})
      WHERE db = ${databaseOf(ref)} AND digest = ${digest} AND length = ${length} AND object <> ${object}
      RETURNING object`
    if (older) {
      await sql`UPDATE attachments SET due = '-infinity' WHERE db = ${databaseOf(ref)} AND object = ${object}`
      return true
    }
    // The lock keeps the database from being dropped, and swept, in between.
    const own = await sql`
      UPDATE attachments SET digest = ${digest}, length = ${length}, due = ${inMs(forMs)}
      WHERE db = (SELECT db FROM databases WHERE prefix = ${ref.prefix} AND name = ${ref.name} FOR KEY SHARE)
        AND object = ${object} AND due > '-infinity' RETURNING object`
    return own.length > 0
  }

  return {
    lease: (ref, object, forMs) =>
      guarded(async () => {
        const rows = await sql`
          INSERT INTO attachments (db, object, due)
          SELECT db, ${object}, ${inMs(forMs)} FROM databases WHERE prefix = ${ref.prefix} AND name = ${ref.name}
          RETURNING object`
        if (rows.length === 0) throw noDatabase()
      }),

    renew: (ref, object, forMs) =>
      guarded(async () => {
        const due = forMs === 0 ? sql`'-infinity'::timestamptz` : inMs(forMs)
        const rows = await sql`
          UPDATE attachments SET due = ${due}
          WHERE db = ${databaseOf(ref)} AND object = ${object} AND digest IS NULL AND due > '-infinity' RETURNING object`
        return rows.length > 0
      }),

    commit: (ref, object, content, forMs) =>
      guarded(async () => {
        for (let attempt = 1; ; attempt += 1) {
          try {
            return await commit(ref, object, content, forMs)
          } catch (error) {
            if (!isTaken(error) || attempt === maxAttempts) throw error
          }
        }
      }),

    hold: (ref, contents, forMs) =>
      guarded(async () => {
        if (contents.length === 0) return []
        const rows = await sql<{ digest: string; length: string }[]>`
          WITH wanted AS MATERIALIZED (
            SELECT DISTINCT x.db, x.object
            FROM unnest(${contents.map(({ digest }) => digest)}::text[],
              ${contents.map(({ length }) => length)}::text[]::bigint[]) AS t (digest, length)
            CROSS JOIN LATERAL (
              SELECT db, object FROM attachments
              WHERE db = ${databaseOf(ref)} AND digest = t.digest AND length = t.length OFFSET 0) x
          ), locked AS MATERIALIZED ( -- in one order, so that two of these cannot wait for each other
            SELECT a.db, a.object FROM wanted w JOIN attachments a ON a.db = w.db AND a.object = w.object
            ORDER BY a.object FOR UPDATE OF a
          )
          UPDATE attachments a SET due = greatest(a.due, ${inMs(forMs)}) FROM locked l
          WHERE a.db = l.db AND a.object = l.object AND a.digest IS NOT NULL RETURNING a.digest, a.length`
        const held = new Set(rows.map(keyOf))
        return contents.map((content) => held.has(keyOf(content)))
      }),

    find: (ref, { digest, length }) =>
      reading(async () => {
        const [row] = await sql<{ object: string }[]>`
          SELECT object FROM attachments
          WHERE db = ${databaseOf(ref)} AND digest = ${digest} AND length = ${length}`
        return row?.object
      }),

    disown: (ref, object) =>
      guarded(async () => {
        await sql`
          UPDATE attachments SET digest = NULL, length = NULL, due = '-infinity'
          WHERE db = ${databaseOf(ref)} AND object = ${object}`
      }),

    async sweep(limit, remove) {
      // Those whose upload ended with its process; from here on they cannot be committed.
      const rows = await guarded(
        () => sql<{ db: string; object: string }[]>`
          UPDATE attachments a SET due = '-infinity'
          FROM (SELECT db, object FROM attachments WHERE digest IS NULL AND due < now() AND ${mayDelete(sql)} ORDER BY due LIMIT ${limit}
            FOR UPDATE SKIP LOCKED) t
          WHERE a.db = t.db AND a.object = t.object RETURNING a.db, a.object`,
      )
      if (rows.length === 0) return 0
      const objects = rows.map(({ object }) => object)
      await remove(objects)
      await guarded(
        () => sql`
          DELETE FROM attachments a USING unnest(${rows.map(({ db }) => db)}::text[]::bigint[], ${objects}::text[]) AS t (db, object)
          WHERE a.db = t.db AND a.object = t.object AND a.due = '-infinity'`,
      )
      return rows.length
    },
  }
}

/**
 * Discards the contents of a database that no kept body names. Resolves to how many are leased, so that they have to
 * be checked again. Content that is about to be named has a lease: either `due` shows it, or the one
 * who wants it finds the row gone and uploads the object again. The walk never waits, so that it cannot deadlock.
 */
export async function giveUpContents(sql: Sql, db: string): Promise<number> {
  const [row] = await sql<{ due: number; leased: number }[]>`
    SELECT count(*) FILTER (WHERE due < now())::int AS due, count(*) FILTER (WHERE due >= now())::int AS leased
    FROM attachments WHERE db = ${db} AND digest IS NOT NULL`
  if (!row || row.due === 0) return row?.leased ?? 0
  await sql.begin(async (tx) => {
    // All of a database at once: the only statement that is better off without the sessions' settings.
    await tx`SET LOCAL statement_timeout = '10min'`
    await tx`SET LOCAL plan_cache_mode = force_custom_plan`
    await tx`SET LOCAL enable_hashjoin = on`
    await tx`SET LOCAL enable_nestloop = off`
    await tx`
      WITH named AS MATERIALIZED (
        SELECT substr(a.value ->> 'digest', 5) AS digest, (a.value ->> 'length')::bigint AS length
        FROM docs x CROSS JOIN LATERAL jsonb_each(x.body -> '_attachments') AS a
        WHERE x.db = ${db} AND x.body ? '_attachments'
        UNION ALL
        SELECT substr(a.value ->> 'digest', 5), (a.value ->> 'length')::bigint
        FROM (
          SELECT hearth_jsonb(r.body, true) -> '_attachments' AS attachments FROM revs r
          WHERE r.db = ${db} AND r.body IS NOT NULL AND strpos(r.body, '"_attachments"') > 0 OFFSET 0
        ) r CROSS JOIN LATERAL jsonb_each(r.attachments) AS a
      )
      UPDATE attachments SET digest = NULL, length = NULL, due = '-infinity'
      WHERE db = ${db} AND object IN (
        SELECT a.object FROM attachments a
        WHERE a.db = ${db} AND a.digest IS NOT NULL AND a.due < now()
          AND NOT EXISTS (SELECT 1 FROM named n WHERE n.digest = a.digest AND n.length = a.length)
        FOR UPDATE OF a SKIP LOCKED)`
  })
  return row.leased
}

/** Discards one page of the objects of a dropped database; resolves to how many. */
export async function giveUpDropped(sql: Sql, db: string, limit: number): Promise<number> {
  const result = await sql`
    UPDATE attachments SET digest = NULL, length = NULL, due = '-infinity' WHERE db = ${db} AND object IN (
      SELECT object FROM attachments WHERE db = ${db} AND due > '-infinity' LIMIT ${limit})`
  return result.count
}

function keyOf({ digest, length }: { readonly digest: string; readonly length: number | string }): string {
  return `${digest} ${length}`
}
