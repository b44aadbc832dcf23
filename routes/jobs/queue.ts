/** `/jobs/queue/WORKER`: queueing jobs, and those that have not ended. */
import { z } from '@hono/zod-openapi'
import { pageLimits } from '../../src/model/page-limits.ts'
import { jobsDoctype } from '../../storage/jobs/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, forbidden, requireDocument, requireWorker } from './access.ts'
import { jobObject, ListAnswer, OneAnswer, sendList, sendOne } from './answer.ts'
import { exactMember, Options, readAttributes, readMembers } from './request.ts'
import type { JobsServices } from './services.ts'

const maxListed = pageLimits.jobs.waiting

const Order = z.object({
  arguments: z.unknown().optional(),
  manual: z.boolean().nullish(),
  options: Options.describe('`timeout` in seconds'),
  forward_logs: z.boolean().nullish(),
})

export function queueRoutes(face: Face, services: JobsServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/jobs/queue/{worker}',
      summary: 'Queue a job',
      tag: 'jobs',
      needs: 'POST on io.cozy.jobs, restricted by worker or not',
      body: z.object({ data: z.object({ attributes: Order }) }),
      answers: { 202: OneAnswer, 403: 'The worker is reserved', 404: 'There is no such worker' },
    },
    async (c, { path: { worker } }) => {
      const visit = await enter(c, services)
      requireDocument(visit, 'POST', jobsDoctype, { worker })
      requireWorker(visit, worker)
      const attributes = await readAttributes(c, services)
      const { manual, options, forward_logs } = readMembers(Order, attributes)
      if (forward_logs && !visit.isOperator) throw forbidden()
      const job = await services.jobs.push({
        tenant: visit.instance,
        worker,
        message: exactMember(attributes, 'arguments'),
        manual: manual ?? false,
        forwardLogs: forward_logs ?? false,
        options: { maxExecCount: options?.max_exec_count || undefined, timeout: options?.timeout || undefined },
        fromClient: true,
      })
      return sendOne(c, 202, jobObject(job))
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/jobs/queue/{worker}',
      summary: `Jobs of a worker that wait or run, ${maxListed} at most`,
      tag: 'jobs',
      needs: 'GET on io.cozy.jobs, restricted by worker or not',
      answers: { 200: ListAnswer },
    },
    async (c, { path: { worker } }) => {
      const visit = await enter(c, services)
      requireDocument(visit, 'GET', jobsDoctype, { worker })
      const jobs = await services.jobs.waiting(visit.instance.prefix, worker, maxListed)
      return sendList(c, jobs.map(jobObject))
    },
  )
}
