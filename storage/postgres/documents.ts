/** The document store on PostgreSQL: composes the queues, scans and transactions of this folder into the contract. */

import { noDatabase } from '../../src/model/no-database.ts'
import type { AttemptStore } from '../attempts/contract.ts'
import type {
  BodyRewriter,
  DatabaseRef,
  DocumentRevision,
  DocumentStore,
  Edit,
  EveryTenant,
  IdRange,
  IndexCompiler,
  IndexScan,
  KeptBodies,
  LocalEdit,
  Replicated,
  RevisionId,
  RevisionTree,
  StoredDocument,
  TenantExchanger,
  TenantReader,
} from '../documents/contract.ts'
import { StaleIndexes } from '../documents/contract.ts'
import type { FileStore } from '../files/contract.ts'
import type { JobStore } from '../jobs/contract.ts'
import type { SyncStore } from '../sync/contract.ts'
import { newLedger } from './attachments.ts'
import { newAttemptStore, sweepAttempts } from './attempts.ts'
import { countChanges, readChanges } from './changes.ts'
import { Compactor, compactDatabase } from './compaction.ts'
import { type ConnectionOptions, connectionLimit, countConnections, guarded, openPool, reading } from './connection.ts'
import { DatabaseCache, type KnownDatabase } from './database-cache.ts'
import { createDatabase, databaseInfo, dropDatabases, dropTenant, listDatabases, sweepDropped } from './databases.ts'
import { exchangeTenant } from './exchange.ts'
import { newPostgresFiles } from './files/files.ts'
import { sweepSecrets } from './files/secrets.ts'
import { scanIndex } from './index-scan.ts'
import { IndexBuilder, keepIndex } from './indexes.ts'
import { newPostgresJobs } from './jobs/jobs.ts'
import { readLocal, readLocals, scanLocals, writeLocal } from './locals.ts'
import { migrate, refreshCollation } from './migrate.ts'
import { Notifications } from './notifications.ts'
import { documentOf, ReadQueue } from './read-queue.ts'
import { ReplicationQueue } from './replication-queue.ts'
import { rewriteBodies } from './rewrite.ts'
import { countIds, readEverywhere, readMany, scanIds } from './scans.ts'
import { openPostgresSync } from './sync/store.ts'
import { readTenant } from './tenant-snapshot.ts'
import { readRevisions, readTrees } from './trees.ts'
import { WriteQueue } from './write-queue.ts'

export interface PostgresDocumentsOptions extends ConnectionOptions {
  readonly compiler: IndexCompiler
  /** False when no other process writes to this PostgreSQL: then no notifications are sent. Default true. */
  readonly shared?: boolean
  /** False when no other process runs jobs of this PostgreSQL. Default as `shared`. */
  readonly sharedJobs?: boolean
  /** Milliseconds between sweeps of what was dropped; 0 turns them off. */
  readonly sweepEveryMs?: number
  /** Milliseconds between walks that drop superseded bodies; 0 turns them off. */
  readonly compactEveryMs?: number
  readonly log?: (event: string, detail?: Record<string, unknown>) => void
}

/** Documents, and the files and jobs made of them. */
export interface PostgresStore extends DocumentStore, BodyRewriter, EveryTenant, TenantReader, TenantExchanger {
  readonly files: FileStore
  readonly sync: SyncStore
  readonly jobs: JobStore
  readonly attempts: AttemptStore
  /** Connections of all processes of this server, by state. */
  connections(): Promise<Readonly<Record<string, number>>>
  /** Connections that PostgreSQL allows all its clients together. */
  connectionLimit(): Promise<number>
}

/**
 * Connects, brings the schema up to date and gives the store.
 * @throws StartupError when the server cannot serve as a document store.
 */
