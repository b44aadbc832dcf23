/** What became of jobs: entry and document in one transaction. */
import type { Body, RevisionId } from '../../documents/contract.ts'
import { type JobRecord, jobsDoctype } from '../../jobs/contract.ts'
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
  // Sent together, done in this order: under the locks of the databases nothing changes the revisions that are read.
  const [locked, rows] = await Promise.all([
    LockedDatabases.lock(
      tx,
      databases,
      withBody.map(({ prefix }) => jobsOf(prefix)),
      { make: false },
    ),
    tx<HeldRow[]>`
      SELECT t.o, q.gathering, x.gen, x.hash
      FROM unnest(${records.map(({ prefix }) => prefix)}::text[], ${records.map(({ id }) => id)}::text[],
        ${records.map(({ by }) => by)}::text[]) WITH ORDINALITY AS t (prefix, id, by, o)
      JOIN job_queue q ON q.prefix = t.prefix AND q.id = t.id AND q.taken_by = t.by
      LEFT JOIN databases d ON d.prefix = t.prefix AND d.name = ${jobsDoctype}
      LEFT JOIN LATERAL (SELECT gen, hash FROM docs WHERE db = d.db AND id = t.id AND NOT deleted OFFSET 0) x ON true
      FOR UPDATE OF q`,
  ])
  const held = new Map(rows.map((row) => [Number(row.o) - 1, row]))
  const mine = records.flatMap((record, at): Held[] => {
    const row = held.get(at)
    if (row === undefined) return []
    const current = row.gen === null ? undefined : { gen: Number(row.gen), hash: row.hash ?? '' }
    return [{ ...record, isNew: row.gathering !== null, current }]
  })
  await Promise.all([locked.write(editsOf(locked, mine)), moveOn(tx, mine)])
  return records.map((_, at) => held.has(at))
}

/** Jobs that are ended from outside, in the queue or not. @returns how many documents were written */
export async function endJobs(
  tx: Transaction,
  databases: DatabaseCache,
  jobs: readonly { readonly prefix: string; readonly id: string; readonly body: Body | undefined }[],
): Promise<number> {
  const locked = await lockForJobs(tx, databases, jobs)
  await tx`
    DELETE FROM job_queue WHERE (prefix, id) IN (
      SELECT * FROM unnest(${jobs.map(({ prefix }) => prefix)}::text[], ${jobs.map(({ id }) => id)}::text[]))`
  const current = await locked.current(jobs.map(({ prefix, id }) => ({ ref: jobsOf(prefix), id })))
  const edits = editsOf(
    locked,
    jobs.map((job, at) => ({ ...job, isNew: false, current: current[at] })),
  )
  await locked.write(edits)
  return edits.length
}

interface HeldRow {
  readonly o: string
  readonly gathering: string | null
  readonly gen: string | null
  readonly hash: string | null
}

interface Written {
  readonly prefix: string
  readonly id: string
  readonly body?: Body | undefined
  /** It has no document yet. */
  readonly isNew: boolean
  /** The revision of its document. */
  readonly current: RevisionId | undefined
}

type Held = JobRecord & Written

/** A deleted document stays deleted; a missing one is created. */
function editsOf(locked: LockedDatabases, jobs: readonly Written[]): readonly LockedEdit[] {
  return jobs.flatMap(({ prefix, id, body, isNew, current }): LockedEdit[] => {
    const ref = jobsOf(prefix)
    if (body === undefined || !locked.has(ref) || (current === undefined && !isNew)) return []
    return [{ ref, id, parent: current, body }]
  })
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
