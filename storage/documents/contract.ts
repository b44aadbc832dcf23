/**
 * What the document engine asks of the place that keeps documents. The comments state the guarantees that every
 * adapter must give; `test/conformance/documents.ts` proves them. Adapters know revisions and index entries, but
 * neither HTTP, permissions nor selectors.
 */
import type { Compaction } from './contract/attachments.ts'
import type { DatabaseStore } from './contract/databases.ts'
import type { Feed } from './contract/feed.ts'
import type { IndexReader } from './contract/indexes.ts'
import type { LocalStore } from './contract/locals.ts'
import type { DocumentReader } from './contract/reading.ts'
import type { DocumentWriter } from './contract/writing.ts'

export type { Body } from '../../src/model/body.ts'
export type { DatabaseRef } from '../../src/model/database.ts'
export type { RevisionId } from '../../src/model/revision.ts'
export type { RevisionNode } from '../../src/model/revision-tree.ts'
export * from './contract/attachments.ts'
export * from './contract/databases.ts'
export * from './contract/feed.ts'
export * from './contract/indexes.ts'
export * from './contract/locals.ts'
export * from './contract/reading.ts'
export * from './contract/tenants.ts'
export * from './contract/writing.ts'

/**
 * All of it. Whatever is asked of a database that does not exist is `Problem('no_database')`; only `write` says it of each
 * edit. Exceptions are marked.
 */
export interface DocumentStore
  extends DatabaseStore,
    DocumentReader,
    DocumentWriter,
    IndexReader,
    LocalStore,
    Feed,
    Compaction {
  /** Resolves when the store answers; rejects with `store_unavailable` otherwise. */
  ping(): Promise<void>
  close(): Promise<void>
}
