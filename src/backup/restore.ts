import { StartupError } from '../startup-error.ts'
import { BackupArchive } from './archive.ts'
import type { Checksums, Manifest } from './format.ts'
import type { FillStore, StoreFilling } from './store.ts'

/** The version of the tables' schema that is made by `FillStore`. */
export interface RestoreOptions {
  readonly schema: number
  readonly fill: FillStore
}

/**
 * Reads a backup file into an empty store. Nothing of it stays unless all of it is there and equals what was saved.
 * @throws StartupError saying what is wrong with the file, or that the store is not empty.
 */
export async function restoreBackup(
  gzipped: AsyncIterable<Uint8Array>,
  { schema, fill }: RestoreOptions,
): Promise<Manifest> {
  const archive = new BackupArchive(gzipped)
  try {
    const manifest = await archive.manifest()
    refuseOtherSchema(manifest.value, schema)
    await fill(manifest.value.last_database, async (store) => {
      const tables = await loadTables(archive, manifest.value, store)
      const checksums = await archive.checksums()
      compare('checksum of the manifest', manifest.sha256, checksums.manifest)
      compareEach('checksum of the data of', tables, checksums.tables)
      await prove(store, manifest.value, checksums)
    })
    return manifest.value
  } finally {
    await archive.close().catch(() => {})
  }
}

function refuseOtherSchema({ schema, hearth }: Manifest, known: number): void {
  if (schema === known) return
  throw new StartupError(
    schema > known
      ? `The backup has schema version ${schema}, made by Hearth ${hearth}; this Hearth knows up to version ${known}. Restore it with that version or a newer one.`
      : `The backup has schema version ${schema}, this Hearth restores version ${known}. Restore it with Hearth ${hearth}, then start this one, which brings it up to date.`,
  )
}

async function loadTables(
  archive: BackupArchive,
  manifest: Manifest,
  store: StoreFilling,
): Promise<Checksums['tables']> {
  const sums: Checksums['tables'] = {}
  for (const table of manifest.tables) {
    await store.load(
      table,
      noting(archive.table(table.name), (sha256) => {
        sums[table.name] = sha256
      }),
    )
  }
  return sums
}

/** The same chunks; what the generator returns at its end goes to `note`. */
async function* noting<T>(chunks: AsyncGenerator<Uint8Array, T>, note: (end: T) => void): AsyncGenerator<Uint8Array> {
  note(yield* chunks)
}

/** What the store counts and sums up must be what was saved. */
async function prove(store: StoreFilling, manifest: Manifest, checksums: Checksums): Promise<void> {
  const found = await store.contents()
  const rows = (tables: Manifest['tables']) => Object.fromEntries(tables.map((table) => [table.name, table.rows]))
  compareEach('number of rows in', rows(found.tables), rows(manifest.tables))
  const lines = (databases: Manifest['databases']) =>
    Object.fromEntries(databases.map((one) => [`${one.prefix}/${one.name}`, JSON.stringify(Object.values(one))]))
  compareEach('state of the database', lines(found.databases), lines(manifest.databases))
  compareEach('sum of the revisions in', await store.revisions(), checksums.revisions)
}

type Facts = Readonly<Record<string, string | number>>

function compareEach(what: string, found: Facts, wanted: Facts): void {
  for (const name of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
    compare(`${what} ${name}`, found[name], wanted[name])
  }
}

function compare(what: string, found: string | number | undefined, wanted: string | number | undefined): void {
  if (found === wanted) return
  throw new StartupError(
    `The backup is damaged: the ${what} is ${found ?? 'missing'}, and should be ${wanted ?? 'missing'}.`,
  )
}
