/** Versioned, forward-only migrations: one transaction each, under an advisory lock, safe to run from several processes. */
import { StartupError } from '../../src/model/startup-error.ts'
import type { Sql, Transaction } from './connection.ts'
import documents from './migrations/0001-documents.sql' with { type: 'text' }
import replication from './migrations/0002-replication.sql' with { type: 'text' }
import files from './migrations/0003-files.sql' with { type: 'text' }
import attachments from './migrations/0004-attachments.sql' with { type: 'text' }
import attempts from './migrations/0005-attempts.sql' with { type: 'text' }
import jobs from './migrations/0006-jobs.sql' with { type: 'text' }
import restored from './migrations/0007-restored.sql' with { type: 'text' }
import sync from './migrations/0008-sync.sql' with { type: 'text' }
import leaves from './migrations/0009-leaves.sql' with { type: 'text' }
import exactKeys from './migrations/0010-exact-keys.sql' with { type: 'text' }
import syncSafety from './migrations/0011-sync-safety.sql' with { type: 'text' }
import events from './migrations/0012-events.sql' with { type: 'text' }
import forked from './migrations/0013-forked.sql' with { type: 'text' }
import suspects from './migrations/0014-suspects.sql' with { type: 'text' }
import inlined from './migrations/0015-inlined.sql' with { type: 'text' }

/** In order; the position (from 1) is the schema's version. Never edit one that was released. */
const migrations: readonly string[] = [
  documents,
  replication,
  files,
  attachments,
  attempts,
  jobs,
  restored,
  sync,
  leaves,
  exactKeys,
  syncSafety,
  events,
  forked,
  suspects,
  inlined,
]

/** Version of the schema that this program writes. */
export const schemaVersion = migrations.length

/**
 * The oldest schema version whose programs may run on what a migration leaves, as its text states it in a line of its own;
 * only its own version where it states none. An update that is taken back must find a program that starts: migrations that
 * only add columns with defaults, tables and indexes say so.
 */
export function oldestProgram(text: string, version: number): number {
  const stated = /^-- Programs from schema version (\d+) on may run on it\.$/m.exec(text)?.[1]
  return stated === undefined ? version : Math.min(version, Number(stated))
}

/**
 * Brings the schema up to `schemaVersion`.
 * @throws StartupError when the server is too old, lacks ICU or UTF-8, or holds a newer schema that this program may not run on.
 */
export async function migrate(sql: Sql): Promise<void> {
  await checkServer(sql)
  await sql.begin(async (tx) => {
    await takeTurn(tx)
    await tx`CREATE TABLE IF NOT EXISTS hearth_schema (
      version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`
    await tx`ALTER TABLE hearth_schema ADD COLUMN IF NOT EXISTS oldest int`
    const [row] = await tx<{ version: number; oldest: number }[]>`
      SELECT coalesce(max(version), 0)::int AS version, coalesce(max(coalesce(oldest, version)), 0)::int AS oldest
      FROM hearth_schema`
    const found = row?.version ?? 0
    if (found > schemaVersion && (row?.oldest ?? 0) > schemaVersion) {
      throw new StartupError(
        `The database holds schema version ${found}, this program knows up to ${schemaVersion}. ` +
          'Start the newer program again, or restore a backup made with this one.',
      )
    }
    for (const [at, text] of migrations.entries()) {
      if (at < found) continue
      await tx.unsafe(text)
      await tx`INSERT INTO hearth_schema (version, oldest) VALUES (${at + 1}, ${oldestProgram(text, at + 1)})`
    }
  })
}

/** One process at a time, however long the work of another one takes. */
async function takeTurn(tx: Transaction): Promise<void> {
  await tx`SET LOCAL lock_timeout = 0`
  await tx`SET LOCAL statement_timeout = 0`
  await tx`SELECT pg_advisory_xact_lock(hashtext('hearth.migrations'))`
}

async function checkServer(sql: Sql): Promise<void> {
  const [server] = await sql<{ version: number; encoding: string; icu: boolean }[]>`
    SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
      EXISTS (SELECT 1 FROM pg_collation WHERE collprovider = 'i') AS icu`
  if (!server) throw new StartupError('PostgreSQL gave no answer about its version.')
  const major = Math.floor(server.version / 10_000)
  if (major < 15) throw new StartupError(`PostgreSQL ${major} is too old: Hearth needs 15 or newer.`)
  if (server.encoding !== 'UTF8') {
    throw new StartupError(
      `The database's encoding is ${server.encoding}: Hearth needs UTF8 (createdb --encoding=UTF8).`,
    )
  }
  if (!server.icu) throw new StartupError('This PostgreSQL was built without ICU, which Hearth needs to order strings.')
}

/**
 * Rebuilds the indexes that depend on ICU when the server's ICU is not the one it was built with.
 * @returns true when something was rebuilt.
 */
export async function refreshCollation(sql: Sql): Promise<boolean> {
  if (!(await isCollationStale(sql))) return false
  return sql.begin(async (tx) => {
    await takeTurn(tx)
    if (!(await isCollationStale(tx))) return false
    await tx`REINDEX INDEX entries_key`
    await tx`REINDEX INDEX file_nodes_list`
    await tx`ALTER COLLATION couch REFRESH VERSION`
    return true
  })
}

async function isCollationStale(sql: Sql | Transaction): Promise<boolean> {
  const [row] = await sql<{ stale: boolean }[]>`
    SELECT collversion IS DISTINCT FROM pg_collation_actual_version(oid) AS stale FROM pg_collation
    WHERE collname = 'couch' AND collnamespace = current_schema()::regnamespace`
  return row?.stale ?? false
}
