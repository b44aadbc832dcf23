/** Finds the PostgreSQL that backup and restore work on: the outside one, the one of a running server, or our own. */

import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import type { ConnectionOptions } from '../../storage/postgres/connection.ts'
import { databaseName, databaseUser } from '../../storage/postgres/embedded/cluster.ts'
import { layoutOf } from '../../storage/postgres/embedded/layout.ts'
import { runningServer } from '../../storage/postgres/embedded/pid-file.ts'
import { openEmbeddedPostgres } from '../../storage/postgres/embedded/server.ts'
import { port } from '../../storage/postgres/embedded/socket.ts'
import type { Config } from '../config/settings.ts'
import { type Log, redactText } from '../log.ts'
import { errnoOf } from '../model/errno.ts'
import { StartupError } from '../model/startup-error.ts'

type Target = ConnectionOptions['target']
type Work<T> = (target: Target) => Promise<T>

/**
 * Runs `work` with the database that holds the data. A Hearth that serves the data directory keeps serving; without one the
 * embedded server runs for as long as `work` needs it.
 */
export async function withExistingDatabase<T>(config: Config, log: Log, work: Work<T>): Promise<T> {
  if (config.database_url !== undefined) return explained(config.database_url, work)
  const dataDir = await realpath(config.data_dir).catch(() => config.data_dir)
  if (!existsSync(layoutOf(dataDir).versions)) {
    throw new StartupError(
      `There is nothing to back up: ${dataDir} holds no data of Hearth (--data-dir names another).`,
    )
  }
  const served = await servedDatabase(dataDir)
  return served ? explained(served, work) : withOwnDatabase(config, log, work)
}

/** Runs `work` with the database that a server with this configuration would use. Nothing else may serve the data directory. */
export async function withOwnDatabase<T>(config: Config, log: Log, work: Work<T>): Promise<T> {
  if (config.database_url !== undefined) return explained(config.database_url, work)
  const server = await openEmbeddedPostgres({ dataDir: config.data_dir, log: log.info })
  try {
    return await explained(server.connection, work)
  } finally {
    await server.stop()
  }
}

/** The embedded server that runs, be it another Hearth's or left behind by one that was killed. */
async function servedDatabase(dataDir: string): Promise<Target | undefined> {
  const running = await runningServer(layoutOf(dataDir).cluster)
  if (running?.status !== 'ready') return undefined
  return { host: running.socketFolder, port, database: databaseName, user: databaseUser }
}

/** One line that says why PostgreSQL or the network refuses. */
async function explained<T>(target: Target, work: Work<T>): Promise<T> {
  try {
    return await work(target)
  } catch (error) {
    const code = errnoOf(error)
    if (error instanceof StartupError || code === '' || !(error instanceof Error)) throw error
    const place = typeof target === 'string' ? redactText(target) : 'the embedded PostgreSQL'
    const reason = code === '55P03' ? 'another process is using it' : redactText(error.message)
    throw new StartupError(`The database cannot be used (${place}): ${reason}.`, { cause: error })
  }
}
