/** Jobs by id, and tidying them up. */
import { z } from '@hono/zod-openapi'
import { ageSeconds } from '../../src/jobs/age.ts'
import { jobNotFound } from '../../src/jobs/jobs.ts'
import type { Job } from '../../src/jobs/service.ts'
import { clientWorker } from '../../src/jobs/worker-names.ts'
import { Problem } from '../../src/model/errors.ts'
import { jobsDoctype } from '../../storage/jobs/contract.ts'
import { textOf } from '../files/request.ts'
import { jsonValue } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, forbidden, requireDocument, requireType, type Visit } from './access.ts'
import { jobObject, OneAnswer, sendOne } from './answer.ts'
import { readAttributes, readMembers } from './request.ts'
import type { JobsServices } from './services.ts'

const Count = z.object({ deleted: z.number() })
const defaultAge = '2W'

export function tidyRoutes(face: Face, services: JobsServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/jobs/clean',
      summary: 'End jobs that have waited or run for more than an hour',
      tag: 'jobs',
      needs: 'POST on io.cozy.jobs',
      answers: { 200: Count },
    },
    async (c) => {
      const visit = await enter(c, services)
      requireType(visit, 'POST', jobsDoctype)
      return jsonValue(c, 200, { deleted: await services.jobs.clean(visit.instance.prefix) })
    },
  )
  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/jobs/purge',
      summary: 'Forget old jobs; the newest fifty of each worker and state stay',
      tag: 'jobs',
      needs: 'DELETE on io.cozy.jobs',
      query: z.object({
        duration: textOf('Older than this: `1h30m`, `3D` days, `2W` weeks, `1M` months. Default two weeks'),
        workers: textOf('Only jobs of these workers, separated by commas'),
      }),
      answers: { 200: Count, 400: 'The duration cannot be read' },
    },
    async (c, { query: { duration = defaultAge, workers } }) => {
      const visit = await enter(c, services)
      requireType(visit, 'DELETE', jobsDoctype)
      const seconds = ageSeconds(duration)
      if (seconds === undefined) throw new Problem('bad_request', `time: invalid duration ${JSON.stringify(duration)}`)
      const only = workers === undefined ? {} : { workers: workers.split(',').map((name) => name.trim()) }
      const deleted = await services.jobs.purge(visit.instance.prefix, { ageMs: seconds * 1000, ...only })
      return jsonValue(c, 200, { deleted })
    },
  )
}

export function jobRoutes(face: Face, services: JobsServices): void {
  const found = async (visit: Visit, verb: 'GET' | 'PATCH', id: string): Promise<Job> => {
    if (!visit.permissions.allowsSome(verb, jobsDoctype)) throw forbidden()
    const job = await services.jobs.find(visit.instance.prefix, id)
    if (job === undefined) throw jobNotFound()
    requireDocument(visit, verb, jobsDoctype, { _id: id, worker: job.worker })
    return job
  }
  endpoint(
    face,
    {
      method: 'GET',
      path: '/jobs/{id}',
      summary: 'A job',
      tag: 'jobs',
      needs: 'GET on io.cozy.jobs, restricted by worker or not',
      answers: { 200: OneAnswer, 404: 'There is no such job' },
    },
    async (c, { path: { id } }) => sendOne(c, 200, jobObject(await found(await enter(c, services), 'GET', id))),
  )
  endpoint(
    face,
    {
      method: 'PATCH',
      path: '/jobs/{id}',
      summary: 'Say how a job of the worker `client` ended',
      tag: 'jobs',
      needs: 'PATCH on io.cozy.jobs, restricted by worker or not',
      body: z.object({ data: z.object({ attributes: End }) }),
      answers: { 200: OneAnswer, 403: 'The job belongs to another worker', 404: 'There is no such job' },
    },
    async (c, { path: { id } }) => {
      const visit = await enter(c, services)
      const job = await found(visit, 'PATCH', id)
      if (job.worker !== clientWorker) throw forbidden()
      const { state, error } = readMembers(End, await readAttributes(c, services))
      const end = { state, ...(error === undefined || error === null ? {} : { error }) }
      return sendOne(c, 200, jobObject(await services.jobs.finish(visit.instance.prefix, id, end)))
    },
  )
}

const End = z.object({ state: z.enum(['done', 'errored']), error: z.string().nullish() })
