/** Triggers: what makes jobs by itself. */
import { z } from '@hono/zod-openapi'
import { durationSeconds } from '../../src/instances/duration.ts'
import type { Trigger } from '../../src/jobs/trigger-document.ts'
import { isTriggerType } from '../../src/jobs/trigger-schedule.ts'
import { clientWorker } from '../../src/jobs/worker-names.ts'
import { Problem } from '../../src/model/errors.ts'
import { memberOf } from '../../src/model/json/exact.ts'
import { isObject } from '../../src/model/json/value.ts'
import { pageLimits } from '../../src/model/page-limits.ts'
import type { Verb } from '../../src/model/permissions.ts'
import { triggersDoctype } from '../../storage/jobs/contract.ts'
import { textOf } from '../files/request.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, forbidden, requireDocument, requireType, requireWorker, type Visit } from './access.ts'
import { jobObject, ListAnswer, OneAnswer, sendList, sendOne, stateObject, triggerObject } from './answer.ts'
import { exactMember, Options, readAttributes, readMembers } from './request.ts'
import type { JobsServices } from './services.ts'

const Order = z.object({
  type: z.string().nullish(),
  arguments: z.string().nullish(),
  worker: z.string().nullish(),
  message: z.unknown().optional(),
  worker_arguments: z.unknown().optional().describe('The former name of `message`'),
  debounce: z.string().nullish(),
  options: Options.describe('`timeout` in nanoseconds'),
})

const Changes = z.object({ arguments: z.string().nullish(), message: z.unknown().optional() })

const restricted = 'on io.cozy.triggers, restricted by worker or not'
const maxListed = pageLimits.jobs.ofTrigger

export function triggersRoutes(face: Face, services: JobsServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/jobs/triggers',
      summary: 'Add a trigger',
      tag: 'jobs',
      needs: `POST ${restricted}`,
      body: z.object({ data: z.object({ attributes: Order }) }),
      answers: {
        201: OneAnswer,
        400: 'The arguments cannot be read',
        422: 'There is no such type, or an attribute is wrong',
      },
    },
    async (c) => {
      const visit = await enter(c, services)
      const attributes = await readAttributes(c, services)
      const order = readMembers(Order, attributes)
      const type = order.type ?? ''
      if (!isTriggerType(type)) throw wrongAttribute('Type', 'Unknown trigger type')
      const debounce = order.debounce ?? ''
      if (debounce !== '' && (durationSeconds(debounce) ?? -1) < 0) {
        throw wrongAttribute('debounce', `time: invalid duration ${JSON.stringify(debounce)}`)
      }
      const worker = type === '@client' ? clientWorker : (order.worker ?? '')
      requireDocument(visit, 'POST', triggersDoctype, { worker })
      // The operator may also make triggers for workers that are still to come.
      if (type !== '@client' && !visit.isOperator) requireWorker(visit, worker)
      const options = exactMember(attributes, 'options')
      const trigger = await services.triggers.create({
        tenant: visit.instance,
        type,
        worker,
        arguments: order.arguments ?? '',
        message: exactMember(
          attributes,
          memberOf(attributes, 'message') === undefined ? 'worker_arguments' : 'message',
        ),
        debounce,
        options: isObject(options) ? options : null,
      })
      return sendOne(c, 201, triggerObject(trigger))
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/jobs/triggers',
      summary: 'Triggers and how their jobs went',
      tag: 'jobs',
      needs: `GET ${restricted}`,
      query: z.object({
        Worker: textOf('Only those of these workers, separated by commas'),
        Type: textOf('Only those of these types, separated by commas'),
      }),
      answers: { 200: ListAnswer },
    },
    async (c, { query: { Worker, Type } }) => {
      const visit = await enter(c, services)
      const workers = Worker?.split(',')
      const types = Type?.split(',')
      if (workers === undefined) requireType(visit, 'GET', triggersDoctype)
      for (const worker of workers ?? []) requireDocument(visit, 'GET', triggersDoctype, { worker })
      const { prefix } = visit.instance
      const triggers = (await services.triggers.list(prefix)).filter(
        ({ worker, members }) =>
          (workers?.includes(worker) ?? true) && (types?.includes(String(members['type'])) ?? true),
      )
      const states = await services.triggers.states(prefix, triggers)
      return sendList(
        c,
        triggers.map((trigger) => triggerObject(trigger, states.get(trigger.id))),
      )
    },
  )
}

