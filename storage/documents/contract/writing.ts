/** Interactive edits, and revisions that replication brings. */
import type { Body } from '../../../src/model/body.ts'
import type { DatabaseRef } from '../../../src/model/database.ts'
import type { RevisionId } from '../../../src/model/revision.ts'

/** An interactive edit (`new_edits: true`). */
export interface Edit {
  readonly ref: DatabaseRef
  readonly id: string
  /** The revision that the client read; absent for a creation. */
  readonly parent?: RevisionId | undefined
  readonly deleted: boolean
  readonly body: Body
  /** What a parent given for a document that does not exist means: `accept` makes generation N+1. */
  readonly unknownParent: 'accept' | 'refuse'
  /** Refuse as `missing` or `deleted` when there is no live document (an interactive DELETE). */
  readonly mustExist?: boolean
}

export type EditOutcome =
  | { readonly kind: 'ok'; readonly rev: RevisionId; readonly seq: bigint }
  | { readonly kind: 'conflict' }
  /** `mustExist` or `unknownParent: 'refuse'`, and the document never existed. */
  | { readonly kind: 'missing' }
  /** The same, and the winner is a tombstone. */
  | { readonly kind: 'deleted' }
  | { readonly kind: 'no_database' }

/** A revision to store as received (`new_edits: false`). `path` is newest first; `path[0]` is the revision itself. */
export interface Replicated {
  readonly id: string
  readonly gen: number
  readonly path: readonly string[]
  readonly deleted: boolean
  readonly body: Body
}

/** Interactive edits, alone and in bulk, and revisions that replication brings. */
export interface DocumentWriter {
  /**
   * Applies edits, each on its own: an outcome for each, in order, after the commit is on disk. Edits of one call get
   * sequences in id order. An id twice in one call: the first edit is applied first.
   * Guarantee: commit order is sequence order; two edits with one parent give exactly one `conflict`.
   */
  write(edits: readonly Edit[], options?: { readonly atomic?: boolean }): Promise<readonly EditOutcome[]>

  /** Stores revisions as received, grafting them on known trees. Idempotent: a known revision takes no sequence. */
  replicate(ref: DatabaseRef, revisions: readonly Replicated[]): Promise<void>
}
