/** From an order to what the store takes. */
import type { NewJob } from '../../storage/jobs/contract.ts'
import { newDocumentId } from '../ids.ts'
import { Problem } from '../model/errors.ts'
import { gatheredMembers, jobBody, newJobMembers } from './job-document.ts'
import type { Job, JobOrder } from './service.ts'
import { clientWorker, isKnownWorker } from './worker-names.ts'

export interface Made {
  readonly job: NewJob
  readonly members: Job['members']
}

/**
 * `gatherMs`: all events of its trigger within that time become one job.
 * @throws Problem `not_found` for an unknown worker
 */
export function newJob(order: JobOrder, gatherMs = 0): Made {
  const isClients = order.worker === clientWorker
  if (!isClients && !isKnownWorker(order.worker)) throw new Problem('not_found', 'jobs: could not find worker')
  const id = newDocumentId()
  const members = newJobMembers(order, new Date().toISOString(), isClients && order.manual ? 'running' : 'queued')
  const { prefix } = order.tenant
  const base = { prefix, id, worker: order.worker, body: jobBody(id, members), trusted: order.fromClient !== true }
  // Clients do these jobs: no process takes them, so they cannot be debounced either.
  if (isClients) return { members, job: base }
  const { triggerId, payload, delayMs = 0 } = order
  if (gatherMs <= 0 || triggerId === undefined) return { members, job: { ...base, queue: { delayMs } } }
  const gather = { trigger: triggerId, merge: (waiting: string) => gatheredMembers(waiting, payload) }
  return { members, job: { ...base, queue: { delayMs: gatherMs, gather } } }
}
