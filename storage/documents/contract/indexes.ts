/** Indexes, and the compiler that tells a store which entries a document has. */
import type { DatabaseRef } from '../../../src/model/database.ts'
import type { Json } from '../../../src/model/json/value.ts'
import type { StoredDocument } from './reading.ts'

/** One column of an index entry: `k` is the order-preserving key in hex, `s` the string under ICU order. */
export interface KeyPart {
  readonly k: string
  readonly s: string
}

/** The position of a row in an index: all columns, then the id. */
export interface IndexPosition {
  readonly parts: readonly KeyPart[]
  readonly id: string
}

export interface Bound {
  readonly part: KeyPart
  readonly inclusive: boolean
}

/** Rows whose leading columns equal `equal`, the next one lying between `low` and `high` (open where absent). */
export interface KeyRange {
  readonly equal: readonly KeyPart[]
  readonly low?: Bound | undefined
  readonly high?: Bound | undefined
}

export interface IndexScan {
  readonly indexId: number
  /** `IndexList.epoch` that the scan was planned with; a scan under another one throws `StaleIndexes`. */
  readonly epoch: number
  readonly range: KeyRange
  readonly descending: boolean
  /** Rows strictly after this position in the direction of the scan. */
  readonly after?: IndexPosition | undefined
  readonly limit: number
  /** Read no document whose keys tell its values exactly (`CompiledIndex.isExact`): its row comes without `document`. */
  readonly keysOnly?: boolean
}

export interface IndexRow extends IndexPosition {
  /** Absent only where the scan asks for keys. */
  readonly document?: StoredDocument
}

/** A view of a design document with `language: "query"`; views with equal definitions share one `indexId`. */
export interface IndexView {
  readonly ddoc: string
  readonly name: string
  readonly indexId: number
  /** The definition as `IndexCompiler.definitions` gave it. */
  readonly definition: string
  readonly ready: boolean
  /** The server's own: its entries may be kept at one time and computed at another. */
  readonly own?: boolean
}

/** The indexes changed since the list was read: read it again with `fresh` and plan again. */
export class StaleIndexes extends Error {
  override readonly name = 'StaleIndexes'
}

export interface IndexList {
  /** Grows whenever an index is made or dropped. */
  readonly epoch: number
  readonly views: readonly IndexView[]
}

export interface CompiledIndex {
  /** How many key columns the index has, 1 to 8. */
  readonly columns: number
  /** The key columns of a document; `undefined` when the index does not hold it. `document` has `_id` and `_rev`. */
  keys(document: Json): readonly KeyPart[] | undefined
  /** Whether keys tell values as the text of the body has them: no array, no object, no `1.0`, no U+0000. */
  isExact(parts: readonly KeyPart[], text: string): boolean
}

/** Makes entries of documents; given to the adapter by the composition root, so that the adapter knows no selectors. */
export interface IndexCompiler {
  /** The definitions in a design document's body, in the order of its views; none when it is not `language: "query"`. */
  definitions(body: Json): readonly { readonly name: string; readonly definition: string }[]
  compile(definition: string): CompiledIndex
}

export interface IndexReader {
  /**
   * Indexes of a database; waits for those that are still being built. The list may be as old as the last write or scan of
   * this process unless `fresh` is set.
   */
  indexes(ref: DatabaseRef, options?: { readonly fresh?: boolean }): Promise<IndexList>
  /** One page of an index, in its order: columns under ICU, ties by id in bytes. One snapshot with the bodies. */
  scanIndex(ref: DatabaseRef, scan: IndexScan): Promise<readonly IndexRow[]>
  /** Keeps entries for an index that no stored design document names, from now on. `indexes` lists it then. */
  keepIndex(ref: DatabaseRef, view: Pick<IndexView, 'ddoc' | 'name' | 'definition'>): Promise<void>
}
