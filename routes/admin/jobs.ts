/** The progress of a job of an instance, for operators who wait for it. */
import { z } from '@hono/zod-openapi'
import { jobNotFound } from '../../src/jobs/jobs.ts'
import { jobsDoctype } from '../../storage/jobs/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { jsonApi } from './answer.ts'
import type { AdminServices } from './services.ts'

const ShownJob = z.object({
  type: z.literal(jobsDoctype),
  id: z.string(),
  attributes: z.object({
    worker: z.string(),
    state: z.enum(['queued', 'running', 'done', 'errored']),
    error: z.string().optional(),
    progress: z
      .object({ done: z.number(), of: z.number().optional().describe('Absent: not known'), unit: z.string() })
      .optional(),
  }),
})

/** `GET /instances/DOMAIN/jobs/ID`. What the job was told is not shown: it may hold links that open something. */
export function jobRoute(face: Face, { instances, jobs }: Pick<AdminServices, 'instances' | 'jobs'>): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/{domain}/jobs/{id}',
      summary: 'How far a job is',
      tag: 'instances',
      needs: 'the admin passphrase',
      answers: { 200: z.object({ data: ShownJob }), 404: 'No such instance or job' },
    },
    async (c, { path }) => {
      const { prefix } = await instances.find(path.domain)
      const job = await jobs.find(prefix, path.id)
      if (job === undefined) throw jobNotFound()
      const { id, worker, state, members } = job
      const attributes = { worker, state, error: members['error'], progress: members['progress'] }
      return jsonApi(c, 200, { data: { type: jobsDoctype, id, attributes } })
    },
  )
}
