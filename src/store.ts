/** Opens the document store that the settings name: an outside PostgreSQL, or our own in the data directory. */
import { join } from 'node:path'
import { openPostgresDocuments, type PostgresStore } from '../storage/postgres/documents.ts'
import { onDisk } from '../storage/postgres/embedded/failures.ts'
import { makeDataDir } from '../storage/postgres/embedded/folders.ts'
import { takeLock } from '../storage/postgres/embedded/lock.ts'
import { openEmbeddedPostgres } from '../storage/postgres/embedded/server.ts'
import type { Config } from './config/settings.ts'
import { indexCompiler } from './documents/mango/index-compiler.ts'
import { type Log, redactText } from './log.ts'
import { StartupError } from './model/startup-error.ts'
import { connectionShare, connectionsNeeded, workerCount } from './processes/budget.ts'
import { supervise } from './supervision.ts'

export interface OpenedStore {
  readonly store: PostgresStore
  /** Resolves to the reason when the store is lost for good. */
  readonly failed: Promise<Error>
  /** Where the other processes of this server find PostgreSQL. */
  readonly target: Target
  close(): Promise<void>
}

type Target = Parameters<typeof openPostgresDocuments>[0]['target']

/** Opens the store; throws StartupError when it cannot be had. The data directory is this process's alone until closed. */
export async function openStore(config: Config, log: Log): Promise<OpenedStore> {
  return config.database_url === undefined ? openOwn(config, log) : openOutside(config, config.database_url, log)
}

async function openOwn(config: Config, log: Log): Promise<OpenedStore> {
  const maxConnections = connectionsNeeded(config)
  const open = () => openEmbeddedPostgres({ dataDir: config.data_dir, log: log.info, maxConnections })
  const server = await supervise(open, log)
  try {
    // A server that dies comes back at the same place.
    const target = server.current().connection
    // Jobs run in this process alone.
    const store = await connect(config, target, log, { shared: workerCount(config) > 0, sharedJobs: false })
    const close = async () => {
      await store.close()
      await server.stop()
    }
    return { store, failed: server.failed, target, close }
  } catch (error) {
    await server.stop()
    throw error
  }
}

async function openOutside(config: Config, url: string, log: Log): Promise<OpenedStore> {
  const lock = await onDisk(config.data_dir, async () => {
    const dataDir = await makeDataDir(config.data_dir)
    return takeLock(join(dataDir, 'hearth.lock'))
  })
  try {
    const store = await connect(config, url, log, { shared: true })
    await warnOfScarceConnections(config, store, log)
    const close = async () => {
      await store.close()
      await lock.release()
    }
    return { store, failed: new Promise(() => {}), target: url, close }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Opens the store that another process of this server has opened already. Sweeps are left to that one. */
export async function openStoreOfWorker(config: Config, target: Target, log: Log): Promise<OpenedStore> {
  const store = await connect(config, target, log, { shared: true, sweepEveryMs: 0, compactEveryMs: 0 })
  return { store, failed: new Promise(() => {}), target, close: () => store.close() }
}

async function warnOfScarceConnections(config: Config, store: PostgresStore, log: Log): Promise<void> {
  if (workerCount(config) === 0) return
  const [needed, allowed] = [connectionsNeeded(config), await store.connectionLimit()]
  if (needed > allowed)
    log.warning('PostgreSQL allows fewer connections than the workers may need', { needed, allowed })
}

/**
 * `shared`: other processes may serve the same PostgreSQL; `sharedJobs`: they may also run its jobs. The rest is handed
 * over as it is.
 */
async function connect(
  config: Config,
  target: Target,
  log: Log,
  sharing: Pick<
    Parameters<typeof openPostgresDocuments>[0],
    'shared' | 'sharedJobs' | 'sweepEveryMs' | 'compactEveryMs'
  >,
): Promise<PostgresStore> {
  try {
    return await openPostgresDocuments({
      target,
      maxConnections: connectionShare(config),
      compiler: indexCompiler,
      ...sharing,
      log: log.info,
    })
  } catch (error) {
    if (error instanceof StartupError) throw error
    const reason = error instanceof Error ? redactText(error.message) : String(error)
    const place = typeof target === 'string' ? redactText(target) : 'the embedded PostgreSQL'
    throw new StartupError(`the database cannot be used (${place}): ${reason}`, { cause: error })
  }
}
