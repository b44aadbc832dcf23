import { createHash } from 'node:crypto'
import type { FilledObjects, FillObjects, FillStore, StoreFilling } from '../../storage/backup/contract.ts'
import { StartupError } from '../model/startup-error.ts'
import { BackupArchive } from './archive.ts'
import { type Checksums, type Manifest, objectLine } from './format.ts'

export interface RestoreOptions {
  /** The version of the tables' schema that is made by `FillStore`. */
  readonly schema: number
  readonly fill: FillStore
  readonly fillObjects: FillObjects
}

/**
 * Reads a backup file into an empty store. Nothing remains unless it is complete and equals what was saved.
 * @throws StartupError saying what is wrong with the file, or that the store is not empty.
 */
export async function restoreBackup(
  gzipped: AsyncIterable<Uint8Array>,
  { schema, fill, fillObjects }: RestoreOptions,
): Promise<Manifest> {
  const archive = new BackupArchive(gzipped)
  try {
    const manifest = await archive.manifest()
    refuseOtherSchema(manifest.value, schema)
    await fill(manifest.value.last_database, async (store) => {
      const tables = await loadTables(archive, manifest.value, store)
      await fillObjects(async (objects) => {
        await refuseFilled(objects)
        const restored = new RestoredObjects(objects)
        try {
          const sum = await restored.load(archive)
          await proveAll(archive, store, manifest, tables, sum)
        } catch (error) {
          await restored.undo()
          throw error
        }
      })
    })
    return manifest.value
  } finally {
    await archive.close().catch(() => {})
  }
}

async function refuseFilled(objects: FilledObjects): Promise<void> {
  const { objects: found } = await objects.list('', { limit: 1 })
  if (found.length === 0) return
  throw new StartupError(
    'The object store is not empty, and restore overwrites nothing: give it an empty data directory ' +
      '(--data-dir) or an empty bucket or folder (HEARTH_OBJECTS_URL).',
  )
}

/** Objects cannot be stored in one transaction: they are counted, and removed when the restore fails. */
class RestoredObjects {
  #count = 0

  readonly #objects: FilledObjects

  constructor(objects: FilledObjects) {
    this.#objects = objects
  }

  async load(archive: BackupArchive): Promise<Checksums['objects']> {
    const hash = createHash('sha256')
    for await (const { name, size, contentType, body } of archive.objects()) {
      this.#count += 1
      const stat = await this.#objects.put(name, body, { size, contentType })
      hash.update(objectLine(stat))
    }
    return { count: this.#count, sha256: hash.digest('hex') }
  }

  /** The store was empty before, so everything in it came from here. */
  async undo(): Promise<void> {
    if (this.#count === 0) return
    for (;;) {
      const { objects, more } = await this.#objects.list('', { limit: 1_000 })
      await this.#objects.delete(objects.map(({ name }) => name))
      if (!more) return
    }
  }
}

async function proveAll(
  archive: BackupArchive,
  store: StoreFilling,
  manifest: { readonly value: Manifest; readonly sha256: string },
  tables: Checksums['tables'],
  objects: Checksums['objects'],
): Promise<void> {
  const checksums = await archive.checksums()
  compare('checksum of the manifest', manifest.sha256, checksums.manifest)
  compareEach('checksum of the data of', tables, checksums.tables)
  compare('number of objects', objects.count, checksums.objects.count)
  compare('checksum of the objects', objects.sha256, checksums.objects.sha256)
  await prove(store, manifest.value, checksums)
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

/** Counts and sums in the store must equal those that were saved. */
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
