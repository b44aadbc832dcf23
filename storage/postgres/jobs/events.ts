/**
 * Changes of documents on their way to the triggers that wait for them. How far a database was read is a row that moves in
 * the transaction that queues the jobs: each change makes its jobs once, whatever dies in between. Sequences are given
 * under the lock of the database, so that a lower one is never committed after a higher one.
 */
import type { DatabaseRef } from '../../documents/contract.ts'
import {
  type ChangedForEvents,
  type EventPage,
  type EventPlace,
  type EventTrigger,
  type NewJob,
  type TenantTriggers,
  triggersDoctype,
  type Untold,
} from '../../jobs/contract.ts'
import type { Sql, Transaction } from '../connection.ts'
import type { DatabaseCache } from '../database-cache.ts'
import { lockForJobs, pushIn } from './push.ts'

export async function eventTenants(sql: Sql): Promise<ReadonlyMap<string, string>> {
  const rows = await sql<{ prefix: string; version: string }[]>`
    SELECT prefix, db || ':' || update_seq AS version FROM databases
    WHERE db IN (SELECT db FROM trigger_schedule WHERE type = '@event')`
  return new Map(rows.map(({ prefix, version }) => [prefix, version]))
}

interface TriggerRow {
  readonly prefix: string
  readonly version: string
  readonly id: string | null
  readonly text: string
  readonly begins: Readonly<Record<string, number>> | null
}

/** One statement: the version is that of the triggers beside it. */
export async function eventTriggers(sql: Sql, prefixes: readonly string[]): Promise<readonly TenantTriggers[]> {
  const rows = await sql<TriggerRow[]>`
    SELECT d.prefix, d.db || ':' || d.update_seq AS version, x.id, coalesce(x.raw, x.body::text) AS text, s.begins
    FROM databases d LEFT JOIN trigger_schedule s ON s.db = d.db AND s.type = '@event'
    LEFT JOIN docs x ON x.db = s.db AND x.id = s.id AND NOT x.deleted
    WHERE d.prefix = ANY (${[...prefixes]}::text[]) AND d.name = ${triggersDoctype} ORDER BY x.id`
  return prefixes.map((prefix) => {
    const own = rows.filter((row) => row.prefix === prefix)
    return { prefix, version: own[0]?.version ?? '', triggers: own.flatMap((row) => triggerOf(row) ?? []) }
  })
}

function triggerOf({ id, text, begins }: TriggerRow): EventTrigger | undefined {
  if (id === null) return undefined
  return { id, text, begins: new Map(Object.entries(begins ?? {}).map(([epoch, seq]) => [epoch, BigInt(seq)])) }
}

/** One statement: triggers that were there before something was committed are among those of this version. */
export async function eventPlace(sql: Sql, { prefix, name }: DatabaseRef): Promise<EventPlace | undefined> {
  const [row] = await sql<{ db: string; update_seq: string; seq: string | null; version: string | null }[]>`
    SELECT d.db, d.update_seq, f.seq, t.db || ':' || t.update_seq AS version
    FROM databases d LEFT JOIN event_feeds f ON f.db = d.db
    LEFT JOIN databases t ON t.prefix = d.prefix AND t.name = ${triggersDoctype}
    WHERE d.prefix = ${prefix} AND d.name = ${name}`
  if (row === undefined) return undefined
  const told = row.seq === null ? undefined : BigInt(row.seq)
  return { epoch: row.db, updateSeq: BigInt(row.update_seq), told, triggers: row.version ?? '' }
}

interface ChangeRow {
  readonly id: string
  readonly seq: string
  readonly gen: string
  readonly hash: string
  readonly deleted: boolean
  readonly leaves: number
  readonly body: string
  readonly parent: string | null
  readonly parent_deleted: boolean | null
  readonly parent_body: string | null
}

export async function eventPage(
  sql: Sql,
  { epoch, updateSeq }: EventPlace,
  { after, rows: limit, bytes }: { readonly after: bigint; readonly rows: number; readonly bytes: number },
): Promise<EventPage> {
  const rows = await sql<ChangeRow[]>`
    SELECT * FROM hearth_event_rows(${epoch}, ${String(after)}, ${String(updateSeq)}, ${limit}, ${bytes})`
  const last = rows.at(-1)
  // A page that ends before its limit may have ended for its bytes: only an empty one tells that nothing is left.
  const until = last === undefined ? updateSeq : BigInt(last.seq)
  return { until, full: until < updateSeq, rows: rows.map(changeOf) }
}

function changeOf(row: ChangeRow): ChangedForEvents {
  const { id, seq, gen, hash, deleted, leaves, body: text, parent } = row
  const before = { hash: parent ?? '', deleted: row.parent_deleted ?? false, text: row.parent_body ?? undefined }
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

export interface ToldEvents {
  readonly ref: DatabaseRef
  readonly place: EventPlace
  readonly until: bigint
  readonly jobs: readonly NewJob[]
}

/** The feed's row first, then databases: no code locks them in the other order. */
export async function eventsDone(
  tx: Transaction,
  databases: DatabaseCache,
  { ref, place, until, jobs }: ToldEvents,
): Promise<boolean> {
  const { epoch, told } = place
  const exists = tx`EXISTS (
    SELECT 1 FROM databases d WHERE d.db = ${epoch} AND d.prefix = ${ref.prefix} AND d.name = ${ref.name})`
  const moved =
    told === undefined
      ? await tx`
          INSERT INTO event_feeds (db, seq) SELECT ${epoch}::bigint, ${String(until)}::bigint WHERE ${exists}
          ON CONFLICT (db) DO NOTHING RETURNING db`
      : await tx`
          UPDATE event_feeds SET seq = ${String(until)} WHERE db = ${epoch} AND seq = ${String(told)} AND ${exists}
          RETURNING db`
  if (moved.length === 0) return false
  if (jobs.length > 0) await pushIn(tx, await lockForJobs(tx, databases, jobs), jobs)
  return true
}

export async function endFeed(sql: Sql, { epoch, told }: EventPlace): Promise<void> {
  if (told !== undefined) await sql`DELETE FROM event_feeds WHERE db = ${epoch} AND seq = ${String(told)}`
}

export async function untold(sql: Sql, name: string): Promise<readonly Untold[]> {
  const rows = await sql<(DatabaseRef & { position: string })[]>`
    SELECT DISTINCT d.prefix, d.name, coalesce(f.seq::text, '') AS position
    FROM trigger_schedule s JOIN databases t ON t.db = s.db CROSS JOIN unnest(s.types) AS y
    JOIN databases d ON d.prefix = t.prefix AND hearth_covers_type(y, d.name)
    LEFT JOIN event_feeds f ON f.db = d.db
    WHERE s.type = '@event'
      AND d.update_seq > greatest(coalesce(f.seq, 0), coalesce((s.begins ->> d.db::text)::bigint, 0))
    UNION
    SELECT d.prefix, d.name, coalesce(f.seq::text, '') FROM databases d LEFT JOIN event_feeds f ON f.db = d.db
    WHERE d.name = ${name} AND d.update_seq > coalesce(f.seq, 0)`
  return rows.map(({ prefix, name, position }) => ({ ref: { prefix, name }, position }))
}
