import type { Log } from '../../src/log.ts'
import type { Sync } from '../../src/sync/sync.ts'

/** What the routes of the sync API need. */
export interface SyncServices {
  readonly sync: Pick<Sync, 'store' | 'kinds' | 'seal' | 'run'>
  readonly log: Log
  /** What `/api/v1.1` asks for, and everything when the listener is not on loopback. */
  readonly token: string
  /** The listener's address in the settings. */
  readonly host: string
  /** Whose tokens open an instance's drive to an entry. */
  readonly mayUseDrive: (domain: string, token: string) => Promise<boolean>
  /** Aborted when the server stops: feeds end. */
  readonly stopping: AbortSignal
}
