/** What became of jobs: entry and document in one transaction. */
import type { Body } from '../../documents/contract.ts'
import type { JobRecord } from '../../jobs/contract.ts'
import type { Transaction } from '../connection.ts'
import type { DatabaseCache } from '../database-cache.ts'
import { LockedDatabases, type LockedEdit } from './locked.ts'
import { jobsOf, lockForJobs } from './push.ts'

/** True for each that the process still has. */
export async function recordJobs(
  tx: Transaction,
  databases: DatabaseCache,
  records: readonly (JobRecord & { readonly by: string })[],
): Promise<readonly boolean[]> {
  const withBody = records.filter(({ body }) => body !== undefined)
  const locked = await LockedDatabases.lock(
    tx,
    databases,
    withBody.map(({ prefix }) => jobsOf(prefix)),
    { make: false },
  )
  const rows = await tx<{ o: string; gathering: string | null }[]>`
    SELECT t.o, q.gathering
    FROM unnest(${records.map(({ prefix }) => prefix)}::text[], ${records.map(({ id }) => id)}::text[],
      ${records.map(({ by }) => by)}::text[]) WITH ORDINALITY AS t (prefix, id, by, o)
    JOIN job_queue q ON q.prefix = t.prefix AND q.id = t.id AND q.taken_by = t.by FOR UPDATE OF q`
  const held = new Map(rows.map(({ o, gathering }) => [Number(o) - 1, gathering !== null]))
  const mine = records.flatMap((record, at) => (held.has(at) ? [{ ...record, isNew: held.get(at) === true }] : []))
  await writeBodies(locked, mine)
  await moveOn(tx, mine)
  return records.map((_, at) => held.has(at))
}

/** Jobs that somebody ends from outside, in the queue or not. @returns how many documents were written */
export async function endJobs(
  tx: Transaction,
  databases: DatabaseCache,
  jobs: readonly { readonly prefix: string; readonly id: string; readonly body: Body | undefined }[],
): Promise<number> {
  const locked = await lockForJobs(tx, databases, jobs)
  await tx`
    DELETE FROM job_queue WHERE (prefix, id) IN (
      SELECT * FROM unnest(${jobs.map(({ prefix }) => prefix)}::text[], ${jobs.map(({ id }) => id)}::text[]))`
  return writeBodies(
    locked,
    jobs.map((job) => ({ ...job, isNew: false })),
  )
}

/** A document that somebody deleted stays deleted; one that never was is made. */
async function writeBodies(
  locked: LockedDatabases,
  jobs: readonly {
    readonly prefix: string
    readonly id: string
    readonly body?: Body | undefined
    readonly isNew: boolean
  }[],
): Promise<number> {
  const wanted = jobs.flatMap(({ prefix, id, body, isNew }) => {
    const ref = jobsOf(prefix)
    return body === undefined || !locked.has(ref) ? [] : [{ ref, id, body, isNew }]
  })
  if (wanted.length === 0) return 0
  const current = await locked.current(wanted)
  const edits = wanted.flatMap(({ ref, id, body, isNew }, at): LockedEdit[] => {
    const parent = current[at]
    return parent === undefined && !isNew ? [] : [{ ref, id, parent, body }]
  })
  await locked.write(edits)
  return edits.length
}

async function moveOn(tx: Transaction, records: readonly (JobRecord & { readonly isNew: boolean })[]): Promise<void> {
  const ended = records.filter(({ then }) => then.kind === 'end')
  if (ended.length > 0) {
    await tx`
      DELETE FROM job_queue WHERE (prefix, id) IN (
        SELECT * FROM unnest(${ended.map(({ prefix }) => prefix)}::text[], ${ended.map(({ id }) => id)}::text[]))`
  }
  // From now on they have a document.
  const made = records.filter(({ then, body, isNew }) => then.kind !== 'end' && body !== undefined && isNew)
  if (made.length > 0) {
    await tx`
      UPDATE job_queue SET gathering = NULL WHERE (prefix, id) IN (
        SELECT * FROM unnest(${made.map(({ prefix }) => prefix)}::text[], ${made.map(({ id }) => id)}::text[]))`
  }
  const again = records.flatMap(({ prefix, id, then }) => (then.kind === 'again' ? [{ prefix, id, ...then }] : []))
  if (again.length > 0) {
    await tx`
      UPDATE job_queue q SET taken_by = NULL, lease = NULL, ready = t.delay <= 0,
        due = now() + t.delay * interval '1 millisecond', errors = errors + t.failed
      FROM unnest(${again.map(({ prefix }) => prefix)}::text[], ${again.map(({ id }) => id)}::text[],
        ${again.map(({ delayMs }) => delayMs)}::float8[], ${again.map(({ failed }) => (failed ? 1 : 0))}::int[])
        AS t (prefix, id, delay, failed)
      WHERE q.prefix = t.prefix AND q.id = t.id`
  }
}
