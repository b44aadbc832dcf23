/** Documents of `io.cozy.jobs`: their members, and how they change while a job lives. */
import { Buffer } from 'node:buffer'
import type { Body } from '../../storage/documents/contract.ts'
import type { StoredJob } from '../../storage/jobs/contract.ts'
import { bodyOf, membersOf, revText } from '../instances/own-documents.ts'
import { Problem } from '../model/errors.ts'
import { parseJson, stringifyJson } from '../model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import type { Job, JobOptions, JobOrder, JobState } from './service.ts'

/** A time that has not come, as Go prints it: clients compare with it. */
export const zeroTime = '0001-01-01T00:00:00Z'

const states: ReadonlySet<string> = new Set<JobState>(['queued', 'running', 'done', 'errored'])

/** The members of a new job. `state`: `running` for one that a client does. */
export function newJobMembers(order: JobOrder, at: string, state: 'queued' | 'running' = 'queued'): JsonObject {
  const { tenant, worker, message, options, triggerId, manual, forwardLogs, event, payload } = order
  return {
    domain: tenant.domain,
    prefix: tenant.prefix,
    worker,
    ...(triggerId === undefined ? {} : { trigger_id: triggerId }),
    message,
    event: event === undefined ? null : encoded(event),
    ...(payload === undefined ? {} : { payload: encoded(payload) }),
    ...(manual ? { manual_execution: true } : {}),
    ...(options === undefined ? {} : optionMembers(options)),
    ...(forwardLogs ? { forward_logs: true } : {}),
    state,
    queued_at: at,
    started_at: state === 'running' ? at : zeroTime,
    finished_at: zeroTime,
  }
}

function optionMembers({ maxExecCount, timeout }: JobOptions): JsonObject {
  if (maxExecCount === undefined && timeout === undefined) return {}
  return {
    options: {
      ...(maxExecCount === undefined ? {} : { max_exec_count: maxExecCount }),
      // Nanoseconds, as in triggers.
      ...(timeout === undefined ? {} : { timeout: timeout * 1e9 }),
    },
  }
}

/** The order of a job, read from its document. */
export function optionsOf(members: JsonObject): JobOptions {
  const options = members['options']
  if (!isObject(options)) return {}
  const { max_exec_count: count, timeout } = options
  return {
    maxExecCount: typeof count === 'number' && count > 0 ? count : undefined,
    timeout: typeof timeout === 'number' && timeout > 0 ? timeout / 1e9 : undefined,
  }
}

export function startedMembers(members: JsonObject, at: string): JsonObject {
  return { ...members, state: 'running', started_at: at }
}

/** Back in the queue after a failure. */
export function queuedAgainMembers(members: JsonObject, error: string): JsonObject {
  return { ...members, state: 'queued', error }
}

/** Its event and payload are dropped: they may be large and are no longer needed. */
export function finishedMembers(members: JsonObject, at: string, error: string | undefined): JsonObject {
  const { payload, error: former, progress, ...kept } = members
  const state: JobState = error === undefined ? 'done' : 'errored'
  return { ...kept, event: null, state, finished_at: at, ...(error === undefined ? {} : { error }) }
}

export interface Progress {
  readonly done: number
  readonly of: number | undefined
  readonly unit: string
}

export function progressMembers(members: JsonObject, { done, of, unit }: Progress): JsonObject {
  return { ...members, progress: { done, ...(of === undefined ? {} : { of }), unit } }
}

/** Characters of a debounced job: more than this could not be stored, and would take too much memory when it runs. */
const maxGathered = 64 * 1024 ** 2

/**
 * The members of a debounced job after another event.
 * @throws Problem `too_large` when there is no room for what comes with it
 */
export function gatheredMembers(text: string, payload: Json | undefined): string {
  const members = membersOf(text)
  const merged: Record<string, Json> = { ...members, event: null, debounced: true }
  if (payload !== undefined) {
    const before = decoded(members['payload'])
    const known = members['debounced'] === true && isObject(before) ? before['payloads'] : [before ?? null]
    if (text.length + encoded(payload).length > maxGathered) {
      throw new Problem('too_large', 'The job that gathers these calls is full: call again when it has run.')
    }
    merged['payload'] = encoded({ payloads: [...(Array.isArray(known) ? known : []), payload] })
  }
  return stringifyJson(merged)
}

/** JSON in base64: so events and payloads are shown. */
function encoded(value: Json): string {
  return Buffer.from(stringifyJson(value)).toString('base64')
}

/** The opposite; `undefined` for what is none. */
export function decoded(value: Json | undefined): Json | undefined {
  if (typeof value !== 'string') return undefined
  try {
    return parseJson(Buffer.from(value, 'base64').toString('utf8')).exact
  } catch {
    return undefined
  }
}

export function jobBody(id: string, members: JsonObject): Body {
  return bodyOf(id, members)
}

export function jobOf({ id, gen, hash, text }: StoredJob): Job {
  return jobOfMembers(id, revText({ gen, hash }), membersOf(text))
}

export function jobOfMembers(id: string, rev: string, members: JsonObject): Job {
  const state = String(members['state'])
  return {
    id,
    rev,
    members,
    worker: String(members['worker']),
    state: states.has(state) ? (state as JobState) : 'queued',
  }
}
