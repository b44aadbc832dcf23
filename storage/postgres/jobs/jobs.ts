/** The store of jobs on PostgreSQL: composes the parts of this folder into the contract. */

import type { PendingQuery, Row } from 'postgres'
import type { DatabaseRef, RevisionId } from '../../documents/contract.ts'
import { type JobFilter, type JobRecord, type JobStore, type NewJob, triggersDoctype } from '../../jobs/contract.ts'
import { guarded, type Sql } from '../connection.ts'
import type { DatabaseCache } from '../database-cache.ts'
import { endFeed, eventPage, eventPlace, eventsDone, eventTenants, eventTriggers, untold } from './events.ts'
import { Grouped } from './grouped.ts'
import { jobsOf, lockForJobs, pushIn } from './push.ts'
import { endJobs, recordJobs } from './record.ts'
import { dueTriggers, fire, nextTrigger } from './schedule.ts'
import { takeJobs, takeSuspect } from './take.ts'

export interface PostgresJobsOptions {
  readonly sql: Sql
  readonly databases: DatabaseCache
  /** Told of every database that may have changed, after the commit. */
  readonly changed: (ref: DatabaseRef) => void
  /** Calls a listener after changes of a database by any process. */
  readonly watch: (ref: DatabaseRef, listener: () => void) => () => void
  /** Processes of other machines may run jobs of the same database. */
  readonly shared: boolean
}

/** No database: what is told of it is that something was queued. */
const queueRef: DatabaseRef = { prefix: 'global', name: 'jobs.queue' }
/** The same for triggers that changed. */
const triggersRef: DatabaseRef = { prefix: 'global', name: 'jobs.triggers' }

