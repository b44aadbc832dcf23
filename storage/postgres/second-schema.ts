/**
 * Data beside the data: a second schema that is filled while the first one serves, and takes its place in one transaction.
 * The first one is kept under another name until it is dropped.
 */

import { StartupError } from '../../src/model/startup-error.ts'
import type { StoreFilling } from '../backup/contract.ts'
import { holdRubbish, quoted } from './backup.ts'
import type { ConnectionOptions, Sql } from './connection.ts'
import { openCopySession } from './copy.ts'
import { fillSchema } from './restore.ts'

type Target = ConnectionOptions['target']

/** The names of one exchange. `job` is letters and digits. */
export function schemasOf(job: string): { readonly next: string; readonly before: string } {
  const id = job.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  return { next: `hearth_next_${id}`, before: `hearth_before_${id}` }
}

/**
 * Makes the schema `next` and lets `work` fill it, in one transaction; nothing of it stays when `work` rejects.
 * @throws StartupError when this user may not make or rename schemas in this database.
 */
export async function fillNext<T>(
  target: Target,
  job: string,
  lastDatabase: string,
  work: (store: StoreFilling) => Promise<T>,
): Promise<T> {
  const { next } = schemasOf(job)
  await withSession(target, async (sql) => {
    await refuseWithoutRights(sql)
    await sql.unsafe(`CREATE SCHEMA ${quoted(next)}`)
  })
  try {
    return await fillSchema(target, next, lastDatabase, work)
  } catch (error) {
    await dropSchemas(target, job)
    throw error
  }
}

/** How far an exchange got: `none` of its schemas is there, `next` waits, or it has taken the place. */
export async function exchangeState(target: Target, job: string): Promise<'none' | 'next' | 'exchanged'> {
  const { next, before } = schemasOf(job)
  return withSession(target, async (sql) => {
    const rows = await sql<{ name: string }[]>`
      SELECT nspname AS name FROM pg_namespace WHERE nspname = ANY (${[next, before]}::text[])`
    const names = rows.map(({ name }) => name)
    return names.includes(before) ? 'exchanged' : names.includes(next) ? 'next' : 'none'
  })
}

/**
 * Puts the next schema in the place of the current one.
 * @throws StartupError when other processes of Hearth use the database: they would keep using what they remember.
 */
export async function exchangeSchemas(target: Target, job: string): Promise<void> {
  const { next, before } = schemasOf(job)
  await withSession(target, async (sql) => {
    await refuseOthers(sql)
    const current = await currentSchema(sql)
    await sql.begin(async (tx) => {
      await tx.unsafe(`ALTER SCHEMA ${quoted(current)} RENAME TO ${quoted(before)}`)
      await tx.unsafe(`ALTER SCHEMA ${quoted(next)} RENAME TO ${quoted(current)}`)
    })
  })
}

/** The opposite: what was there before is current again. */
export async function exchangeBack(target: Target, job: string): Promise<void> {
  const { next, before } = schemasOf(job)
  await withSession(target, async (sql) => {
    const current = await currentSchema(sql)
    await sql.begin(async (tx) => {
      await tx.unsafe(`ALTER SCHEMA ${quoted(current)} RENAME TO ${quoted(next)}`)
      await tx.unsafe(`ALTER SCHEMA ${quoted(before)} RENAME TO ${quoted(current)}`)
    })
  })
}

/** Drops what an exchange left beside the current schema. */
export async function dropSchemas(target: Target, job: string): Promise<void> {
  const { next, before } = schemasOf(job)
  await withSession(target, async (sql) => {
    await sql.unsafe(`DROP SCHEMA IF EXISTS ${quoted(next)}, ${quoted(before)} CASCADE`)
  })
}

/** Keeps every process from deleting objects until it is released. */
export async function holdDeletions(target: Target): Promise<{ release(): Promise<void> }> {
  const sql = openCopySession(target)
  await holdRubbish(sql)
  return { release: () => sql.end({ timeout: 1 }) }
}

async function currentSchema(sql: Sql): Promise<string> {
  const [row] = await sql<{ name: string | null }[]>`
    SELECT nspname AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
    WHERE pg_class.oid = to_regclass('hearth_schema')`
  if (!row?.name) throw new StartupError('The database holds no data of Hearth.')
  return row.name
}

async function refuseWithoutRights(sql: Sql): Promise<void> {
  const current = await currentSchema(sql)
  const [row] = await sql<{ allowed: boolean }[]>`
    SELECT has_database_privilege(current_database(), 'CREATE') AND pg_has_role(nspowner, 'USAGE') AS allowed
    FROM pg_namespace WHERE nspname = ${current}`
  if (row?.allowed) return
  throw new StartupError(
    `This user may not exchange schemas: make it the owner of the database, or of the schema ${current} with the right CREATE on the database.`,
  )
}

async function refuseOthers(sql: Sql): Promise<void> {
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'hearth%' AND pid <> pg_backend_pid()`
  if ((row?.count ?? 0) === 0) return
  throw new StartupError('Other processes of Hearth use this database: stop them, and restore again.')
}

async function withSession<T>(target: Target, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = openCopySession(target)
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}
