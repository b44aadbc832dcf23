/** How many processes a server is made of, and what each may take of PostgreSQL. */
import { availableParallelism } from 'node:os'
import type { Config } from '../config/settings.ts'
import { StartupError } from '../model/startup-error.ts'
import { runtime } from '../platform/runtime.ts'

type Counted = Pick<Config, 'workers' | 'port' | 'database'>

/** Connections that each process holds beside its pool: notifications, and those of the synchronisation. */
const besidePool = 6
/** Fewer would let one slow question hold up a whole worker. */
const leastShare = 4

/**
 * Serving processes beside the owner; 0: one process does everything.
 * @throws StartupError where this runtime cannot share a listener
 */
export function workerCount({ workers, port }: Counted): number {
  const count = workers === 'auto' ? availableParallelism() : workers
  // Only the public listener is shared.
  if (count === 1 || port === 'off') return 0
  if (runtime.name !== 'deno') return count
  if (workers === 'auto') return 0
  throw new StartupError('workers: under Deno one worker is supported; set it to 1, or run the binary')
}

/** Connections of each process's pool. One process has all that the setting allows; several share them. */
export function connectionShare(config: Counted): number {
  const { max_connections } = config.database
  const count = workerCount(config)
  return count === 0 ? max_connections : Math.max(leastShare, Math.floor(max_connections / (count + 1)))
}

/** Connections that all processes may hold together, and some for backups and for people. */
export function connectionsNeeded(config: Counted): number {
  const processes = workerCount(config) + 1
  return Math.max(24, processes * (connectionShare(config) + besidePool) + 10)
}
