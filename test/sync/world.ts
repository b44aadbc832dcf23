/** An engine of its own over a fresh database, with entries that a test makes: what the scenarios run on. */
import { randomUUID } from 'node:crypto'
import { lstatSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Log } from '../../src/log.ts'
import { newSecrets } from '../../src/secrets/secrets.ts'
import type { DriverKind } from '../../src/sync/drivers/contract.ts'
import { localStorage } from '../../src/sync/drivers/local/local-storage.ts'
import { Engine } from '../../src/sync/engine/engine.ts'
import type { Rule } from '../../src/sync/engine/rules.ts'
import { type Timing, usualTiming } from '../../src/sync/engine/timing.ts'
import { fileId } from '../../src/sync/names.ts'
import { newSeal } from '../../src/sync/seal.ts'
import { openPool } from '../../storage/postgres/connection.ts'
import { migrate } from '../../storage/postgres/migrate.ts'
import { openPostgresSync } from '../../storage/postgres/sync/store.ts'
import type { Lead, SyncStore } from '../../storage/sync/contract.ts'
import { sharedPostgres } from '../support/postgres.ts'

export const quickTiming: Timing = {
  ...usualTiming,
  settleMs: 40,
  hintMs: 10,
  quietMs: 150,
  longestQuietMs: 3_000,
  reopenMs: 100,
  longestRetryMs: 1_000,
  blockedMs: 2_000,
}

/** A folder that tests write as people do. */
export class Folder {
  constructor(readonly root: string) {}

  /** A new file appears whole, so that tests can count its versions; one that exists is written in place. */
  async write(name: string, content: string | Uint8Array): Promise<void> {
    const path = join(this.root, name)
    await mkdir(dirname(path), { recursive: true })
    const isNew = lstatSync(path, { throwIfNoEntry: false }) === undefined
    // A file cannot be moved in from another disk.
    if (isNew && statSync(dirname(path)).dev === statSync(dirname(this.root)).dev) return this.place(name, content)
    await writeFile(path, content)
  }

  /** The same in one step: nobody sees it empty, or half written. */
  async place(name: string, content: string | Uint8Array): Promise<void> {
    const path = join(this.root, name)
    const beside = `${this.root}-${randomUUID()}`
    await mkdir(dirname(path), { recursive: true })
    await writeFile(beside, content)
    await rename(beside, path)
  }

  read(name: string): Promise<string | undefined> {
    return readFile(join(this.root, name), 'utf8').catch(() => undefined)
  }

  remove(name: string): Promise<void> {
    return unlink(join(this.root, name))
  }

  async rename(from: string, to: string): Promise<void> {
    await mkdir(dirname(join(this.root, to)), { recursive: true })
    await rename(join(this.root, from), join(this.root, to))
  }

  /** Names and contents of all files but our own. */
  async all(): Promise<Record<string, string>> {
    const found: Record<string, string> = {}
    for (const one of await readdir(this.root, { recursive: true, withFileTypes: true })) {
      if (!one.isFile()) continue
      const path = join(one.parentPath, one.name)
      const name = path.slice(this.root.length + 1)
      if (name.startsWith('.hearth-sync/')) continue
      const content = await this.read(name)
      if (content !== undefined) found[name] = content
    }
    return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** Contents of the trash. */
  async trash(): Promise<string[]> {
    const names = await readdir(join(this.root, '.hearth-sync/trash')).catch(() => [])
    return Promise.all(names.map((name) => readFile(join(this.root, '.hearth-sync/trash', name), 'utf8')))
  }

  async stages(): Promise<string[]> {
    return readdir(join(this.root, '.hearth-sync/stage')).catch(() => [])
  }
}

export interface WorldOptions {
  /** Names of folders that are entries from the beginning. Default A and B. */
  readonly entries?: readonly string[]
  /** More options of entries, by name. */
  readonly options?: Readonly<Record<string, Record<string, unknown>>>
  /** Those of them that are folders only. */
  readonly apart?: readonly string[]
  /** Default: everything to all of them. */
  readonly rules?: readonly Rule[]
  readonly timing?: Partial<Timing>
  readonly kinds?: readonly DriverKind[]
  /** Folders below which entries may lie that were not named by the operator. */
  readonly roots?: readonly string[]
  /** Fill the folders before the engine sees them. */
  readonly before?: (folders: Record<string, Folder>) => Promise<void>
}

const quietLog: Log = {
  debug: () => {},
  info: () => {},
  warning: process.env['HEARTH_TEST_SYNC_LOG'] ? console.log : () => {},
  error: console.error,
} as unknown as Log

export class World {
  readonly folders: Record<string, Folder> = {}
  readonly #options: WorldOptions
  readonly #root = mkdtempSync(join(tmpdir(), 'hearth-sync-world-'))
  databaseUrl = ''
  /** What secrets are encrypted with when the engine starts. */
  key = new Uint8Array(32)
  store!: SyncStore
  engine!: Engine
  #lead: Lead | undefined

