/** How the jobs of a trigger went. */
import type { JsonObject } from '../model/json/value.ts'
import type { Job, JobState } from './service.ts'

export interface TriggerState {
  readonly trigger_id: string
  /** Of the newest job; `done` when there was none. */
  readonly status: JobState
  readonly last_success?: string
  readonly last_successful_job_id?: string
  readonly last_execution?: string
  readonly last_executed_job_id?: string
  readonly last_failure?: string
  readonly last_failed_job_id?: string
  readonly last_error?: string
  readonly last_manual_execution?: string
  readonly last_manual_job_id?: string
}

/** `jobs`: the newest first. */
export function stateOf(triggerId: string, jobs: readonly Job[]): TriggerState {
  const begun = jobs.filter(({ state }) => state !== 'queued')
  const success = begun.find(({ state }) => state === 'done')
  const failure = begun.find(({ state }) => state === 'errored')
  const manual = begun.find(({ members }) => members['manual_execution'] === true)
  const [last] = begun
  return {
    trigger_id: triggerId,
    status: jobs[0]?.state ?? 'done',
    ...(success && { last_success: timeOf(success.members), last_successful_job_id: success.id }),
    ...(last && { last_execution: timeOf(last.members), last_executed_job_id: last.id }),
    ...(failure && {
      last_failure: timeOf(failure.members),
      last_failed_job_id: failure.id,
      last_error: String(failure.members['error'] ?? ''),
    }),
    ...(manual && { last_manual_execution: timeOf(manual.members), last_manual_job_id: manual.id }),
  }
}

function timeOf(members: JsonObject): string {
  return String(members['started_at'] ?? '')
}
