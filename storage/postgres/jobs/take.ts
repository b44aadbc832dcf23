/** Takes jobs from the queue. The statements are SQL functions, in migrations/0006-jobs.sql and 0014-suspects.sql. */
import type { JobStore, TakenJob } from '../../jobs/contract.ts'
import type { Sql } from '../connection.ts'

interface TakenRow {
  readonly prefix: string
  readonly id: string
  readonly worker: string
  readonly trusted: boolean
  readonly gathering: string | null
  readonly errors: number
  readonly deaths: number
  readonly body: string
}

/** As `JobStore.take`. */
export async function takeJobs(
  sql: Sql,
  worker: string,
  { slots, after, by, leaseMs }: Parameters<JobStore['take']>[1],
): Promise<readonly TakenJob[]> {
  const rows = await sql<TakenRow[]>`
    SELECT prefix, id, worker, trusted, gathering, errors, deaths, body
    FROM hearth_take_jobs(${worker}, ${slots}, ${after}, ${by}, ${leaseMs})`
  return rows.map(takenOf)
}

/** As `JobStore.takeSuspect`. */
export async function takeSuspect(
  sql: Sql,
  workers: Parameters<JobStore['takeSuspect']>[0],
  { by, leaseMs }: Parameters<JobStore['takeSuspect']>[1],
): Promise<TakenJob | undefined> {
  const rows = await sql<TakenRow[]>`
    SELECT prefix, id, worker, trusted, gathering, errors, deaths, body
    FROM hearth_take_suspect(${[...workers]}::text[], ${by}, ${leaseMs})`
  return rows.map(takenOf)[0]
}

function takenOf({ prefix, id, worker, trusted, gathering, errors, deaths, body }: TakenRow): TakenJob {
  return { prefix, id, worker, trusted, errors, deaths, text: body, isNew: gathering !== null }
}
