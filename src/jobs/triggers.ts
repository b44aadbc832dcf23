/** Triggers as routes see them: what makes jobs automatically, and the state of these jobs. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { type JobStore, type StoredJob, triggersDoctype } from '../../storage/jobs/contract.ts'
import { newDocumentId } from '../ids.ts'
import { editOf, membersOf, readDocument, writeDocument } from '../instances/own-documents.ts'
import { Problem } from '../model/errors.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import { scanPage } from '../model/page-limits.ts'
import { jobOf, jobOfMembers } from './job-document.ts'
import { newJob } from './new-job.ts'
import type { Job } from './service.ts'
import {
  jobOfTrigger,
  scheduleOf,
  type Trigger,
  type TriggerOrder,
  triggerMembers,
  triggerOf,
} from './trigger-document.ts'
import { stateOf, type TriggerState } from './trigger-state.ts'

/** Jobs that the state of a trigger is derived from. */
const jobsOfState = 200
const writeTries = 10

export interface Triggers {
  /** @throws Problem `bad_request` when its time cannot be read */
  create(order: TriggerOrder): Promise<Trigger>
  /** @throws Problem `not_found` */
  find(prefix: string, id: string): Promise<Trigger>
  list(prefix: string): Promise<readonly Trigger[]>
  /** @throws Problem `not_found`; `bad_request` as `create`; `invalid_parameter` for new arguments of another type than `@cron` */
  modify(
    prefix: string,
    id: string,
    changes: { readonly arguments?: string | undefined; readonly message?: Json | undefined },
  ): Promise<Trigger>
  remove(prefix: string, id: string): Promise<void>
  /** Makes its job now. */
  launch(trigger: Trigger): Promise<Job>
  /** The payload of a webhook becomes a job, or joins a debounced one. */
  hook(trigger: Trigger, payload: Json | undefined, options: { readonly manual: boolean }): Promise<void>
  /** The newest first. */
  jobs(trigger: Trigger, limit: number): Promise<readonly Job[]>
  states(prefix: string, triggers: readonly Trigger[]): Promise<ReadonlyMap<string, TriggerState>>
}

export interface TriggersOptions {
  readonly store: Pick<DocumentStore, 'read' | 'write' | 'scanIds' | 'createDatabase'>
  readonly jobs: JobStore
  /** Resolves when events from now on, in this process, reach all of the tenant's triggers that are on disk. */
  readonly refresh: (prefix: string) => Promise<void>
}

export function openTriggers({ store, jobs, refresh }: TriggersOptions): Triggers {
  const refOf = (prefix: string) => ({ prefix, name: triggersDoctype })

  async function stored(prefix: string, id: string): Promise<Trigger> {
    const found = await readDocument(store, refOf(prefix), id)
    if (found === undefined) throw triggerNotFound()
    return triggerOf(id, found, found.value, prefix)
  }

  async function modified(prefix: string, id: string, change: (trigger: Trigger) => JsonObject | undefined) {
    for (let attempt = 0; attempt < writeTries; attempt += 1) {
      const found = await readDocument(store, refOf(prefix), id)
      if (found === undefined) throw triggerNotFound()
      const value = change(triggerOf(id, found, found.value, prefix))
      const edit = { ref: refOf(prefix), id, parent: found, ...(value === undefined ? {} : { value }) }
      if ((await writeDocument(store, edit)) === 'ok') return
    }
    throw new Problem('conflict', 'Document update conflict.')
  }

  async function changed(trigger: Trigger): Promise<void> {
    jobs.wakeTriggers()
    if (trigger.type === '@event') await refresh(trigger.tenant.prefix)
  }

  return {
    find: stored,
    async create(order) {
      const { prefix } = order.tenant
      const id = newDocumentId()
      const members = triggerMembers(order, new Date().toISOString())
      if (scheduleOf(triggerOf(id, undefined, members, prefix)) === undefined) throw unreadable(order.type)
      const edit = editOf({ ref: refOf(prefix), id, value: members })
      let [outcome] = await store.write([edit])
      if (outcome?.kind === 'no_database') {
        await store.createDatabase(refOf(prefix))
        outcome = (await store.write([edit]))[0]
      }
      if (outcome?.kind !== 'ok') throw new Problem('conflict', 'Document update conflict.')
      const trigger = triggerOf(id, outcome.rev, members, prefix)
      await changed(trigger)
      return trigger
    },
    async list(prefix) {
      const found: Trigger[] = []
      let after: string | undefined
      for (;;) {
        const start = after === undefined ? undefined : { id: after, inclusive: false }
        const range = { start, descending: false, skip: 0, limit: scanPage, bodies: true, designs: 'none' } as const
        const rows = await store.scanIds(refOf(prefix), range)
        found.push(...rows.map((row) => triggerOf(row.id, row, membersOf(row.text), prefix)))
        after = rows.at(-1)?.id
        if (rows.length < scanPage || after === undefined) return found
      }
    },
    async modify(prefix, id, changes) {
      await modified(prefix, id, (trigger) => {
        if (changes.arguments !== undefined && trigger.type !== '@cron') {
          const source = { pointer: '/data/attributes/Type' }
          throw new Problem('invalid_parameter', 'Invalid type for trigger (@cron expected)', { source })
        }
        const { cozyMetadata } = trigger.members
        const metadata = isObject(cozyMetadata) ? { ...cozyMetadata, updatedAt: new Date().toISOString() } : null
        const members = {
          ...trigger.members,
          ...(changes.arguments === undefined ? {} : { arguments: changes.arguments }),
          ...(changes.message === undefined ? {} : { message: changes.message }),
          cozyMetadata: metadata,
        }
        if (scheduleOf(triggerOf(id, undefined, members, prefix)) === undefined) throw unreadable(trigger.type)
        return members
      })
      const trigger = await stored(prefix, id)
      await changed(trigger)
      return trigger
    },
    async remove(prefix, id) {
      await modified(prefix, id, () => undefined)
      jobs.wakeTriggers()
    },
    async launch(trigger) {
      const { job, members } = newJob(jobOfTrigger(trigger, { manual: true }))
      const [revision] = await jobs.push([job])
      return jobOfMembers(job.id, revision === undefined ? '' : `${revision.gen}-${revision.hash}`, members)
    },
    async hook(trigger, payload, { manual }) {
      const more = { payload, ...(manual ? { manual } : {}) }
      await jobs.push([newJob(jobOfTrigger(trigger, more), trigger.debounceMs).job])
    },
    async jobs({ id, tenant }, limit) {
      return (await jobs.ofTriggers(tenant.prefix, [id], limit)).map(jobOf)
    },
    async states(prefix, triggers) {
      const ids = triggers.map(({ id }) => id)
      const found = new Map<string, StoredJob[]>(ids.map((id) => [id, []]))
      for (const job of await jobs.ofTriggers(prefix, ids, jobsOfState)) found.get(job.trigger)?.push(job)
      return new Map(ids.map((id) => [id, stateOf(id, (found.get(id) ?? []).map(jobOf))]))
    },
  }
}

export function triggerNotFound(): Problem {
  return new Problem('not_found', 'Trigger with specified ID does not exist')
}

function unreadable(type: string | undefined): Problem {
  return type === '@event'
    ? new Problem('bad_request', 'Permission scope is empty or malformed')
    : new Problem('bad_request', 'Trigger unparsable')
}
