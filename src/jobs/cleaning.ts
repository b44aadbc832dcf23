/** Ends abandoned jobs, and deletes old finished ones. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { type JobStore, jobsDoctype } from '../../storage/jobs/contract.ts'
import { editOf } from '../instances/own-documents.ts'
import { finishedMembers, jobBody, jobOf } from './job-document.ts'

const stuckMs = 3_600_000
const page = 200
/** Finished jobs that are kept for each worker and state, however old. */
const keptOfEach = 50

export async function cleanJobs(jobs: JobStore, prefix: string, nowMs = Date.now()): Promise<number> {
  const at = new Date(nowMs).toISOString()
  const open = await jobs.list(prefix, { states: ['queued', 'running'], limit: 100_000 })
  const stuck = open.filter((job) => nowMs - timeOf(jobOf(job).members['queued_at']) > stuckMs)
  let count = 0
  for (let from = 0; from < stuck.length; from += page) {
    const part = stuck.slice(from, from + page).map((job) => {
      const { id, members } = jobOf(job)
      // It is not known when it ended: it keeps its zero time.
      const { finished_at } = members
      const ended = finishedMembers(members, typeof finished_at === 'string' ? finished_at : at, undefined)
      return { prefix, id, body: jobBody(id, ended) }
    })
    count += await jobs.end(part)
  }
  return count
}

export interface PurgeOptions {
  readonly ageMs: number
  readonly workers?: readonly string[]
}

/** Ids of jobs grow with time, so the newest come first when they are read backwards. */
export async function purgeJobs(
  store: Pick<DocumentStore, 'scanIds' | 'write'>,
  prefix: string,
  { ageMs, workers }: PurgeOptions,
  nowMs = Date.now(),
): Promise<number> {
  const ref = { prefix, name: jobsDoctype }
  const seen = new Map<string, number>()
  let count = 0
  let before: string | undefined
  for (;;) {
    const start = before === undefined ? undefined : { id: before, inclusive: false }
    const rows = await store.scanIds(ref, {
      start,
      descending: true,
      skip: 0,
      limit: page,
      bodies: true,
      designs: 'none',
    })
    const doomed = rows.filter((row) => {
      const { worker, state, members } = jobOf(row)
      if (state !== 'done' && state !== 'errored') return false
      const key = `${worker} ${state}`
      const position = (seen.get(key) ?? 0) + 1
      seen.set(key, position)
      if (workers !== undefined && !workers.includes(worker)) return false
      return position > keptOfEach && nowMs - timeOf(members['queued_at']) >= ageMs
    })
    const outcomes = await store.write(doomed.map((row) => editOf({ ref, id: row.id, parent: row })))
    count += outcomes.filter(({ kind }) => kind === 'ok').length
    before = rows.at(-1)?.id
    if (rows.length < page || before === undefined) return count
  }
}

function timeOf(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(time) ? Number.POSITIVE_INFINITY : time
}
