/** Everything that this server keeps, in the form of `hearth backup`. */
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { readPostgres } from '../../storage/postgres/backup.ts'
import { withExistingDatabase } from '../backup/database.ts'
import { writeBackup } from '../backup/write.ts'
import type { Config } from '../config/schema.ts'
import type { Log } from '../log.ts'
import type { SaveServer } from './backup.ts'

/** Saves while the server runs, as the command does. */
export function serverSaver(config: Config, log: Log, objects: ObjectStore): SaveServer {
  return async (destination) => {
    await withExistingDatabase(config, log, (target) =>
      readPostgres(target, (snapshot) => writeBackup(snapshot, objects, destination)),
    )
  }
}
