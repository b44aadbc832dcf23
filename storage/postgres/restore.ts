import { randomInt } from 'node:crypto'
import { StartupError } from '../../src/model/startup-error.ts'
import type { StoreFilling, TableContents } from '../backup/contract.ts'
import { quoted } from './backup.ts'
import type { ConnectionOptions, Transaction } from './connection.ts'
import { columnsOf, contentsOf, continueAfter, dataTables, derivedTables, revisionsOf } from './contents.ts'
import { copyIn, openCopySession } from './copy.ts'
import { migrate } from './migrate.ts'

/**
 * Lets `work` fill an empty database, in one transaction: either all of it is there afterwards, or nothing. The schema is
 * made or brought up to date first.
 * @throws StartupError when the database is not empty or others use it.
 */
export function fillPostgres<T>(
  target: ConnectionOptions['target'],
  lastDatabase: string,
  work: (store: StoreFilling) => Promise<T>,
): Promise<T> {
  return fillSchema(target, undefined, lastDatabase, work)
}

/** The same in a schema that exists and is empty. */
export async function fillSchema<T>(
  target: ConnectionOptions['target'],
  schema: string | undefined,
  lastDatabase: string,
  work: (store: StoreFilling) => Promise<T>,
): Promise<T> {
  const sql = openCopySession(target, schema)
  try {
    await migrate(sql)
    return (await sql.begin(async (tx) => {
      await takeEmptyTables(tx)
      const rebuildIndexes = await dropIndexes(tx)
      const result = await work({
        load: (table, data) => load(tx, table, data),
        contents: () => contentsOf(tx),
        revisions: () => revisionsOf(tx),
      })
      await rebuildIndexes()
      await continueAfter(tx, lastDatabase)
      // Another one each time: two servers that were restored from one file go different ways.
      // Triggers were made again from their documents; what had not been told when the backup was made still is.
      await tx`
        UPDATE trigger_schedule s SET begins = (
          SELECT coalesce(jsonb_object_agg(b.key, least(b.value::bigint, f.seq)), '{}')
          FROM jsonb_each_text(s.begins) b LEFT JOIN event_feeds f ON f.db = b.key::bigint)
        WHERE s.begins IS NOT NULL`
      await tx`UPDATE databases SET restored = ${randomInt(1, 2 ** 47)}`
      await tx.unsafe(`ANALYZE ${[...dataTables, ...derivedTables].map(quoted).join(', ')}`)
      return result
    })) as T
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Locks the tables and makes sure that they are empty. */
async function takeEmptyTables(tx: Transaction): Promise<void> {
  const list = [...dataTables, ...derivedTables].map(quoted).join(', ')
  await tx.unsafe(`LOCK TABLE ${list} IN ACCESS EXCLUSIVE MODE`)
  for (const table of dataTables) {
    const [row] = await tx<{ filled: boolean }[]>`SELECT EXISTS (SELECT FROM ${tx(table)}) AS filled`
    if (!row?.filled) continue
    throw new StartupError(
      `The database is not empty (${table} has rows), and restore overwrites nothing: give it an empty data directory ` +
        '(--data-dir) or an empty database (HEARTH_DATABASE_URL).',
    )
  }
  // A table truncated in the transaction that fills it needs no write-ahead log, and its rows can be frozen at once.
  await tx.unsafe(`TRUNCATE ${list}`)
}

/** Drops the indexes that back no constraint and gives back how to make them again: building one whole is quicker. */
async function dropIndexes(tx: Transaction): Promise<() => Promise<void>> {
  const found = await tx<{ name: string; definition: string }[]>`
    SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
    WHERE indrelid = ANY (${[...dataTables]}::regclass[])
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)`
  for (const { name } of found) await tx.unsafe(`DROP INDEX ${name}`)
  return async () => {
    for (const { definition } of found) await tx.unsafe(definition)
  }
}

async function load(tx: Transaction, table: TableContents, data: AsyncIterable<Uint8Array>): Promise<void> {
  const known = await columnsOf(tx, table.name)
  const strange = table.columns.find((column) => !known.includes(column))
  if (strange !== undefined) throw new StartupError(`The backup is damaged: ${table.name} has no column ${strange}.`)
  const columns = table.columns.map(quoted).join(', ')
  try {
    await copyIn(tx, `COPY ${quoted(table.name)} (${columns}) FROM STDIN (FREEZE)`, data)
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'PostgresError') throw error
    throw new StartupError(`PostgreSQL refuses what the backup has for ${table.name}: ${error.message}.`, {
      cause: error,
    })
  }
}
