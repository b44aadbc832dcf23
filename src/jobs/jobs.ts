/** Queues jobs, runs them in this process, and reads existing ones. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { type JobStore, jobsDoctype } from '../../storage/jobs/contract.ts'
import { readDocument, revText } from '../instances/own-documents.ts'
import type { Instances } from '../instances/service.ts'
import type { Log } from '../log.ts'
import { Problem } from '../model/errors.ts'
import { newAdmission } from './admission.ts'
import { cleanJobs, purgeJobs } from './cleaning.ts'
import { finishedMembers, jobBody, jobOf, jobOfMembers } from './job-document.ts'
import { newJob } from './new-job.ts'
import { Runner, type WorkerLimits } from './runner.ts'
import type { Job, JobOrder, Jobs } from './service.ts'

/** The settings `jobs`. */
export interface JobSettings {
  /** Jobs that run in parallel in this process; 0: none. */
  readonly concurrency: number
  /** Most attempts and most seconds per attempt that a client may choose. */
  readonly max_exec_count: number
  readonly max_timeout: number
  /** Seconds without a sign of life after which the jobs of a process are started again elsewhere. */
  readonly take_over_after: number
  /** What the operator sets for single workers. Seconds for `timeout`. */
  readonly workers: Readonly<Record<string, WorkerLimits>>
}

export interface JobsOptions {
  readonly store: Pick<DocumentStore, 'read' | 'write' | 'scanIds'>
  readonly jobs: JobStore
  readonly instances: Pick<Instances, 'byHost'>
  readonly log: Log
  readonly settings: JobSettings
}

export function openJobs({ store, jobs, instances, log, settings }: JobsOptions): Jobs {
  const runner = new Runner({
    store: jobs,
    admit: newAdmission(instances),
    log,
    leaseMs: settings.take_over_after * 1000,
    concurrency: settings.concurrency,
    limits: settings.workers,
    mostOfClients: { maxExecCount: settings.max_exec_count, timeout: settings.max_timeout },
  })

  async function pushAll(orders: readonly JobOrder[]): Promise<readonly Job[]> {
    const made = orders.map(newJob)
    const revisions = await jobs.push(made.map(({ job }) => job))
    return made.map(({ job, members }, at) => {
      const revision = revisions[at]
      return jobOfMembers(job.id, revision === undefined ? '' : revText(revision), members)
    })
  }

  async function find(prefix: string, id: string): Promise<Job | undefined> {
    const found = await readDocument(store, { prefix, name: jobsDoctype }, id)
    return found && jobOfMembers(id, revText(found), found.value)
  }

  return {
    pushAll,
    push: async (order) => (await pushAll([order]))[0] as Job,
    register: (worker) => runner.register(worker),
    start: () => runner.start(),
    close: () => runner.close(),
    find,
    async waiting(prefix, worker, limit) {
      const found = await jobs.list(prefix, { worker, states: ['queued', 'running'], limit })
      return found.map(jobOf)
    },
    async finish(prefix, id, { state, error }) {
      const found = await find(prefix, id)
      if (found === undefined) throw jobNotFound()
      const text = state === 'done' ? undefined : (error ?? '')
      const members = finishedMembers(found.members, new Date().toISOString(), text)
      await jobs.end([{ prefix, id, body: jobBody(id, members) }])
      return (await find(prefix, id)) ?? jobOfMembers(id, found.rev, members)
    },
    clean: (prefix) => cleanJobs(jobs, prefix),
    purge: (prefix, options) => purgeJobs(store, prefix, options),
    get running() {
      return runner.running
    },
  }
}

export function jobNotFound(): Problem {
  return new Problem('not_found', 'jobs: not found')
}
