/** Builds the synchronisation from the settings. */
import type { SyncStore } from '../../storage/sync/contract.ts'
import type { Config } from '../config/settings.ts'
import type { Log } from '../log.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { machineId, syncToken } from './access.ts'
import type { DriverKind } from './drivers/contract.ts'
import { newSeal } from './seal.ts'
import { openSync, type Sync } from './sync.ts'

export interface SyncFromSettings {
  readonly config: Pick<Config, 'sync' | 'data_dir'>
  readonly store: SyncStore
  readonly secrets: Secrets
  readonly log: Log
  readonly kinds: readonly DriverKind[]
  /** Where the objects are. */
  readonly place: { readonly folder: string } | { readonly bucket: string }
}

/** Begins to lead, or to follow; resolves when one of them is the case. */
export async function openSyncFromSettings(options: SyncFromSettings): Promise<{ sync: Sync; token: string }> {
  const { config, store, secrets, log, kinds, place } = options
  const { data_dir } = config
  const sync = openSync({
    store,
    log,
    kinds,
    seal: newSeal(secrets),
    machine: await machineId(data_dir),
    roots: config.sync.roots,
    ownFolders: 'folder' in place ? [data_dir, place.folder] : [data_dir],
    entries: config.sync.entries,
    rules: config.sync.rules,
  })
  await sync.begun
  return { sync, token: await syncToken(data_dir, config.sync.token) }
}
