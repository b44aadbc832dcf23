import type { Instances } from '../../src/instances/service.ts'
import type { Jobs } from '../../src/jobs/service.ts'
import type { Triggers } from '../../src/jobs/triggers.ts'
import type { Log } from '../../src/log.ts'
import type { AttemptStore } from '../../storage/attempts/contract.ts'

/** What the routes of jobs and triggers need; each module asks for its part. */
export interface JobsServices {
  readonly jobs: Jobs
  readonly triggers: Triggers
  readonly instances: Instances
  readonly attempts: AttemptStore
  readonly log: Log
  /** Status of an invalid or expired token. */
  readonly expiredStatus: 400 | 401
  /** Bytes of a body. */
  readonly maxJsonBytes: number
}
