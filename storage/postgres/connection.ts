/** The pool to PostgreSQL and the translation of its errors. Above this folder nobody looks at a driver's error. */
import postgres from 'postgres'
import { Problem } from '../../src/model/errors.ts'
import { repairResults } from './whole-results.ts'

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
 * Every statement of the adapter is an index scan by design, also on a table that was empty when it was planned: the
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

const lostCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
])

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}

/** True when the statement may or may not have been applied, or never reached the server. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error)
  return lostCodes.has(code) || code.startsWith('08') || code.startsWith('57P')
}

/** Turns a driver's error into what the rest of Hearth knows; other values pass unchanged. */
export function translate(error: unknown): unknown {
  const code = codeOf(error)
  if (error instanceof Problem) return error
  if (isConnectionLost(error))
    return new Problem('store_unavailable', 'The database does not answer.', { cause: error })
  if (code === '53100') return new Problem('store_unavailable', 'The database has no space left.', { cause: error })
  if (code === '53300')
    return new Problem('store_unavailable', 'The database has no free connection.', { cause: error })
  if (code === '55P03') return new Problem('store_unavailable', 'The database is busy.', { cause: error })
  if (code === '57014')
    return new Problem('timeout', 'context deadline exceeded: the query took too long.', { cause: error })
  return error
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
