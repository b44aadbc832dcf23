/** Documents of `io.cozy.triggers`. */
import { durationSeconds } from '../instances/duration.ts'
import { revText } from '../instances/own-documents.ts'
import { stringifyJson } from '../model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import type { JobOptions, JobOrder, Tenant } from './service.ts'
import { isTriggerType, parseSchedule, type Schedule, type TriggerType } from './trigger-schedule.ts'

export interface Trigger {
  readonly id: string
  readonly rev: string
  /** The members of the document, numbers as they were written. */
  readonly members: JsonObject
  /** `undefined`: one that this server does not know. */
  readonly type: TriggerType | undefined
  readonly worker: string
  readonly arguments: string
  readonly message: Json
  /** Milliseconds in which events are gathered into one job; 0: each event is a job. */
  readonly debounceMs: number
  readonly tenant: Tenant
}

/** The description of a new trigger. */
export interface TriggerOrder {
  readonly tenant: Tenant
  readonly type: TriggerType
  readonly worker: string
  readonly arguments: string
  readonly message: Json
  readonly debounce: string
  /** As given: `timeout` counts nanoseconds. */
  readonly options: JsonObject | null
}

export function triggerMembers(order: TriggerOrder, at: string): JsonObject {
  const { tenant, type, worker, message, debounce, options } = order
  return {
    domain: tenant.domain,
    prefix: tenant.prefix,
    type,
    worker,
    arguments: order.arguments,
    debounce,
    options,
    message,
    cozyMetadata: { doctypeVersion: '1', metadataVersion: 1, createdAt: at, updatedAt: at },
  }
}

export function triggerOf(
  id: string,
  revision: { readonly gen: number; readonly hash: string } | undefined,
  members: JsonObject,
  prefix: string,
): Trigger {
  const type = textOf(members['type'])
  return {
    id,
    rev: revision === undefined ? '' : revText(revision),
    members,
    type: isTriggerType(type) ? type : undefined,
    worker: textOf(members['worker']),
    arguments: textOf(members['arguments']),
    message: members['message'] ?? null,
    debounceMs: Math.max(0, (durationSeconds(textOf(members['debounce'])) ?? 0) * 1000),
    tenant: { prefix, domain: textOf(members['domain']) },
  }
}

/** When the trigger is due; `undefined` when its arguments cannot be read. */
export function scheduleOf(trigger: Trigger, zone?: string): Schedule | undefined {
  const { type, tenant, worker, message } = trigger
  const seed = `${tenant.domain} ${worker} ${stringifyJson(message)}`
  return type && parseSchedule(type, trigger.arguments, { seed, zone })
}

/** Milliseconds since 1970. */
export function createdAt({ members }: Trigger): number | undefined {
  const metadata = members['cozyMetadata']
  const time = isObject(metadata) ? Date.parse(textOf(metadata['createdAt'])) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

/** The job that a trigger makes. */
export function jobOfTrigger(trigger: Trigger, more: Pick<JobOrder, 'event' | 'payload' | 'manual'> = {}): JobOrder {
  const { id, tenant, worker, message } = trigger
  // Whoever may make triggers chose the message.
  return { tenant, worker, message, triggerId: id, options: optionsOfTrigger(trigger), fromClient: true, ...more }
}

function optionsOfTrigger({ members }: Trigger): JobOptions | undefined {
  const options = members['options']
  if (!isObject(options)) return undefined
  const { max_exec_count: count, timeout } = options
  return {
    maxExecCount: typeof count === 'number' && count > 0 ? count : undefined,
    timeout: typeof timeout === 'number' && timeout > 0 ? timeout / 1e9 : undefined,
  }
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
