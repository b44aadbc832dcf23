/** Making, describing and dropping databases. Dropping removes one row; its documents are swept later. */
import { setTimeout as sleep } from 'node:timers/promises'
import { noDatabase } from '../../src/model/no-database.ts'
import { tenantPrefix } from '../../src/model/object-name.ts'
import type { DatabaseInfo, DatabaseRef } from '../documents/contract.ts'
import { giveUpDropped } from './attachments.ts'
import type { Sql, Transaction } from './connection.ts'

const sweepPage = 1_000

const sweptTables = [
  'docs',
  'revs',
  'locals',
  'indexes',
  'index_views',
  'entries',
  'file_nodes',
  'file_references',
  'file_usage',
  'trigger_schedule',
  'event_feeds',
]

export async function createDatabase(sql: Sql, { prefix, name }: DatabaseRef): Promise<'created' | 'exists'> {
  const made = await sql`
    INSERT INTO databases (prefix, name) VALUES (${prefix}, ${name}) ON CONFLICT (prefix, name) DO NOTHING RETURNING db`
  return made.length > 0 ? 'created' : 'exists'
}

/** The epoch of a database's sequences out of its row. */
export function epochOf({ db, restored }: { readonly db: string; readonly restored: string }): string {
  return restored === '0' ? db : `${db}.${restored}`
}

interface InfoRow {
  readonly db: string
  readonly restored: string
  readonly update_seq: string
  readonly doc_count: string
  readonly deleted_count: string
  readonly revs_limit: number
  readonly row_bytes: number
}

export async function databaseInfo(sql: Sql, ref: DatabaseRef): Promise<DatabaseInfo> {
  const [row] = await sql<InfoRow[]>`
    SELECT d.db, d.restored, d.update_seq, d.doc_count, d.deleted_count, d.revs_limit,
      (SELECT CASE WHEN c.reltuples > 0 THEN pg_table_size(c.oid) / c.reltuples ELSE 1024 END::float8
       FROM pg_class c WHERE c.oid = 'docs'::regclass) AS row_bytes
    FROM databases d WHERE d.prefix = ${ref.prefix} AND d.name = ${ref.name}`
  if (!row) throw noDatabase()
  const docCount = Number(row.doc_count)
  const deletedCount = Number(row.deleted_count)
  return {
    ref,
    epoch: epochOf(row),
    updateSeq: BigInt(row.update_seq),
    docCount,
    deletedCount,
    bytes: Math.round(row.row_bytes * (docCount + deletedCount)),
    revsLimit: row.revs_limit,
  }
}

export async function listDatabases(sql: Sql, prefix: string): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`SELECT name FROM databases WHERE prefix = ${prefix} ORDER BY name`
  return rows.map((row) => row.name)
}

/** Drops one database of a tenant, or all of them, locked ascending as writers do. @returns how many there were. */
export async function dropDatabases(sql: Sql | Transaction, prefix: string, name?: string): Promise<number> {
  const rows = await sql`
    WITH locked AS MATERIALIZED (
      SELECT db FROM databases WHERE prefix = ${prefix} ${name === undefined ? sql`` : sql`AND name = ${name}`}
      ORDER BY db FOR UPDATE
    ), gone AS (
      DELETE FROM databases d USING locked l WHERE d.db = l.db RETURNING d.db
    ) INSERT INTO dropped SELECT db FROM gone RETURNING db`
  return rows.length
}

/**
 * Drops all databases of a tenant and marks what it keeps in the object store for deletion (a name that ends in `/` stands
 * for all that begin with it), in one transaction.
 */
export async function dropTenant(sql: Sql, prefix: string): Promise<void> {
  await sql.begin(async (tx) => {
    await dropDatabases(tx, prefix)
    await tx`
      INSERT INTO object_ledger (name, due) VALUES (${tenantPrefix(prefix)}, now())
      ON CONFLICT (name) DO UPDATE SET due = excluded.due`
    await tx`DELETE FROM secrets WHERE prefix = ${prefix}`
    await tx`DELETE FROM job_queue WHERE prefix = ${prefix}`
  })
}

/** Removes the rows of dropped databases in small batches, so that no statement holds locks for long. */
export async function sweepDropped(sql: Sql, signal: AbortSignal): Promise<void> {
  const rows = await sql<{ db: string }[]>`SELECT db FROM dropped`
  for (const { db } of rows) {
    for (const table of sweptTables) {
      let removed = sweepPage
      while (removed === sweepPage) {
        if (signal.aborted) return
        const result = await sql`
          DELETE FROM ${sql(table)} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM ${sql(table)} WHERE db = ${db} LIMIT ${sweepPage}))`
        removed = result.count
        if (removed === sweepPage) await sleep(5)
      }
    }
    // Their rows stay until the objects are deleted.
    while ((await giveUpDropped(sql, db, sweepPage)) === sweepPage) if (signal.aborted) return
    await sql`DELETE FROM dropped WHERE db = ${db}`
  }
}
