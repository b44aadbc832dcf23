/** What the tables hold, as a backup records it and a restore verifies it. */
import type { DatabaseContents, RevisionSums, StoreContents, TableContents } from '../backup/contract.ts'
import type { Sql, Transaction } from './connection.ts'

/** Every table with data in it. A test compares them with what the migrations make. */
export const dataTables = [
  'databases',
  'dropped',
  'docs',
  'revs',
  'locals',
  'indexes',
  'index_views',
  'entries',
  'file_usage',
  'object_ledger',
  'secrets',
  'attachments',
  'sync_state',
  'sync_entries',
  'sync_files',
  'sync_versions',
  'sync_replicas',
  'sync_trash',
  'sync_journal',
  'sync_issues',
  'job_queue',
  'event_feeds',
  'recurring_work',
  'attempts',
] as const

/** Tables that triggers fill from others. */
export const derivedTables = ['file_nodes', 'file_references', 'trigger_schedule'] as const

/** Tables of work in progress, which are empty in a restored database. */
export const passingTables = ['sync_intents', 'sync_commands'] as const

/** Tables whose rows are revisions. */
const revisionTables = ['docs', 'revs'] as const

type Queryable = Sql | Transaction

/** Counts everything; reads all tables once. */
export async function contentsOf(sql: Queryable): Promise<StoreContents> {
  const [server] = await sql<{ postgres: string; schema: number }[]>`
    SELECT current_setting('server_version') AS postgres, max(version) AS schema FROM hearth_schema`
  const tables: TableContents[] = []
  for (const name of dataTables)
    tables.push({ name, columns: await columnsOf(sql, name), rows: await countOf(sql, name) })
  return {
    postgres: server?.postgres ?? '',
    schema: server?.schema ?? 0,
    last_database: await lastDatabase(sql),
    tables,
    databases: [
      ...(await sql<DatabaseContents[]>`
        SELECT db, prefix, name, update_seq, doc_count, deleted_count FROM databases ORDER BY db`),
    ],
  }
}

/** The columns that a row is made of, in the table's order. */
export async function columnsOf(sql: Queryable, table: string): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT attname AS name FROM pg_attribute
    WHERE attrelid = ${table}::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`
  return rows.map(({ name }) => name)
}

async function countOf(sql: Queryable, table: string): Promise<number> {
  const [row] = await sql<{ count: string }[]>`SELECT count(*) FROM ${sql(table)}`
  return Number(row?.count)
}

/** The highest number a database ever had. The sequence is ahead of any snapshot, which is the safe side. */
async function lastDatabase(sql: Queryable): Promise<string> {
  const [sequence] = await sql<{ name: string }[]>`SELECT pg_get_serial_sequence('databases', 'db') AS name`
  const [row] = await sql<{ last: string }[]>`
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM ${sql(sequence?.name ?? '')}`
  return row?.last ?? '0'
}

/** Ensures that no database gets a number that was used before. */
export async function continueAfter(tx: Transaction, last: string): Promise<void> {
  await tx`SELECT setval(pg_get_serial_sequence('databases', 'db'), greatest(${last}::bigint, 1), ${last}::bigint > 0)`
}

/**
 * For each table of revisions a sum of hashes: the same on every version of PostgreSQL and in whatever order rows lie
 *.
 */
export async function revisionsOf(sql: Queryable): Promise<RevisionSums> {
  const sums: RevisionSums = {}
  for (const table of revisionTables) {
    const [row] = await sql<{ sum: string }[]>`
      SELECT coalesce(sum(('x' || left(md5(concat_ws(' ', db, gen, hash, id)), 16))::bit(64)::bigint), 0)::text AS sum
      FROM ${sql(table)}`
    sums[table] = row?.sum ?? '0'
  }
  return sums
}
