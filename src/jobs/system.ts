/** Everything about jobs in one process: the queue, triggers, events, and their beginning and end in the right order. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { FileStore } from '../../storage/files/contract.ts'
import type { JobStore } from '../../storage/jobs/contract.ts'
import type { InstanceAdministration, Instances } from '../instances/service.ts'
import type { Log } from '../log.ts'
import { newDomainOf } from './domains.ts'
import { type BuiltInTrigger, EventFeed } from './event-feed.ts'
import { type JobSettings, openJobs } from './jobs.ts'
import { Scheduler } from './scheduler.ts'
import type { Jobs } from './service.ts'
import { openTriggers, type Triggers } from './triggers.ts'

export interface JobSystemOptions {
  readonly store: DocumentStore & { readonly files: FileStore; readonly jobs: JobStore }
  readonly instances: Instances & InstanceAdministration
  readonly settings: JobSettings
  readonly builtIn: readonly BuiltInTrigger[]
  readonly log: Log
  /** False: jobs and schedules are the work of another process. Events are looked after by every process that writes. */
  readonly runsJobs: boolean
}

export interface JobSystem {
  readonly jobs: Jobs
  readonly triggers: Triggers
  /** To be called when all workers are registered. */
  start(): void
  close(): Promise<void>
}

export function openJobSystem({ store, instances, settings, builtIn, log, runsJobs }: JobSystemOptions): JobSystem {
  const jobs = openJobs({ store, jobs: store.jobs, instances, log, settings })
  const scheduler = new Scheduler({ store: store.jobs, log })
  const events = new EventFeed({
    store,
    jobs: store.jobs,
    log,
    builtIn,
    ancestors: (prefix, id) => store.files.tree(prefix).ancestors(id),
    domainOf: newDomainOf(instances),
  })
  const triggers = openTriggers({ store, jobs: store.jobs, refresh: (prefix) => events.refresh(prefix) })
  return {
    jobs,
    triggers,
    start() {
      events.start()
      if (!runsJobs) return
      scheduler.start()
      jobs.start()
    },
    async close() {
      await Promise.all([events.close(), scheduler.close(), jobs.close()])
    },
  }
}