  constructor(options: WorldOptions) {
    this.#options = options
  }

  get entries(): readonly string[] {
    return this.#options.entries ?? ['A', 'B']
  }

  folder(name: string): Folder {
    const folder = this.folders[name]
    if (folder === undefined) throw new Error(`there is no folder ${name}`)
    return folder
  }

  async open(): Promise<this> {
    const postgres = await sharedPostgres()
    this.databaseUrl = await postgres.createDatabase()
    const sql = openPool({ target: this.databaseUrl, maxConnections: 1 })
    await migrate(sql)
    await sql.end()
    for (const name of this.entries) {
      const root = join(this.#root, name)
      await mkdir(root)
      this.folders[name] = new Folder(root)
    }
    await this.#options.before?.(this.folders)
    this.store = openPostgresSync({ target: this.databaseUrl })
    await this.startEngine()
    for (const name of this.entries)
      if (!this.#options.apart?.includes(name)) await this.create(name, undefined, this.#options.options?.[name])
    await this.rules(this.#options.rules ?? [{ match: { path: '/' }, sync: this.entries }])
    return this
  }

  async startEngine(timing: Partial<Timing> = {}): Promise<void> {
    const lead = await this.store.tryLead('test')
    if (lead === undefined) throw new Error('somebody else leads')
    this.#lead = lead
    const kinds = [localStorage, ...(this.#options.kinds ?? [])]
    this.engine = new Engine({
      store: this.store,
      epoch: lead.epoch,
      log: quietLog,
      timing: { ...quickTiming, ...this.#options.timing, ...timing },
      seal: newSeal(newSecrets(this.key)),
      machine: 'here',
      kinds: new Map(kinds.map((kind) => [kind.name, kind])),
      roots: this.#options.roots ?? [],
      ownFolders: [],
    })
    await this.engine.start()
  }

  async stopEngine(): Promise<void> {
    await this.engine.close()
    await this.#lead?.release()
  }

  async restart(): Promise<void> {
    await this.stopEngine()
    await this.startEngine()
  }

  async create(name: string, driver = 'local_storage', options: Record<string, unknown> = {}): Promise<void> {
    const given = driver === 'local_storage' ? { root: this.folder(name).root, ...options } : options
    await this.engine.run({ kind: 'create-entry', entry: { name, driver, options: given }, trusted: true })
  }

  async rules(rules: readonly Rule[], unsync?: 'release' | 'trash'): Promise<void> {
    await this.engine.run({ kind: 'put-rules', rules, unsync, ifMatch: undefined })
    await this.engine.run({ kind: 'reload-rules', dryRun: false })
  }

  stop(entry: string): Promise<unknown> {
    return this.engine.run({ kind: 'stop', entry })
  }

  start(entry: string): Promise<unknown> {
    return this.engine.run({ kind: 'start', entry })
  }

  async view(name: string) {
    return this.store.file(fileId(name))
  }

  /** Waits until a condition holds; fails with what it gave last. */
  async until(what: string, condition: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
    const deadline = Date.now() + timeoutMs
    while (!(await condition())) {
      if (Date.now() > deadline) {
        const files = await Promise.all(
          Object.entries(this.folders).map(async ([name, one]) => [name, Object.keys(await one.all())]),
        )
        const work = await this.store.work({ after: '', limit: 20 })
        const left = work.map(({ file, replica }) => [replica.entry, file.filename, file.live, replica.blocked])
        throw new Error(`never happened: ${what}\n${JSON.stringify(files)}\n${JSON.stringify(left)}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Waits until nothing is left to do or to look at, twice in a row. */
  async quiet(timeoutMs = 30_000): Promise<void> {
    let calm = 0
    await this.until(
      'quiet',
      async () => {
        const counts = await this.store.counts()
        const runs = (entry: string) =>
          this.engine.runner(entry).isWanted && this.engine.runner(entry).entry.held === ''
        const isBusy = counts.some(({ entry, waiting, blocked }) => runs(entry) && waiting > blocked)
        calm = !isBusy && (await this.engine.isQuiet()) ? calm + 1 : 0
        return calm > 8
      },
      timeoutMs,
    )
  }

  /** Every file is the same in these folders and the engine says so. */
  async isSame(...names: string[]): Promise<boolean> {
    const all = await Promise.all((names.length > 0 ? names : this.entries).map((name) => this.folder(name).all()))
    return all.every((one) => Bun.deepEquals(one, all[0]))
  }

  async ops(): Promise<string[]> {
    return (await this.store.journal(0, 100_000)).map(({ op }) => op)
  }

  async close(): Promise<void> {
    await this.stopEngine().catch(() => {})
    await this.store.close()
    rmSync(this.#root, { recursive: true, force: true })
  }
}

/** Runs a test in a world of its own. */
export async function inWorld(options: WorldOptions, work: (world: World) => Promise<void>): Promise<void> {
  const world = new World(options)
  try {
    await world.open()
    await work(world)
  } finally {
    await world.close()
  }
}
