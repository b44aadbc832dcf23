import { StartupError } from '../../src/model/startup-error.ts'
import type { StoreSnapshot } from '../backup/contract.ts'
import type { ConnectionOptions, Sql, Transaction } from './connection.ts'
import { contentsOf, revisionsOf } from './contents.ts'
import { copyOut, openCopySession } from './copy.ts'
import { schemaVersion } from './migrate.ts'

/**
 * Runs `work` over one consistent snapshot of all tables while others keep writing: a transaction that exports it is
 * held open, and every table is copied by a connection that joins it.
 * @throws StartupError when the database holds no data of Hearth, or in another version's schema.
 */
export async function readPostgres<T>(
  target: ConnectionOptions['target'],
  work: (snapshot: StoreSnapshot) => Promise<T>,
): Promise<T> {
  const sql = openCopySession(target)
  try {
    await checkSchema(sql)
    await holdRubbish(sql)
    return (await sql.begin('ISOLATION LEVEL REPEATABLE READ READ ONLY', async (tx) => {
      const [row] = await tx<{ snapshot: string }[]>`SELECT pg_export_snapshot() AS snapshot`
      const snapshot = row?.snapshot ?? ''
      return work({
        contents: await contentsOf(tx),
        revisions: () => revisionsOf(tx),
        read: ({ name, columns }) =>
          copyOut(target, snapshot, `SELECT ${columns.map(quoted).join(', ')} FROM ${quoted(name)}`),
      })
    })) as T
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/**
 * Two numbers of an advisory lock: while it is held, no object is deleted, so that everything a snapshot refers to can
 * still be read.
 */
const rubbishHeld = [4837, 1] as const

/** A condition that is false while a backup is being written. */
export function mayDelete(sql: Sql | Transaction) {
  return sql`NOT EXISTS (
    SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
      AND classid = ${rubbishHeld[0]} AND objid = ${rubbishHeld[1]}
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`
}

/** Before the snapshot, for as long as the session lasts. */
export async function holdRubbish(sql: Sql): Promise<void> {
  await sql`SELECT pg_advisory_lock_shared(${rubbishHeld[0]}::int, ${rubbishHeld[1]}::int)`
}

async function checkSchema(sql: Sql): Promise<void> {
  const [table] = await sql<{ exists: boolean }[]>`SELECT to_regclass('hearth_schema') IS NOT NULL AS exists`
  if (!table?.exists) throw new StartupError('There is nothing to back up: the database holds no data of Hearth.')
  const [row] = await sql<{ version: number | null }[]>`SELECT max(version) AS version FROM hearth_schema`
  const found = row?.version ?? 0
  if (found === schemaVersion) return
  const way =
    found > schemaVersion ? 'Use the Hearth that wrote it.' : 'Start hearth serve once, which brings it up to date.'
  throw new StartupError(
    `The database has schema version ${found}, this Hearth backs up version ${schemaVersion}. ${way}`,
  )
}

/** An SQL identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
