/** What backup and restore ask of the place that keeps documents. */
import type { ObjectStore } from '../../storage/objects/contract.ts'
import type { Checksums, Manifest, TableContents } from './format.ts'

/** What a store holds, as the manifest says it. */
export type StoreContents = Pick<Manifest, 'postgres' | 'schema' | 'last_database' | 'tables' | 'databases'>

/** One consistent cut of a store: whatever is written meanwhile is not in it. */
export interface StoreSnapshot {
  readonly contents: StoreContents
  revisions(): Promise<Checksums['revisions']>
  /** The rows of one table in COPY text format, in chunks of any size. Read one table at a time. */
  read(table: TableContents): AsyncIterable<Uint8Array>
}

/** An empty store that is being filled; nothing of it is seen by others before all of it is there. */
export interface StoreFilling {
  /** Puts rows into a table, from chunks of any size in COPY text format. */
  load(table: TableContents, data: AsyncIterable<Uint8Array>): Promise<void>
  /** What has been loaded. */
  contents(): Promise<StoreContents>
  revisions(): Promise<Checksums['revisions']>
}

/** The objects of a store that is saved. Nothing that the snapshot refers to is deleted meanwhile. */
export type SavedObjects = Pick<ObjectStore, 'list' | 'get'>

/** An object store that is filled. */
export type FilledObjects = Pick<ObjectStore, 'list' | 'put' | 'delete'>

/** Gives `work` the object store, and closes it afterwards. */
export type FillObjects = <T>(work: (objects: FilledObjects) => Promise<T>) => Promise<T>

/**
 * Gives `work` an empty store to fill, and keeps all of it when `work` resolves, nothing when it rejects.
 * @throws StartupError when the store is not empty.
 */
export type FillStore = <T>(lastDatabase: string, work: (store: StoreFilling) => Promise<T>) => Promise<T>
