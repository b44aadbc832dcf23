/** Queueing inside a transaction: documents and entries, and jobs that gather. */
import type { DatabaseRef, RevisionId } from '../../documents/contract.ts'
import { jobsDoctype, type NewJob } from '../../jobs/contract.ts'
import type { Transaction } from '../connection.ts'
import type { DatabaseCache } from '../database-cache.ts'
import { LockedDatabases } from './locked.ts'

/** Where the jobs of a tenant lie. */
export function jobsOf(prefix: string): DatabaseRef {
  return { prefix, name: jobsDoctype }
}

/** Locks what the jobs need, beside `more`. */
export function lockForJobs(
  tx: Transaction,
  databases: DatabaseCache,
  jobs: readonly { readonly prefix: string }[],
  more: readonly DatabaseRef[] = [],
): Promise<LockedDatabases> {
  return LockedDatabases.lock(tx, databases, [...jobs.map(({ prefix }) => jobsOf(prefix)), ...more], { make: true })
}

/** Writes jobs whose databases are locked. */
export async function pushIn(
  tx: Transaction,
  locked: LockedDatabases,
  jobs: readonly NewJob[],
): Promise<readonly (RevisionId | undefined)[]> {
  const entries: NewJob[] = []
  for (const job of jobs) {
    if (job.queue?.gather === undefined) {
      if (job.queue !== undefined) entries.push(job)
      continue
    }
    // The first of several at once is found by the next one.
    if (await joinWaiting(tx, job)) continue
    await insertEntries(tx, [job])
  }
  const documents = jobs.filter((job) => job.queue?.gather === undefined)
  // Sent together.
  const [revisions] = await Promise.all([
    locked.write(documents.map(({ prefix, id, body }) => ({ ref: jobsOf(prefix), id, parent: undefined, body }))),
    insertEntries(tx, entries),
  ])
  const written = new Map(documents.map((job, at) => [job, revisions[at]]))
  return jobs.map((job) => written.get(job))
}

async function joinWaiting(tx: Transaction, { prefix, queue }: NewJob): Promise<boolean> {
  const gather = queue?.gather
  if (gather === undefined) return false
  const [waiting] = await tx<{ id: string; body: string }[]>`
    SELECT id, body FROM job_queue
    WHERE prefix = ${prefix} AND gathering = ${gather.trigger} AND gathering IS NOT NULL AND NOT ready AND taken_by IS NULL
    FOR UPDATE`
  if (waiting === undefined) return false
  await tx`UPDATE job_queue SET body = ${gather.merge(waiting.body)} WHERE prefix = ${prefix} AND id = ${waiting.id}`
  return true
}

async function insertEntries(tx: Transaction, jobs: readonly NewJob[]): Promise<void> {
  if (jobs.length === 0) return
  const delays = jobs.map(({ queue }) => queue?.delayMs ?? 0)
  await tx`
    INSERT INTO job_queue (prefix, id, worker, ready, due, trusted, gathering, body)
    SELECT t.prefix, t.id, t.worker, t.delay <= 0, now() + t.delay * interval '1 millisecond', t.trusted, t.gathering, t.body
    FROM unnest(${jobs.map(({ prefix }) => prefix)}::text[], ${jobs.map(({ id }) => id)}::text[],
      ${jobs.map(({ worker }) => worker)}::text[], ${delays}::float8[],
      ${jobs.map(({ trusted }) => (trusted ? 't' : 'f'))}::text[]::boolean[],
      ${jobs.map(({ queue }) => queue?.gather?.trigger ?? null)}::text[],
      ${jobs.map(({ body }) => body.text)}::text[]) AS t (prefix, id, worker, delay, trusted, gathering, body)`
}
