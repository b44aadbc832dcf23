/** What the driver's errors mean to the rest of Hearth. */
import { errnoOf } from '../../src/model/errno.ts'
import { Problem } from '../../src/model/errors.ts'

const lostCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
])

/** True when the statement may or may not have been applied, or never reached the server. */
export function isConnectionLost(error: unknown): boolean {
  const code = errnoOf(error)
  // How the driver (postgres.js 3.4.9) fails in a transaction whose connection is gone: it writes to no socket.
  if (error instanceof TypeError && /'socket\d*\.write'|reading 'write'/.test(error.message)) return true
  return lostCodes.has(code) || code.startsWith('08') || code.startsWith('57P')
}

/** True when a row with this key exists (`unique_violation`). */
export function isTaken(error: unknown): boolean {
  return errnoOf(error) === '23505'
}

/** Turns a driver's error into what the rest of Hearth knows; other values pass unchanged. */
export function translate(error: unknown): unknown {
  const code = errnoOf(error)
  if (error instanceof Problem) return error
  if (isConnectionLost(error))
    return new Problem('store_unavailable', 'The database does not answer.', { cause: error })
  if (code === '53100') return new Problem('store_unavailable', 'The database has no space left.', { cause: error })
  if (code === '53300')
    return new Problem('store_unavailable', 'The database has no free connection.', { cause: error })
  if (code === '55P03') return new Problem('store_unavailable', 'The database is busy.', { cause: error })
  // A replica, or a server that is being turned into one.
  if (code === '25006') return new Problem('store_unavailable', 'The database takes no changes now.', { cause: error })
  if (code === '57014')
    return new Problem('timeout', 'context deadline exceeded: the query took too long.', { cause: error })
  return error
}
