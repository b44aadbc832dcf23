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
import { supervise } from './supervision.ts'

export interface OpenedStore {
  readonly store: PostgresStore
  /** Resolves to the reason when the store is lost for good. */
  readonly failed: Promise<Error>
  close(): Promise<void>
}

type Target = Parameters<typeof openPostgresDocuments>[0]['target']

/** Opens the store; throws StartupError when it cannot be had. The data directory is this process's alone until closed. */
export async function openStore(config: Config, log: Log): Promise<OpenedStore> {
  return config.database_url === undefined ? openOwn(config, log) : openOutside(config, config.database_url, log)
}

async function openOwn(config: Config, log: Log): Promise<OpenedStore> {
  const server = await supervise(() => openEmbeddedPostgres({ dataDir: config.data_dir, log: log.info }), log)
  try {
    const store = await connect(config, server.current().connection, log, { shared: false })
    const close = async () => {
      await store.close()
      await server.stop()
    }
    return { store, failed: server.failed, close }
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
    const close = async () => {
      await store.close()
      await lock.release()
    }
    return { store, failed: new Promise(() => {}), close }
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** `shared`: other processes may serve the same PostgreSQL. */
async function connect(
  config: Config,
  target: Target,
  log: Log,
  { shared }: { readonly shared: boolean },
): Promise<PostgresStore> {
  try {
    return await openPostgresDocuments({
      target,
      maxConnections: config.database.max_connections,
      compiler: indexCompiler,
      shared,
      log: log.info,
    })
  } catch (error) {
    if (error instanceof StartupError) throw error
    const reason = error instanceof Error ? redactText(error.message) : String(error)
    const place = typeof target === 'string' ? redactText(target) : 'the embedded PostgreSQL'
    throw new StartupError(`the database cannot be used (${place}): ${reason}`, { cause: error })
  }
}
