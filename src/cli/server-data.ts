/** Everything that a running server keeps: saved and exchanged in the form of `hearth backup`. */
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { readPostgres } from '../../storage/postgres/backup.ts'
import type { ConnectionOptions } from '../../storage/postgres/connection.ts'
import { schemaVersion } from '../../storage/postgres/migrate.ts'
import * as schemas from '../../storage/postgres/second-schema.ts'
import type { SaveServer } from '../appliance/backup.ts'
import type { ServerExchange } from '../appliance/restore.ts'
import { newServerExchange, type Places, takeUpExchange } from '../appliance/server-exchange.ts'
import { withExistingDatabase, withOwnDatabase } from '../backup/database.ts'
import { writeBackup } from '../backup/write.ts'
import type { Config } from '../config/settings.ts'
import type { Log } from '../log.ts'

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
  const serving: WithDatabase = (work) => withExistingDatabase(config, log, work)
  const closed: WithDatabase = (work) => withOwnDatabase(config, log, work)
  const server = { serving: placesIn(serving), closed: placesIn(closed), objects, whileClosed }
  await takeUpExchange({ log, folder, server })
  return {
    exchange: newServerExchange({ log, folder, server }),
    save: (destination) =>
      serving(async (target) => {
        await readPostgres(target, (snapshot) => writeBackup(snapshot, objects, destination))
      }),
  }
}

type WithDatabase = <T>(work: (target: ConnectionOptions['target']) => Promise<T>) => Promise<T>

function placesIn(withDatabase: WithDatabase): Places {
  return {
    schema: schemaVersion,
    fillNext: (job, last, work) => withDatabase((target) => schemas.fillNext(target, job, last, work)),
    state: (job) => withDatabase((target) => schemas.exchangeState(target, job)),
    exchange: (job) => withDatabase((target) => schemas.exchangeSchemas(target, job)),
    exchangeBack: (job) => withDatabase((target) => schemas.exchangeBack(target, job)),
    drop: (job) => withDatabase((target) => schemas.dropSchemas(target, job)),
    holdDeletions: () => withDatabase((target) => schemas.holdDeletions(target)),
  }
}