export function newPostgresJobs({ sql, databases, changed, watch, shared }: PostgresJobsOptions): JobStore {
  const tell = (jobs: readonly { readonly prefix: string }[]) => {
    for (const prefix of new Set(jobs.map((job) => job.prefix))) changed(jobsOf(prefix))
  }
  const release = async (which: PendingQuery<Row[]>, deaths: number) => {
    const rows = await sql`
      UPDATE job_queue SET ready = true, taken_by = NULL, lease = NULL, deaths = deaths + ${deaths}
      WHERE taken_by IS NOT NULL AND ${which} RETURNING id`
    return rows.length
  }
  const pushes = new Grouped<NewJob, RevisionId | undefined>(
    (jobs) =>
      sql.begin(async (tx) => pushIn(tx, await lockForJobs(tx, databases, jobs), jobs)) as Promise<
        readonly (RevisionId | undefined)[]
      >,
  )
  const records = new Grouped<JobRecord & { readonly by: string }, boolean>(
    (all) => sql.begin((tx) => recordJobs(tx, databases, all)) as Promise<readonly boolean[]>,
  )

  return {
    async push(jobs) {
      const revisions = await pushes.run(jobs)
      tell(jobs)
      if (jobs.some(({ queue }) => queue !== undefined)) changed(queueRef)
      return revisions
    },
    take: (worker, options) => guarded(() => takeJobs(sql, worker, options)),
    takeSuspect: (workers, options) => guarded(() => takeSuspect(sql, workers, options)),
    ready: () =>
      guarded(async () => {
        const rows = await sql<{ worker: string | null }[]>`
          WITH RECURSIVE w AS (
            (SELECT worker FROM job_queue WHERE ready AND deaths < 2 ORDER BY worker, prefix, n LIMIT 1)
            UNION ALL
            SELECT (SELECT q.worker FROM job_queue q WHERE q.ready AND q.deaths < 2 AND q.worker > w.worker
                    ORDER BY q.worker, q.prefix, q.n LIMIT 1) FROM w WHERE w.worker IS NOT NULL)
          SELECT worker FROM w WHERE worker IS NOT NULL
          UNION ALL
          (SELECT NULL FROM job_queue WHERE ready AND deaths >= 2 LIMIT 1)`
        const workers = rows.flatMap(({ worker }) => worker ?? [])
        return { workers, suspects: workers.length < rows.length }
      }),
    ripen: (by) =>
      guarded(async () => {
        await sql`UPDATE job_queue SET ready = true WHERE NOT ready AND taken_by IS NULL AND due <= now()`
        await release(sql`taken_by <> ${by} AND lease < now()`, 1)
        const [next] = await sql<{ ms: number | null }[]>`
          SELECT extract(epoch FROM due - now())::float8 * 1000 AS ms FROM job_queue
          WHERE NOT ready AND taken_by IS NULL ORDER BY due LIMIT 1`
        return next?.ms ?? undefined
      }),
    recover: (hasEnded) =>
      guarded(async () => {
        const takers = await sql<{ by: string }[]>`
          SELECT DISTINCT taken_by AS by FROM job_queue WHERE taken_by IS NOT NULL`
        const ended = takers.map(({ by }) => by).filter((by) => hasEnded(by, { onThisMachine: !shared }))
        return ended.length === 0 ? 0 : release(sql`taken_by = ANY (${ended}::text[])`, 1)
      }),
    renew: (by, leaseMs) =>
      guarded(
        async () =>
          await sql<{ prefix: string; id: string }[]>`
            UPDATE job_queue SET lease = now() + ${leaseMs}::float8 * interval '1 millisecond'
            WHERE taken_by = ${by} RETURNING prefix, id`,
      ),
    async record(by, all) {
      const written = await records.run(all.map((record) => ({ ...record, by })))
      tell(all.filter(({ body }) => body !== undefined))
      return written
    },
    release: (by) => guarded(() => release(sql`taken_by = ${by}`, 0)),
    end: (jobs) =>
      guarded(async () => {
        const count = (await sql.begin((tx) => endJobs(tx, databases, jobs))) as number
        tell(jobs)
        return count
      }),

    watch: (what, listener) => watch(what === 'queue' ? queueRef : triggersRef, listener),
    wakeTriggers: () => changed(triggersRef),

    list: (prefix, { worker, states, limit }: JobFilter) =>
      guarded(async () => {
        const rows = await sql<{ id: string; gen: string; hash: string; text: string }[]>`
          SELECT id, gen, hash, coalesce(raw, body::text) AS text FROM docs
          WHERE db = (SELECT db FROM databases WHERE prefix = ${prefix} AND name = ${jobsOf(prefix).name})
            AND body ? 'queued_at' AND body ->> 'state' IN ('queued', 'running')
            AND body ->> 'state' = ANY (${[...states]}::text[]) AND NOT deleted
            ${worker === undefined ? sql`` : sql`AND body ->> 'worker' = ${worker}`}
          ORDER BY db, id LIMIT ${limit}`
        return rows.map(({ id, gen, hash, text }) => ({ id, gen: Number(gen), hash, text }))
      }),
    ofTriggers: (prefix, triggers, limit) =>
      guarded(async () => {
        const rows = await sql<{ trigger: string; id: string; gen: string; hash: string; text: string }[]>`
          SELECT t.trigger, x.* FROM unnest(${[...triggers]}::text[]) AS t (trigger)
          CROSS JOIN LATERAL (
            SELECT id, gen, hash, coalesce(raw, body::text) AS text FROM docs
            WHERE db = (SELECT db FROM databases WHERE prefix = ${prefix} AND name = ${jobsOf(prefix).name})
              AND body ->> 'trigger_id' = t.trigger AND body ? 'trigger_id' AND NOT deleted
            ORDER BY db DESC, body ->> 'trigger_id' DESC, id DESC LIMIT ${limit}) x`
        return rows.map(({ trigger, id, gen, hash, text }) => ({ trigger, id, gen: Number(gen), hash, text }))
      }),

    dueTriggers: (limit) => guarded(() => dueTriggers(sql, limit)),
    nextTrigger: () => guarded(() => nextTrigger(sql)),
    fire: (firing) =>
      guarded(async () => {
        const { prefix } = firing.trigger
        const done = (await sql.begin((tx) => fire(tx, databases, firing))) as boolean
        if (done) tell(firing.jobs)
        if (done) changed(queueRef)
        if (done && firing.next === 'remove') changed({ prefix, name: triggersDoctype })
        return done
      }),

    eventTenants: () => guarded(() => eventTenants(sql)),
    eventTriggers: (prefixes) => guarded(() => eventTriggers(sql, prefixes)),
    eventPlace: (ref) => guarded(() => eventPlace(sql, ref)),
    eventPage: (place, range) => guarded(() => eventPage(sql, place, range)),
    endEvents: (place) => guarded(() => endFeed(sql, place)),
    eventsDone: (ref, place, until, jobs) =>
      guarded(async () => {
        const done = (await sql.begin((tx) => eventsDone(tx, databases, { ref, place, until, jobs }))) as boolean
        if (done) tell(jobs)
        if (done && jobs.length > 0) changed(queueRef)
        return done
      }),
    untold: (name) => guarded(() => untold(sql, name)),

    isTurn: (name, everyMs) =>
      guarded(async () => {
        const rows = await sql`
          INSERT INTO recurring_work AS w (name, due) VALUES (${name}, now() + ${everyMs}::float8 * interval '1 millisecond')
          ON CONFLICT (name) DO UPDATE SET due = excluded.due WHERE w.due <= now() RETURNING name`
        return rows.length > 0
      }),
  }
}
