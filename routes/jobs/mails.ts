/** Mails that applications send in the name of a person: each is a job of the worker `sendmail`. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { jobsDoctype } from '../../storage/jobs/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, requireDocument, requireType } from './access.ts'
import { readAttributes, readMembers } from './request.ts'
import type { JobsServices } from './services.ts'

const Support = z.object({ arguments: z.object({ subject: z.string().nullish(), body: z.string().nullish() }) })

const Campaign = z.object({
  arguments: z.object({
    subject: z.string().nullish(),
    parts: z.array(z.object({ type: z.enum(['text/plain', 'text/html']), body: z.string() })).nullish(),
  }),
})

export function mailRoutes(face: Face, services: JobsServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/jobs/support',
      summary: "Write to the operator's support",
      tag: 'jobs',
      needs: 'POST on io.cozy.support',
      body: z.object({ data: z.object({ attributes: Support }) }),
      answers: { 204: 'The mail is queued' },
    },
    async (c) => {
      const visit = await enter(c, services)
      requireType(visit, 'POST', 'io.cozy.support')
      const { subject, body } = readMembers(Support, await readAttributes(c, services)).arguments
      if (!subject || !body) throw new Problem('bad_request', 'A subject and a body are needed')
      const message = { mode: 'support', subject, parts: [{ type: 'text/plain', body }] }
      await services.jobs.push({ tenant: visit.instance, worker: 'sendmail', message, fromClient: true })
      return new Response(null, { status: 204 })
    },
  )
  endpoint(
    face,
    {
      method: 'POST',
      path: '/jobs/campaign-emails',
      summary: 'Send a mail of a campaign to the owner of the instance',
      tag: 'jobs',
      needs: 'POST on io.cozy.jobs, restricted to the worker sendmail or not',
      body: z.object({ data: z.object({ attributes: Campaign }) }),
      answers: { 204: 'The mail is queued', 400: 'It lacks a subject or content' },
    },
    async (c) => {
      const visit = await enter(c, services)
      requireDocument(visit, 'POST', jobsDoctype, { worker: 'sendmail' })
      const { subject, parts } = readMembers(Campaign, await readAttributes(c, services)).arguments
      if (!subject) throw new Problem('bad_request', 'emailer: missing subject')
      if (!parts || parts.length === 0) throw new Problem('bad_request', 'emailer: missing content')
      const message = { mode: 'campaign', subject, parts }
      await services.jobs.push({ tenant: visit.instance, worker: 'sendmail', message, fromClient: true })
      return new Response(null, { status: 204 })
    },
  )
}
