/** Jobs and triggers as JSON-API objects. */
import { z } from '@hono/zod-openapi'
import type { Job } from '../../src/jobs/service.ts'
import type { Trigger } from '../../src/jobs/trigger-document.ts'
import type { TriggerState } from '../../src/jobs/trigger-state.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import type { JsonObject } from '../../src/model/json/value.ts'
import { jobsDoctype, triggersDoctype } from '../../storage/jobs/contract.ts'
import { jsonText } from '../http/answer.ts'
import type { HttpContext } from '../http/router.ts'

export const mediaType = 'application/vnd.api+json'

export const OneAnswer = z.object({ data: z.looseObject({}) })
export const ListAnswer = z.object({ data: z.array(z.looseObject({})), meta: z.object({ count: z.number() }) })

/** Sends one object. */
export function sendOne(c: HttpContext, status: 200 | 201 | 202, data: JsonObject): Response {
  return jsonText(c, status, stringifyJson({ data }), { 'content-type': mediaType })
}

export function sendList(c: HttpContext, data: readonly JsonObject[]): Response {
  return jsonText(c, 200, stringifyJson({ data, meta: { count: data.length } }), { 'content-type': mediaType })
}

export function jobObject({ id, rev, worker, members }: Job): JsonObject {
  return {
    type: jobsDoctype,
    id,
    attributes: { _id: id, _rev: rev, ...members },
    meta: { rev },
    links: { self: `/jobs/${encodeURIComponent(worker)}/${id}` },
  }
}

export function triggerObject({ id, rev, type, members, tenant }: Trigger, state?: TriggerState): JsonObject {
  const { cozyMetadata, ...attributes } = members
  const self = `/jobs/triggers/${id}`
  return {
    type: triggersDoctype,
    id,
    attributes: {
      _id: id,
      _rev: rev,
      ...attributes,
      ...(state === undefined ? {} : { current_state: { ...state } }),
      ...(cozyMetadata === undefined ? {} : { cozyMetadata }),
    },
    meta: {},
    links: type === '@webhook' ? { self, webhook: `https://${tenant.domain}/jobs/webhooks/${id}` } : { self },
  }
}

export function stateObject(state: TriggerState): JsonObject {
  const id = state.trigger_id
  return {
    type: 'io.cozy.triggers.state',
    id,
    attributes: { ...state },
    meta: {},
    links: { self: `/jobs/triggers/${id}/state` },
  }
}
