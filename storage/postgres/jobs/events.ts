/**
 * Changes of documents on their way to the triggers that wait for them. How far a database was read is a row that moves in
 * the transaction that queues the jobs: each change makes its jobs once, whatever dies in between.
 */
import type { DatabaseRef } from '../../documents/contract.ts'
import type { ChangedForEvents, EventPage, EventTrigger, NewJob, Untold } from '../../jobs/contract.ts'
import type { Sql, Transaction } from '../connection.ts'
import type { DatabaseCache } from '../database-cache.ts'
import { lockForJobs, pushIn } from './push.ts'

/**
 * All triggers for events. Databases of their tenants that were never read begin here: what was committed before the
 * trigger was there is no event for it.
 */
export async function eventTriggers(sql: Sql): Promise<readonly EventTrigger[]> {
  const rows = await sql<{ prefix: string; id: string; text: string }[]>`
    SELECT d.prefix, s.id, coalesce(x.raw, x.body::text) AS text FROM trigger_schedule s
    JOIN databases d ON d.db = s.db JOIN docs x ON x.db = s.db AND x.id = s.id AND NOT x.deleted
    WHERE s.type = '@event' ORDER BY s.db, s.id`
  return rows
}

/** Lets databases that were never read begin with what is committed from now on. */
export async function beginFeeds(sql: Sql, refs: readonly DatabaseRef[]): Promise<void> {
  await sql`
    INSERT INTO event_feeds (db, seq) SELECT d.db, d.update_seq
    FROM unnest(${refs.map(({ prefix }) => prefix)}::text[], ${refs.map(({ name }) => name)}::text[]) AS t (prefix, name)
    JOIN databases d ON d.prefix = t.prefix AND d.name = t.name
    ON CONFLICT (db) DO NOTHING`
}

interface ChangeRow {
  readonly id: string
  readonly seq: string
  readonly gen: string
  readonly hash: string
  readonly deleted: boolean
  readonly leaves: number
  readonly text: string
  readonly parent: string | null
  readonly parent_deleted: boolean | null
  readonly parent_text: string | null
}

export async function eventPage(sql: Sql, ref: DatabaseRef, limit: number): Promise<EventPage | undefined> {
  const [place] = await sql<{ db: string; update_seq: string; seq: string | null }[]>`
    SELECT d.db, d.update_seq, f.seq FROM databases d LEFT JOIN event_feeds f ON f.db = d.db
    WHERE d.prefix = ${ref.prefix} AND d.name = ${ref.name}`
  if (place === undefined) return undefined
  const after = place.seq ?? '0'
  const rows = await sql<ChangeRow[]>`
    SELECT x.id, x.seq, x.gen, x.hash, x.deleted, x.leaves, coalesce(x.raw, x.body::text) AS text, x.parent,
      p.deleted AS parent_deleted, p.body AS parent_text
    FROM (SELECT * FROM docs WHERE db = ${place.db} AND seq > ${after} AND seq <= ${place.update_seq}
          ORDER BY seq LIMIT ${limit}) x
    LEFT JOIN revs p ON p.db = x.db AND p.id = x.id AND p.gen = x.gen - 1 AND p.hash = x.parent
    ORDER BY x.seq`
  const full = rows.length === limit
  const until = full ? (rows.at(-1)?.seq ?? place.update_seq) : place.update_seq
  return { epoch: place.db, after: BigInt(after), until: BigInt(until), full, rows: rows.map(changeOf) }
}

function changeOf(row: ChangeRow): ChangedForEvents {
  const { id, seq, gen, hash, deleted, leaves, text, parent } = row
  const before = { hash: parent ?? '', deleted: row.parent_deleted ?? false, text: row.parent_text ?? undefined }
  return {
    id,
    seq: BigInt(seq),
    gen: Number(gen),
    hash,
    deleted,
    leaves,
    text,
    parent: parent === null ? undefined : before,
  }
}

/** The feed's row first, then databases: nobody takes them in the other order. */
export async function eventsDone(
  tx: Transaction,
  databases: DatabaseCache,
  ref: DatabaseRef,
  page: EventPage,
  jobs: readonly NewJob[],
): Promise<boolean> {
  await tx`INSERT INTO event_feeds (db, seq) VALUES (${page.epoch}, 0) ON CONFLICT (db) DO NOTHING`
  const moved = await tx`
    UPDATE event_feeds SET seq = ${page.until.toString()} WHERE db = ${page.epoch} AND seq = ${page.after.toString()}
      AND EXISTS (SELECT 1 FROM databases d WHERE d.db = ${page.epoch} AND d.prefix = ${ref.prefix} AND d.name = ${ref.name})
    RETURNING db`
  if (moved.length === 0) return false
  if (jobs.length > 0) await pushIn(tx, await lockForJobs(tx, databases, jobs), jobs)
  return true
}

/** Those that were read before and have changed since; those of one name also when they were never read. */
export async function untold(sql: Sql, name: string): Promise<readonly Untold[]> {
  const rows = await sql<(DatabaseRef & { position: string })[]>`
    SELECT d.prefix, d.name, f.seq::text AS position FROM event_feeds f JOIN databases d ON d.db = f.db
    WHERE d.update_seq > f.seq
    UNION
    SELECT d.prefix, d.name, '' AS position FROM databases d
    WHERE d.name = ${name} AND d.update_seq > 0 AND NOT EXISTS (SELECT 1 FROM event_feeds f WHERE f.db = d.db)`
  return rows.map(({ prefix, name, position }) => ({ ref: { prefix, name }, position }))
}
