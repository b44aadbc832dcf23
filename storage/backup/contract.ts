/** What backup and restore ask of the place that keeps documents. */
import type { ObjectStore } from '../objects/contract.ts'

export interface TableContents {
  readonly name: string
  readonly columns: string[]
  readonly rows: number
}

/** A database. Its numbers are bigints, as text. */
export interface DatabaseContents {
  readonly db: string
  readonly prefix: string
  readonly name: string
  readonly update_seq: string
  readonly doc_count: string
  readonly deleted_count: string
}

/** What a store holds, as the manifest says it. */
export interface StoreContents {
  /** Version of the PostgreSQL that the data came from. */
  readonly postgres: string
  /** Version of the tables' schema. */
  readonly schema: number
  /** The highest number that a database ever had, a bigint: numbers are never used twice. */
  readonly last_database: string
  readonly tables: TableContents[]
  readonly databases: DatabaseContents[]
}

/** For each table of revisions a sum over (database, id, generation, hash) that does not depend on their order. */
export type RevisionSums = Record<string, string>

/** One consistent snapshot of a store: what is written in the meantime is not part of it. */
export interface StoreSnapshot {
  readonly contents: StoreContents
  revisions(): Promise<RevisionSums>
  /** The rows of one table in COPY text format, in chunks of any size. Read one table at a time. */
  read(table: TableContents): AsyncIterable<Uint8Array>
}

/** An empty store that is being filled; others see nothing of it until it is complete. */
export interface StoreFilling {
  /** Puts rows into a table, from chunks of any size in COPY text format. */
  load(table: TableContents, data: AsyncIterable<Uint8Array>): Promise<void>
  /** What has been loaded. */
  contents(): Promise<StoreContents>
  revisions(): Promise<RevisionSums>
}

/** The objects of a store that is saved. Nothing that the snapshot refers to is deleted meanwhile. */
export type SavedObjects = Pick<ObjectStore, 'list' | 'get'>

/** An object store that is filled. */
export type FilledObjects = Pick<ObjectStore, 'list' | 'put' | 'delete'>

/** Runs `work` with the object store, and closes it afterwards. */
export type FillObjects = <T>(work: (objects: FilledObjects) => Promise<T>) => Promise<T>

/**
 * Runs `work` with an empty store to fill, and keeps all of it when `work` resolves, nothing when it rejects.
 * @throws StartupError when the store is not empty.
 */
export type FillStore = <T>(lastDatabase: string, work: (store: StoreFilling) => Promise<T>) => Promise<T>
