/** `POST /jobs/webhooks/TRIGGER`: whoever knows the address makes the trigger's job. */
import { z } from '@hono/zod-openapi'
import { triggerNotFound } from '../../src/jobs/triggers.ts'
import { Problem } from '../../src/model/errors.ts'
import { flagOf } from '../files/request.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { instanceOf } from '../http/tenant.ts'
import { readPayload } from './request.ts'
import type { JobsServices } from './services.ts'

/** For each trigger. */
const limit = { max: 30, perMs: 3_600_000 }

export function webhookRoute(face: Face, services: JobsServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/jobs/webhooks/{id}',
      summary: 'Call a webhook: its trigger makes a job, which gets the body',
      tag: 'jobs',
      query: z.object({ Manual: flagOf('somebody asked for it') }),
      answers: {
        204: 'The job is queued',
        404: 'There is no such trigger, or it was called more than 30 times in an hour',
        413: 'The body is too large, or the job that gathers the calls is full',
        422: 'The trigger is not a webhook',
      },
    },
    async (c, { path: { id }, query: { Manual } }) => {
      const { prefix } = await instanceOf(c, services.instances)
      const trigger = await services.triggers.find(prefix, id)
      if (trigger.type !== '@webhook') {
        const source = { pointer: '/data/attributes/Type' }
        throw new Problem('invalid_parameter', 'Invalid type for trigger (@webhook expected)', { source })
      }
      const { allowed } = await services.attempts.count(`webhook ${prefix} ${id}`, limit)
      // As if it were gone: somebody who guesses addresses learns nothing.
      if (!allowed) throw triggerNotFound()
      await services.triggers.hook(trigger, await readPayload(c, services), { manual: Manual })
      return new Response(null, { status: 204 })
    },
  )
}
