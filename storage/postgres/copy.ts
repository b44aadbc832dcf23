/** COPY in both directions, with connections of their own: statements that take minutes need other settings than requests. */
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import postgres from 'postgres'
import type { ConnectionOptions, Sql, Transaction } from './connection.ts'

/** Values are written the same way whatever the server's settings are. There is no time limit for statements or idle connections. */
const session = {
  application_name: 'hearth-copy',
  DateStyle: 'ISO',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  lock_timeout: 5_000,
  statement_timeout: 0,
  idle_in_transaction_session_timeout: 0,
}

/**
 * One connection for work on whole tables, of the given schema instead of the usual one. Nothing is connected before the first
 * statement.
 */
export function openCopySession(target: ConnectionOptions['target'], schema?: string): Sql {
  const options = {
    max: 1,
    connect_timeout: 5,
    idle_timeout: 0,
    max_lifetime: null,
    onnotice: () => {},
    connection: schema === undefined ? session : { ...session, search_path: schema },
  }
  return typeof target === 'string' ? postgres(target, options) : postgres({ ...options, ...target })
}

/**
 * The rows of a query in COPY text format, as they are in an exported snapshot. The connection is a fresh one: after a
 * COPY the driver may leave its socket paused, and then it never answers again.
 */
export async function* copyOut(
  target: ConnectionOptions['target'],
  snapshot: string,
  query: string,
): AsyncGenerator<Uint8Array> {
  const sql = openCopySession(target)
  try {
    await sql.unsafe('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    await sql.unsafe(`SET TRANSACTION SNAPSHOT '${snapshot.replaceAll("'", "''")}'`)
    yield* await sql.unsafe(`COPY (${query}) TO STDOUT`).readable()
  } finally {
    await sql.end({ timeout: 0 })
  }
}

/** Puts rows in COPY text format into a table. Rejects with the server's reason when it refuses them. */
export async function copyIn(tx: Transaction, statement: string, data: AsyncIterable<Uint8Array>): Promise<void> {
  const query = tx.unsafe(statement)
  // The driver considers the query done once the stream exists, and would drop a later error of the server.
  const refused = new Promise<never>((_resolve, reject) => {
    Object.assign(query, { reject })
  })
  const stream = await Promise.race([query.writable(), refused])
  stream.on('error', () => {})
  try {
    await Promise.race([write(stream, data), refused])
  } catch (error) {
    stream.destroy(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}

async function write(stream: Writable, data: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of data) {
    if (stream.destroyed) return
    if (!stream.write(chunk)) await once(stream, 'drain')
  }
  stream.end()
  await once(stream, 'finish')
}
