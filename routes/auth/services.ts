import type { Auth } from '../../src/auth/auth.ts'
import type { OwnerMail } from '../../src/auth/mail.ts'
import type { InstanceAdministration, Instances } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'
import type { MoveRequests } from '../../src/move/requests.ts'
import type { ClientOf } from '../http/client.ts'

/** What the pages and the OAuth routes need. */
export interface AuthServices {
  readonly instances: Pick<Instances, 'byHost'> & Pick<InstanceAdministration, 'settingsOf' | 'setPassphrase'>
  readonly auth: Auth
  readonly mail: OwnerMail
  readonly clientOf: ClientOf
  /** What another server is told about an instance that moves to or from here. */
  readonly usageOf: MoveRequests['usage']
  readonly log: Log
}
