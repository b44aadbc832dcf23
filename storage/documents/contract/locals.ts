/** `_local` documents: kept beside the documents, never counted, listed or replicated. */
import type { DatabaseRef } from '../../../src/model/database.ts'
import type { IdRange } from './reading.ts'

/** A `_local` document: kept beside the documents, never counted, listed or replicated. */
export interface LocalDocument {
  /** With `_local/` in front. */
  readonly id: string
  /** The N of its revision `0-N`. */
  readonly n: number
  /** A JSON object without `_id` and `_rev`. */
  readonly text: string
}

export interface LocalEdit {
  readonly id: string
  /** The N that the client read; any is accepted, as CouchDB does. */
  readonly n?: number | undefined
  /** `undefined`: delete it. */
  readonly text: string | undefined
}

export type LocalOutcome =
  /** `n` is 0 after a deletion, else one more than the edit's, or 1. */
  | { readonly kind: 'ok'; readonly n: number }
  /** Nothing to delete. */
  | { readonly kind: 'missing' }

export interface LocalStore {
  /** Writes or deletes a local document, after commit. The last of several writers wins. */
  writeLocal(ref: DatabaseRef, edit: LocalEdit): Promise<LocalOutcome>
  readLocal(ref: DatabaseRef, id: string): Promise<LocalDocument | undefined>
  /** Local documents by id, in no particular order; ids that do not exist are left out. */
  readLocals(ref: DatabaseRef, ids: readonly string[]): Promise<readonly LocalDocument[]>
  /** Local documents by id in byte order: one page. `text` is `{}` unless `bodies`. */
  scanLocals(ref: DatabaseRef, range: Omit<IdRange, 'designs'>): Promise<readonly LocalDocument[]>
}
