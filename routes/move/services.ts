import type { Auth } from '../../src/auth/auth.ts'
import type { Instance, InstanceAdministration, Instances } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'
import type { Json } from '../../src/model/json/value.ts'
import type { Exports } from '../../src/move/exports.ts'
import type { Imports } from '../../src/move/imports.ts'
import type { Moves } from '../../src/move/moves.ts'
import type { Outgoing } from '../../src/outgoing/outgoing.ts'
import type { AttemptStore } from '../../storage/attempts/contract.ts'
import type { ClientOf } from '../http/client.ts'

/** What the routes of export, import and move need; each module asks for its part. */
export interface MoveServices {
  readonly instances: Instances & Pick<InstanceAdministration, 'settingsOf'>
  readonly auth: Pick<Auth, 'sessions' | 'login'>
  readonly exports: Exports
  readonly imports: Imports
  readonly moves: Moves
  /** Where the wizard for moves of an instance is; absent: there is none. */
  readonly wizardOf: (instance: Instance) => URL | undefined
  /** Sets members of the owner's settings; `undefined` removes one. */
  readonly ownerSettings: (instance: Instance, members: Readonly<Record<string, Json | undefined>>) => Promise<void>
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
