/** The pool to PostgreSQL. No code above this folder sees a driver's error. */
import postgres from 'postgres'
import { translate } from './failures.ts'
import { retrying } from './retry.ts'
import { repairResults } from './whole-results.ts'

export { isConnectionLost, isTaken, translate } from './failures.ts'

export type Sql = postgres.Sql
export type Transaction = postgres.TransactionSql

export interface ConnectionOptions {
  /** `postgres://...`, or the parameters of a unix socket. */
  readonly target:
    | string
    | { readonly host: string; readonly port?: number; readonly database: string; readonly user: string }
  readonly maxConnections: number
}

/**
 * Every statement of the adapter is an index scan by design, even on a table that was empty when it was planned: the
 * planner is told so instead of being trusted with statistics that lag behind.
 */
const session = {
  application_name: 'hearth',
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_bitmapscan: 'off',
  jit: 'off',
  // Makes the first message on a connection longer than the 1 kB that the driver (postgres.js 3.4.9) sends at once. A shorter
  // one waits for a timer that it never sets again when a connection broke while something waited: then each attempt
  // to connect hangs until its time is up. https://github.com/LanternOps/breeze/issues/3225
  'hearth.filler': 'x'.repeat(1_024),
  lock_timeout: 5_000,
  statement_timeout: 30_000,
  idle_in_transaction_session_timeout: 60_000,
}

/** Opens a pool. Nothing is connected before the first statement. `settings` are added to the sessions' own. */
export function openPool(
  { target, maxConnections }: ConnectionOptions,
  settings: Readonly<Record<string, string>> = {},
): Sql {
  const options = {
    max: maxConnections,
    connect_timeout: 5,
    idle_timeout: 0,
    max_lifetime: null,
    backoff: reconnectPause,
    onnotice: () => {},
    connection: { ...session, ...settings },
  }
  const sql = typeof target === 'string' ? postgres(target, options) : postgres({ ...options, ...target })
  repairResults(sql)
  return sql
}

/**
 * Seconds before a connection that failed is tried again; `failures` counts those of the whole pool. The driver's own rule
 * goes up to 20 s, and requests would wait as long, also when the server is back.
 */
function reconnectPause(failures: number): number {
  return Math.min(failures * 0.05, 0.5)
}

/** Runs `work`, which only reads, again where it loses its connection, and translates its errors. */
export function reading<T>(work: () => Promise<T>): Promise<T> {
  return guarded(() => retrying(work))
}

/** Runs `work`, translating its errors. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw translate(error)
  }
}

/** Connections to this database under our name, by what they do: `active`, `idle`, ... */
export async function countConnections(sql: Sql): Promise<Readonly<Record<string, number>>> {
  const rows = await sql<{ state: string | null; count: number }[]>`
    SELECT state, count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = ${session.application_name} GROUP BY state`
  return Object.fromEntries(rows.map(({ state, count }) => [state ?? 'unknown', count]))
}

/** Connections that the server allows all ordinary clients together. */
export async function connectionLimit(sql: Sql): Promise<number> {
  const [row] = await sql<{ allowed: number }[]>`
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS allowed`
  return row?.allowed ?? 0
}
