/**
 * Who leads: a session lock of PostgreSQL, which ends with the process that holds it, and an epoch that every
 * transaction of the engine checks. A process that is frozen keeps its session, so one that shows no life is ended.
 */
import postgres from 'postgres'
import type { Lead } from '../../sync/contract.ts'
import { type ConnectionOptions, guarded, type Sql } from '../connection.ts'

/** The two numbers of the advisory lock. */
const lock = [4837, 3862] as const

export interface LeadershipTiming {
  /** Milliseconds between two signs of life. */
  readonly beatMs: number
  /** Without a sign of life for this long a leader is replaced. */
  readonly silenceMs: number
}

export const usualTiming: LeadershipTiming = { beatMs: 3_000, silenceMs: 15_000 }

/** Sign of life of the leader, read by every process. */
export async function hasLeader(sql: Sql, { silenceMs }: LeadershipTiming): Promise<boolean> {
  const [row] = await guarded(
    () => sql<{ alive: boolean }[]>`
      SELECT beat > now() - make_interval(secs => ${silenceMs / 1000}::float8) AS alive FROM sync_state`,
  )
  return row?.alive === true
}

/** Whether another process holds the lead and shows life: asked on a connection that is open already. */
async function isLed(sql: Sql, silenceMs: number): Promise<boolean> {
  const rows = await sql`
    SELECT 1 FROM ${heldLock(sql)} WHERE l.pid = s.backend
      AND s.beat > now() - make_interval(secs => ${silenceMs / 1000}::float8)`
  return rows.length > 0
}

/** The state as `s` and the lock as `l`, where somebody holds it. */
function heldLock(sql: Sql) {
  return sql`
    sync_state s JOIN pg_locks l ON l.locktype = 'advisory'
      AND l.classid = ${lock[0]} AND l.objid = ${lock[1]} AND l.objsubid = 2 AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`
}

/** `shared` is a pool for the question whether somebody leads; who may lead gets a connection of its own. */
export async function tryLead(
  shared: Sql,
  target: ConnectionOptions['target'],
  who: string,
  { beatMs, silenceMs }: LeadershipTiming,
): Promise<Lead | undefined> {
  if (await isLed(shared, silenceMs)) return undefined
  const sql = openSession(target)
  try {
    await sql`INSERT INTO sync_state DEFAULT VALUES ON CONFLICT DO NOTHING`
    await endSilentLeader(sql, silenceMs)
    const [taken] = await sql<
      { taken: boolean }[]
    >`SELECT pg_try_advisory_lock(${lock[0]}::int, ${lock[1]}::int) AS taken`
    if (!taken?.taken) {
      await sql.end({ timeout: 1 })
      return undefined
    }
    const [row] = await sql<{ epoch: string; backend: number }[]>`
      UPDATE sync_state SET epoch = epoch + 1, leader = ${who}, backend = pg_backend_pid(), beat = now()
      RETURNING epoch, backend`
    await forgetAfterRestore(sql)
    return hold(sql, Number(row?.epoch), row?.backend ?? 0, beatMs)
  } catch (error) {
    await sql.end({ timeout: 0 })
    throw error
  }
}

/** One connection, never exchanged for another one in silence: then the lock would be gone. */
function openSession(target: ConnectionOptions['target']): Sql {
  const options = {
    max: 1,
    connect_timeout: 5,
    idle_timeout: 0,
    max_lifetime: null,
    onnotice: () => {},
    connection: { application_name: 'hearth-sync', statement_timeout: 30_000, lock_timeout: 5_000 },
  }
  return typeof target === 'string' ? postgres(target, options) : postgres({ ...options, ...target })
}

async function endSilentLeader(sql: Sql, silenceMs: number): Promise<void> {
  await sql`
    SELECT pg_terminate_backend(l.pid) FROM ${heldLock(sql)}
    WHERE s.beat < now() - make_interval(secs => ${silenceMs / 1000}::float8) AND l.pid = s.backend`
}

/** The schema of a restored database was made when it was restored. */
async function forgetAfterRestore(sql: Sql): Promise<void> {
  await sql.begin(async (tx) => {
    const [row] = await tx<{ known: string; home: string }[]>`
      SELECT s.home AS known, (SELECT min(applied_at)::text FROM hearth_schema) AS home FROM sync_state s`
    if (row === undefined || row.known === row.home) return
    if (row.known !== '') {
      await tx`
        UPDATE sync_replicas r SET base = NULL, hash = NULL, fingerprint = NULL, key = NULL, dirty = r.owner,
          blocked = NULL, attempts = 0, retry_at = NULL`
      await tx`DELETE FROM sync_intents`
    }
    await tx`UPDATE sync_state SET home = ${row.home}`
  })
}

function hold(sql: Sql, epoch: number, backend: number, beatMs: number): Lead {
  const lost = new AbortController()
  let isOver = false
  const timer = setInterval(async () => {
    try {
      const rows = await sql`
        UPDATE sync_state SET beat = now(), lived_ms = lived_ms + ${beatMs}
        WHERE epoch = ${epoch} AND pg_backend_pid() = ${backend} RETURNING 1`
      if (rows.length === 0) end()
    } catch {
      end()
    }
  }, beatMs)
  function end() {
    if (isOver) return
    isOver = true
    clearInterval(timer)
    lost.abort()
    void sql.end({ timeout: 0 })
  }
  return {
    epoch,
    lost: lost.signal,
    async release() {
      if (isOver) return
      await sql`UPDATE sync_state SET beat = NULL WHERE epoch = ${epoch}`.catch(() => {})
      end()
    },
  }
}
