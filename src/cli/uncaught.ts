/** Exceptions that nobody caught: which of them end the process. */
import { isConnectionLost } from '../../storage/postgres/failures.ts'
import type { Log } from '../log.ts'

/**
 * Calls `stop` after an exception that nobody caught, but for the one that the driver (postgres.js 3.4.9, `nextWrite`) throws
 * from a timer when a connection breaks while something waits to be sent on it: its queries fail by themselves.
 */
export function watchUncaught(log: () => Log | undefined, stop: (error: unknown) => void): void {
  process.on('uncaughtException', (error: unknown) => {
    if (isBrokenWrite(error)) {
      log()?.warning('a connection to the database broke while it was written to')
      return
    }
    log()?.error('uncaught exception', { error })
    stop(error)
  })
}

/** Whether it is the driver's write to a socket that is gone. */
export function isBrokenWrite(error: unknown): boolean {
  return error instanceof TypeError && isConnectionLost(error) && (error.stack ?? '').includes('nextWrite')
}
