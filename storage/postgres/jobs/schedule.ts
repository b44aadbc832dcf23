/** When triggers are due. */
import { type DueTrigger, type Firing, triggersDoctype } from '../../jobs/contract.ts'
import type { Sql, Transaction } from '../connection.ts'
import type { DatabaseCache } from '../database-cache.ts'
import { lockForJobs, pushIn } from './push.ts'

interface DueRow {
  readonly prefix: string
  readonly id: string
  readonly text: string
  readonly version: string
  readonly ms: number | null
}

export async function dueTriggers(sql: Sql, limit: number): Promise<readonly DueTrigger[]> {
  const rows = await sql<DueRow[]>`
    SELECT d.prefix, s.id, coalesce(x.raw, x.body::text) AS text, s.next_at::text || ' ' || x.hash AS version,
      CASE WHEN s.next_at > '-infinity' THEN extract(epoch FROM s.next_at)::float8 * 1000 END AS ms
    FROM (SELECT * FROM trigger_schedule WHERE next_at <= now() ORDER BY next_at LIMIT ${limit}) s
    JOIN databases d ON d.db = s.db JOIN docs x ON x.db = s.db AND x.id = s.id AND NOT x.deleted
    ORDER BY s.next_at`
  return rows.map(({ prefix, id, text, version, ms }) => ({ prefix, id, text, version, dueMs: ms ?? undefined }))
}

export async function nextTrigger(sql: Sql): Promise<number | undefined> {
  const [row] = await sql<{ ms: number | null }[]>`
    SELECT CASE WHEN next_at > '-infinity' THEN extract(epoch FROM next_at)::float8 * 1000 ELSE 0 END AS ms
    FROM trigger_schedule WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1`
  return row?.ms ?? undefined
}

/** Databases first, then the row: who writes a trigger's document holds its database when the row follows. */
export async function fire(
  tx: Transaction,
  databases: DatabaseCache,
  { trigger, jobs, next }: Firing,
): Promise<boolean> {
  const ref = { prefix: trigger.prefix, name: triggersDoctype }
  const locked = await lockForJobs(tx, databases, jobs, [ref])
  const db = locked.db(ref)
  if (db === undefined) return false
  const rows = await tx<{ gen: string; hash: string }[]>`
    SELECT x.gen, x.hash FROM trigger_schedule s JOIN docs x ON x.db = s.db AND x.id = s.id AND NOT x.deleted
    WHERE s.db = ${db} AND s.id = ${trigger.id} AND s.next_at::text || ' ' || x.hash = ${trigger.version} FOR UPDATE OF s`
  const [found] = rows
  if (found === undefined) return false
  await pushIn(tx, locked, jobs)
  if (next === 'remove') {
    await locked.write([{ ref, id: trigger.id, parent: { gen: Number(found.gen), hash: found.hash }, body: undefined }])
    return true
  }
  const at = next === 'never' ? tx`NULL` : tx`to_timestamp(${next / 1000}::float8)`
  await tx`UPDATE trigger_schedule SET next_at = ${at} WHERE db = ${db} AND id = ${trigger.id}`
  return true
}
