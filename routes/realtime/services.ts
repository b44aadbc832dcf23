import type { Instances } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'
import type { Hub } from '../../src/realtime/hub.ts'
import type { SocketLimits } from './limits.ts'

/** What the realtime routes need; each module asks for its part. */
export interface RealtimeServices {
  readonly hub: Hub
  readonly instances: Instances
  /** Ids of the directories above a file of a tenant. */
  readonly ancestors: (prefix: string, fileId: string) => Promise<readonly string[]>
  readonly log: Log
  /** Status of an invalid or expired token. */
  readonly expiredStatus: 400 | 401
  readonly limits?: SocketLimits
}
