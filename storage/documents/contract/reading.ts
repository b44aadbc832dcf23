/** Documents, one by one and in pages. */
import type { DatabaseRef } from '../../../src/model/database.ts'
import type { RevisionId } from '../../../src/model/revision.ts'
import type { RevisionNode } from '../../../src/model/revision-tree.ts'

/** A revision with its body. `text` is a JSON object without `_id`, `_rev` and `_deleted`. */
export interface StoredDocument extends RevisionId {
  readonly id: string
  readonly deleted: boolean
  readonly text: string
  /** Leaves of the document's tree; above 1 there may be conflicts. */
  readonly leaves: number
  readonly seq: bigint
}

/** The whole tree of one document, winner included. */
export interface RevisionTree {
  readonly id: string
  readonly seq: bigint
  readonly winner: RevisionId
  readonly nodes: readonly RevisionNode[]
  /** The winner with its body, where that was asked for. */
  readonly document?: StoredDocument
}

/** A revision of one document, as replication asks for it. */
export interface DocumentRevision extends RevisionId {
  readonly id: string
}

export interface IdRange {
  readonly start?: { readonly id: string; readonly inclusive: boolean } | undefined
  readonly end?: { readonly id: string; readonly inclusive: boolean } | undefined
  readonly descending: boolean
  readonly skip: number
  readonly limit: number
  /** `none`: leave out ids that start with `_design/`; `only`: nothing but those. */
  readonly designs?: 'all' | 'none' | 'only'
  readonly bodies: boolean
  /** Only documents with more than one leaf. */
  readonly forked?: boolean
}

/** Documents, one by one and in pages. */
export interface DocumentReader {
  /** The winner; `undefined` when the document does not exist. */
  read(ref: DatabaseRef, id: string): Promise<StoredDocument | undefined>
  /** One revision with its body; `undefined` when unknown or without body. */
  readRevision(ref: DatabaseRef, id: string, rev: RevisionId): Promise<StoredDocument | undefined>
  /** The same for many, in the order asked: one statement. */
  readRevisions(
    ref: DatabaseRef,
    revisions: readonly DocumentRevision[],
  ): Promise<readonly (StoredDocument | undefined)[]>
  /** `undefined` when the document does not exist. */
  readTree(ref: DatabaseRef, id: string): Promise<RevisionTree | undefined>
  readTrees(
    ref: DatabaseRef,
    ids: readonly string[],
    options?: { readonly documents?: boolean },
  ): Promise<ReadonlyMap<string, RevisionTree>>
  /** Winners by id (tombstones too), in no particular order; ids that do not exist are left out. */
  readMany(ref: DatabaseRef, ids: readonly string[], bodies: boolean): Promise<readonly StoredDocument[]>
  /** Live winners by id in byte order: one page. `text` is `{}` unless `bodies`. */
  scanIds(ref: DatabaseRef, range: IdRange): Promise<readonly StoredDocument[]>
  /** How many live winners lie in a range of ids (bounds and `designs` only). */
  countIds(ref: DatabaseRef, range: Pick<IdRange, 'start' | 'end' | 'designs'>): Promise<number>
}