export function triggerRoutes(face: Face, services: JobsServices): void {
  const { triggers } = services
  const found = async (visit: Visit, verb: Verb, id: string): Promise<Trigger> => {
    if (!visit.permissions.allowsSome(verb, triggersDoctype)) throw forbidden()
    const trigger = await triggers.find(visit.instance.prefix, id)
    requireDocument(visit, verb, triggersDoctype, { _id: id, worker: trigger.worker })
    return trigger
  }
  const stateOf = async (trigger: Trigger) => {
    const states = await triggers.states(trigger.tenant.prefix, [trigger])
    return states.get(trigger.id) ?? { trigger_id: trigger.id, status: 'done' as const }
  }
  endpoint(
    face,
    {
      method: 'GET',
      path: '/jobs/triggers/{id}',
      summary: 'A trigger and how its jobs went',
      tag: 'jobs',
      needs: `GET ${restricted}`,
      answers: { 200: OneAnswer, 404: 'There is no such trigger' },
    },
    async (c, { path: { id } }) => {
      const trigger = await found(await enter(c, services), 'GET', id)
      return sendOne(c, 200, triggerObject(trigger, await stateOf(trigger)))
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/jobs/triggers/{id}/state',
      summary: 'How the jobs of a trigger went',
      tag: 'jobs',
      needs: `GET ${restricted}`,
      answers: { 200: OneAnswer, 404: 'There is no such trigger' },
    },
    async (c, { path: { id } }) => {
      const trigger = await found(await enter(c, services), 'GET', id)
      return sendOne(c, 200, stateObject(await stateOf(trigger)))
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/jobs/triggers/{id}/jobs',
      summary: 'Jobs of a trigger, the newest first',
      tag: 'jobs',
      needs: `GET ${restricted}`,
      query: z.object({ Limit: textOf('How many; default 50') }),
      answers: { 200: ListAnswer, 404: 'There is no such trigger' },
    },
    async (c, { path: { id }, query: { Limit = '50' } }) => {
      const trigger = await found(await enter(c, services), 'GET', id)
      const limit = /^\d{1,6}$/.test(Limit) ? Number(Limit) : undefined
      if (limit === undefined)
        throw new Problem('bad_request', 'Limit is a whole number', { source: { parameter: 'Limit' } })
      const jobs = await triggers.jobs(trigger, Math.min(limit, maxListed))
      return sendList(c, jobs.map(jobObject))
    },
  )
  endpoint(
    face,
    {
      method: 'PATCH',
      path: '/jobs/triggers/{id}',
      summary: 'Change when a `@cron` trigger fires, or what the jobs of any trigger are told',
      tag: 'jobs',
      needs: `PATCH ${restricted}`,
      body: z.object({ data: z.object({ attributes: Changes }) }),
      answers: { 200: OneAnswer, 400: 'Nothing to change, or it cannot be read', 422: 'It is not a `@cron` trigger' },
    },
    async (c, { path: { id } }) => {
      const visit = await enter(c, services)
      await found(visit, 'PATCH', id)
      const attributes = await readAttributes(c, services)
      const asked = readMembers(Changes, attributes)
      const hasMessage = memberOf(attributes, 'message') !== undefined
      const text = asked.arguments ?? undefined
      if (!hasMessage && text === undefined) {
        throw new Problem('bad_request', 'Only arguments and message can be patched')
      }
      const changes = { arguments: text, ...(hasMessage ? { message: exactMember(attributes, 'message') } : {}) }
      return sendOne(c, 200, triggerObject(await triggers.modify(visit.instance.prefix, id, changes)))
    },
  )
  endpoint(
    face,
    {
      method: 'POST',
      path: '/jobs/triggers/{id}/launch',
      summary: 'Make the job of a trigger now',
      tag: 'jobs',
      needs: `POST ${restricted}`,
      answers: { 201: OneAnswer, 404: 'There is no such trigger' },
    },
    async (c, { path: { id } }) => {
      const trigger = await found(await enter(c, services), 'POST', id)
      return sendOne(c, 201, jobObject(await triggers.launch(trigger)))
    },
  )
  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/jobs/triggers/{id}',
      summary: 'Remove a trigger',
      tag: 'jobs',
      needs: `DELETE ${restricted}`,
      answers: { 204: 'Deleted', 404: 'There is no such trigger' },
    },
    async (c, { path: { id } }) => {
      const visit = await enter(c, services)
      await found(visit, 'DELETE', id)
      await triggers.remove(visit.instance.prefix, id)
      return new Response(null, { status: 204 })
    },
  )
}

function wrongAttribute(name: string, reason: string): Problem {
  return new Problem('invalid_parameter', reason, { source: { pointer: `/data/attributes/${name}` } })
}
