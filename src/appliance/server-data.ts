/** Everything that this server keeps: saved and exchanged in the form of `hearth backup`. */
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { readPostgres } from '../../storage/postgres/backup.ts'
import type { ConnectionOptions } from '../../storage/postgres/connection.ts'
import { withExistingDatabase } from '../backup/database.ts'
import { writeBackup } from '../backup/write.ts'
import type { Config } from '../config/schema.ts'
import type { Log } from '../log.ts'
import type { SaveServer } from './backup.ts'
import type { ServerExchange } from './restore.ts'
import { newServerExchange, takeUpExchange } from './server-exchange.ts'

export interface ServerDataOptions {
  readonly config: Config
  readonly log: Log
  readonly objects: ObjectStore
  /** Where the journal of an exchange is. */
  readonly folder: string
  /** Answers 503 and closes the store, lets `work` run, and opens everything again. */
  readonly whileClosed: (work: () => Promise<void>) => Promise<void>
}

/** Finishes or undoes what a start before this one began, and gives the ways of saving and exchanging. */
export async function serverData(
  options: ServerDataOptions,
): Promise<{ readonly save: SaveServer; readonly exchange: ServerExchange }> {
  const { config, log, objects, folder, whileClosed } = options
  const withDatabase = <T>(work: (target: ConnectionOptions['target']) => Promise<T>) =>
    withExistingDatabase(config, log, work)
  await takeUpExchange(folder, objects, withDatabase, log)
  return {
    exchange: newServerExchange({ config, log, folder, server: { withDatabase, objects, whileClosed } }),
    save: (destination) =>
      withDatabase(async (target) => {
        await readPostgres(target, (snapshot) => writeBackup(snapshot, objects, destination))
      }),
  }
}
