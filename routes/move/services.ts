import type { Instances } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'
import type { Exports } from '../../src/move/exports.ts'
import type { Imports } from '../../src/move/imports.ts'
import type { Outgoing } from '../../src/outgoing/outgoing.ts'
import type { AttemptStore } from '../../storage/attempts/contract.ts'
import type { ClientOf } from '../http/client.ts'

/** What the routes of export, import and move need; each module asks for its part. */
export interface MoveServices {
  readonly instances: Instances
  readonly exports: Exports
  readonly imports: Imports
  readonly attempts: AttemptStore
  /** Asks other servers, and this one where it is meant. */
  readonly outgoing: Pick<Outgoing, 'fetch'>
  readonly clientOf: ClientOf
  readonly log: Log
  /** Aborted when the server stops. */
  readonly stopping: AbortSignal
  /** Status of an invalid or expired token. */
  readonly expiredStatus: 400 | 401
  /** Bytes of a body. */
  readonly maxJsonBytes: number
}