export async function openPostgresDocuments(options: PostgresDocumentsOptions): Promise<PostgresStore> {
  const sql = openPool(options)
  const log = options.log ?? (() => {})
  try {
    await migrate(sql)
    if (await refreshCollation(sql)) log('indexes rebuilt for another version of ICU')
  } catch (error) {
    await sql.end({ timeout: 1 })
    throw error
  }
  const databases = new DatabaseCache(sql, options.compiler)
  const builder = new IndexBuilder(sql, databases)
  const reads = new ReadQueue(sql)
  const replications = new ReplicationQueue(sql, databases)
  const notifications = new Notifications({ target: options.target, sql, shared: options.shared ?? true })
  const writes = new WriteQueue(sql, databases, (ref) => notifications.changed(ref))
  const sweeps = startSweeps(
    options.sweepEveryMs ?? 5_000,
    async (signal) => {
      await builder.sweep(signal)
      await sweepDropped(sql, signal)
      await sweepSecrets(sql)
      await sweepAttempts(sql)
    },
    log,
  )
  const compactor = new Compactor(sql)
  const compactions = startSweeps(options.compactEveryMs ?? 3_600_000, (signal) => compactor.run(signal), log)

  /**
   * Runs a read with the database's number. An empty answer may mean that another process dropped the database and made
   * it again: then the number is looked up once more. Throws `no_database`.
   */
  async function inDatabase<T>(
    ref: DatabaseRef,
    work: (db: string) => Promise<T>,
    isEmpty: (found: T) => boolean,
  ): Promise<T> {
    const known = databases.peek(ref)
    const found = known && (await work(known.db))
    if (found !== undefined && !isEmpty(found)) return found
    const current = await loaded(ref)
    return found !== undefined && current.db === known?.db ? found : work(current.db)
  }

  /** The same where a database that was dropped shows as `undefined`. */
  async function pageIn<T>(ref: DatabaseRef, work: (db: string) => Promise<T | undefined>): Promise<T> {
    const page = await inDatabase(ref, work, (found) => found === undefined)
    if (page === undefined) throw noDatabase()
    return page
  }

  function rowsIn<T>(ref: DatabaseRef, work: (db: string) => Promise<readonly T[]>): Promise<readonly T[]> {
    return inDatabase(ref, work, (rows) => rows.length === 0)
  }

  function treesIn(
    ref: DatabaseRef,
    ids: readonly string[],
    documents = false,
  ): Promise<ReadonlyMap<string, RevisionTree>> {
    return inDatabase(
      ref,
      (db) => readTrees(sql, db, ids, documents),
      ({ size }) => size === 0,
    )
  }

  function revisionsIn(
    ref: DatabaseRef,
    revisions: readonly DocumentRevision[],
  ): Promise<readonly (StoredDocument | undefined)[]> {
    return inDatabase(
      ref,
      (db) => readRevisions(sql, db, revisions),
      (rows) => rows.every((row) => row === undefined),
    )
  }

  async function loaded(ref: DatabaseRef): Promise<KnownDatabase> {
    const known = await databases.load(ref)
    if (!known) throw noDatabase()
    return known
  }

  return {
    sync: openPostgresSync({ target: options.target, notifications }),
    files: newPostgresFiles({ sql, databases, notifications, maxConnections: options.maxConnections }),
    jobs: newPostgresJobs({
      sql,
      databases,
      changed: (ref) => notifications.changed(ref),
      watch: (ref, listener) => notifications.watchUncounted(ref, listener),
      shared: options.sharedJobs ?? options.shared ?? true,
    }),
    attempts: newAttemptStore(sql),
    connections: () => guarded(() => countConnections(sql)),
    connectionLimit: () => guarded(() => connectionLimit(sql)),
    readEverywhere: (name, id) => guarded(() => readEverywhere(sql, name, id)),
    readTenant: (prefix, work) => guarded(() => readTenant(sql, prefix, work)),
    exchangeTenant: (exchange) =>
      guarded(async () => {
        const names = await exchangeTenant(sql, exchange)
        for (const name of names) {
          databases.forget({ prefix: exchange.from, name })
          databases.forget({ prefix: exchange.to, name })
          notifications.changed({ prefix: exchange.to, name })
        }
      }),
    rewriteBodies: (name, rewrite) => guarded(() => rewriteBodies(sql, name, rewrite)),

    createDatabase: (ref) => guarded(() => createDatabase(sql, ref)),
    databaseInfo: (ref) => reading(() => databaseInfo(sql, ref)),
    listDatabases: (prefix) => reading(() => listDatabases(sql, prefix)),
    dropDatabase: (ref) =>
      guarded(async () => {
        const count = await dropDatabases(sql, ref.prefix, ref.name)
        databases.forget(ref)
        notifications.changed(ref)
        if (count === 0) throw noDatabase()
      }),
    dropPrefix: (prefix) => guarded(() => dropTenant(sql, prefix)),
    setRevsLimit: (ref, limit) =>
      guarded(async () => {
        const rows = await sql`UPDATE databases SET revs_limit = ${limit}
          WHERE prefix = ${ref.prefix} AND name = ${ref.name} RETURNING db`
        if (rows.length === 0) throw noDatabase()
      }),

    async write(edits: readonly Edit[], { atomic = false } = {}) {
      const outcomes = await writes.write(edits, atomic)
      notifications.committed(edits, outcomes)
      return outcomes
    },
    replicate: (ref: DatabaseRef, revisions: readonly Replicated[]) =>
      replications.write(ref, revisions).finally(() => notifications.changed(ref)),

    async read(ref: DatabaseRef, id: string) {
      const known = databases.peek(ref) ?? (await reading(() => loaded(ref)))
      if (id.includes('\u0000')) return undefined
      const row = await reads.read(known.db, id)
      if (row) return documentOf(id, row)
      const again = await reading(() => loaded(ref))
      const second = await reads.read(again.db, id)
      if (!second) throw noDatabase()
      return documentOf(id, second)
    },
    readRevision: (ref: DatabaseRef, id: string, rev: RevisionId) =>
      reading(async () => (await revisionsIn(ref, [{ ...rev, id }]))[0]),
    readRevisions: (ref: DatabaseRef, revisions: readonly DocumentRevision[]) =>
      reading(() => revisionsIn(ref, revisions)),
    readTree: (ref: DatabaseRef, id: string) => reading(async () => (await treesIn(ref, [id])).get(id)),
    readTrees: (ref: DatabaseRef, ids: readonly string[], { documents = false } = {}) =>
      reading(() => treesIn(ref, ids, documents)),
    readMany: (ref: DatabaseRef, ids: readonly string[], bodies: boolean) =>
      reading(() => rowsIn(ref, (db) => readMany(sql, db, ids, bodies))),
    scanIds: (ref: DatabaseRef, range: IdRange) => reading(() => rowsIn(ref, (db) => scanIds(sql, db, range))),
    countIds: (ref: DatabaseRef, range) =>
      reading(() =>
        inDatabase(
          ref,
          (db) => countIds(sql, db, range),
          (count) => count === 0,
        ),
      ),

    indexes: (ref: DatabaseRef, { fresh = false } = {}) =>
      reading(async () => {
        const known = fresh ? undefined : databases.peek(ref)
        return builder.list(known ?? (await loaded(ref)))
      }),
    keepIndex: (ref, view) =>
      guarded(async () => {
        await keepIndex(sql, ref, view)
        await loaded(ref)
      }),
    scanIndex: (ref: DatabaseRef, scan: IndexScan) =>
      reading(async () => {
        const known = await databases.find(ref)
        const index = known?.indexes.find((one) => one.indexId === scan.indexId)
        if (!known || !index) throw new StaleIndexes()
        return scanIndex(sql, known.db, index.columns, scan)
      }),

    writeLocal: (ref: DatabaseRef, edit: LocalEdit) => guarded(() => writeLocal(sql, ref, edit)),
    readLocal: (ref: DatabaseRef, id: string) => reading(() => readLocal(sql, ref, id)),
    readLocals: (ref: DatabaseRef, ids: readonly string[]) =>
      reading(() => rowsIn(ref, (db) => readLocals(sql, db, ids))),
    scanLocals: (ref: DatabaseRef, range: Omit<IdRange, 'designs'>) =>
      reading(() => rowsIn(ref, (db) => scanLocals(sql, db, range))),

    attachments: newLedger(sql),

    compact: (ref: DatabaseRef, keep?: KeptBodies) => guarded(() => compactDatabase(sql, ref, keep)),

    changes: (ref: DatabaseRef, range) => reading(() => pageIn(ref, (db) => readChanges(sql, db, range))),
    countChanges: (ref: DatabaseRef, range) => reading(() => pageIn(ref, (db) => countChanges(sql, db, range))),
    watch: (ref: DatabaseRef, listener, onCommit) => notifications.watch(ref, listener, onCommit),
    watching: () => notifications.size,
    follow: (follower) => notifications.follow(follower),
    broadcast: (ref: DatabaseRef, text: string) => guarded(() => notifications.broadcast(ref, text)),
    onBroadcast: (listener) => notifications.onBroadcast(listener),

    ping: () =>
      reading(async () => {
        await sql`SELECT 1`
      }),
    async close() {
      await sweeps.stop()
      await notifications.close()
      await compactions.stop()
      await sql.end({ timeout: 5 })
    },
  }
}

interface Sweeps {
  /** Waits for the statement that is under way, not for the rest of the sweep: the next start continues it. */
  stop(): Promise<void>
}

function startSweeps(
  everyMs: number,
  work: (signal: AbortSignal) => Promise<void>,
  log: (event: string, detail?: Record<string, unknown>) => void,
): Sweeps {
  if (everyMs === 0) return { stop: async () => {} }
  const ending = new AbortController()
  let running: Promise<void> = Promise.resolve()
  let busy = false
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    running = work(ending.signal)
      .catch((error: unknown) => log('sweep failed', { error: String(error) }))
      .finally(() => {
        busy = false
      })
  }, everyMs)
  timer.unref()
  return {
    async stop() {
      clearInterval(timer)
      ending.abort()
      await running
    },
  }
}
