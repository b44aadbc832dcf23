/** The feed of changes, and what processes tell each other beside it. */
import type { DatabaseRef } from '../../../src/model/database.ts'
import type { RevisionId } from '../../../src/model/revision.ts'
import type { StoredDocument } from './reading.ts'

/** A part of a database's feed: every document once, tombstones and design documents too, by its latest sequence. */
export interface ChangesRange {
  /** Rows strictly after this sequence in the direction of reading; absent: from the start. */
  readonly after?: bigint | undefined
  /** From the latest sequence to the first. */
  readonly descending: boolean
  readonly limit: number
  /** `text` is `{}` unless set. */
  readonly bodies: boolean
  /** Only these documents, at most 1,000. */
  readonly ids?: readonly string[] | undefined
  /** Add the revision that each winner was made from: `ChangedDocument.parent`. */
  readonly parents?: boolean
}

/** A document of the feed. */
export interface ChangedDocument extends StoredDocument {
  /** The revision that the winner was made from; absent where none is known, or where it was not asked for. */
  readonly parent?: ParentRevision
}

export interface ParentRevision {
  readonly deleted: boolean
  /** The body of the parent of a tombstone, while it is kept. */
  readonly text?: string
}

/** One page of the feed; all of it is read in one snapshot. */
export interface ChangesPage {
  /** `DatabaseInfo.epoch` of the database that was read. */
  readonly epoch: string
  /** A page that is not full holds everything up to this sequence. */
  readonly updateSeq: bigint
  /** Rows of the whole feed. */
  readonly total: number
  /** In the order of the sequences, in the direction asked. */
  readonly rows: readonly ChangedDocument[]
}

/** A revision that was made by an interactive edit. */
export interface Commit extends RevisionId {
  readonly id: string
  readonly seq: bigint
  readonly deleted: boolean
  /** As written: the store may print the same members otherwise. */
  readonly text: string
  /** Absent for a creation. */
  readonly parent: RevisionId | undefined
}

/** Told of everything that one process writes. Called during every write: it must be quick and never throw. */
export interface Follower {
  /** The database may have changed: it was written to or dropped. */
  changed(ref: DatabaseRef): void
  /** A revision made by `write`, before `write` resolves. */
  committed(ref: DatabaseRef, commit: Commit): void
}

/** Bytes of the longest text that `broadcast` takes. */
export const maxBroadcastBytes = 7_500

/** The feed of changes, and what processes tell each other beside it. */
export interface Feed {
  /**
   * One page of the feed. Guarantee: commit order is sequence order, so that a reader who asks for what comes after the
   * last sequence it saw misses nothing, whoever writes.
   */
  changes(ref: DatabaseRef, range: ChangesRange): Promise<ChangesPage>
  /** How many rows of the feed come strictly after a sequence, and `updateSeq` of the same snapshot. */
  countChanges(
    ref: DatabaseRef,
    range: Pick<ChangesRange, 'after' | 'descending'>,
  ): Promise<{ readonly count: number; readonly updateSeq: bigint }>
  /**
   * Calls `listener` soon after any process committed to the database or dropped it, and sometimes without cause. Changes
   * close together are one call. The store holds nothing for it. Call the returned function to end it.
   * `onCommit` receives every revision that this process made with `write`, as soon as it is known and before `write` resolves.
   */
  watch(ref: DatabaseRef, listener: () => void, onCommit?: (commit: Commit) => void): () => void
  /** How many listeners are registered in this process. */
  watching(): number
  /** Reports everything that this process writes, in any database, until the returned function is called. */
  follow(follower: Follower): () => void

  /**
   * Delivers a text to the listeners of every process on this store, this one included, at most once each; it is not
   * stored, so whoever is not listening now never receives it. `ref` names the database it is about, which need not exist.
   * Throws `too_large` above `maxBroadcastBytes` of UTF-8; neither name nor text holds U+0000 or a line end in `ref`.
   */
  broadcast(ref: DatabaseRef, text: string): Promise<void>
  /** Calls `listener` for every broadcast until the returned function is called. Broadcasts of other processes arrive from shortly after the call. */
  onBroadcast(listener: (ref: DatabaseRef, text: string) => void): () => void
}
