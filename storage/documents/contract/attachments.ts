/** Which objects hold the content of attachments, and the compaction that gives them up. */
import type { DatabaseRef } from '../../../src/model/database.ts'

/** Which superseded bodies `compact` leaves where they are; those of leaves always stay. */
export interface KeptBodies {
  /** Superseded no longer ago than this. */
  readonly youngerThanMs: number
  /** At most this many for each document, the newest ones. */
  readonly perDocument: number
}

/** What identifies the bytes of an attachment: within one database, equal digest and length mean the same content. */
export interface Content {
  /** md5 in base64. */
  readonly digest: string
  /** Bytes. */
  readonly length: number
}

/**
 * Which object of the object store holds which content of a database. Documents name contents in their member
 * `_attachments` (`digest` is `md5-` and the digest, `length` the length), and `compact` gives up those that no body
 * names any more. Whoever is about to name one takes a lease first, since the document does not exist yet; whoever writes a child
 * of a revision that names it needs none.
 */
export interface AttachmentLedger {
  /** Enters an object that is about to be put: on disk when it resolves. Throws `no_database`. */
  lease(ref: DatabaseRef, object: string, forMs: number): Promise<void>
  /** Sets a new expiry for an object that is being uploaded; 0 abandons it. False when it had already been abandoned. */
  renew(ref: DatabaseRef, object: string, forMs: number): Promise<boolean>
  /**
   * The object exists and holds this content. Where another object already does, that one stays and this one is given
   * up. False when the object had been given up, or the database is gone: nothing may name the content then.
   */
  commit(ref: DatabaseRef, object: string, content: Content, forMs: number): Promise<boolean>
  /** Takes leases on contents. Tells for each whether the database holds it. */
  hold(ref: DatabaseRef, contents: readonly Content[], forMs: number): Promise<readonly boolean[]>
  /** The object that holds content; `undefined` when there is none. */
  find(ref: DatabaseRef, content: Content): Promise<string | undefined>
  /** The object is damaged or gone: it holds nothing, so that its content can be uploaded again. */
  disown(ref: DatabaseRef, object: string): Promise<void>
  /**
   * Lets `remove` delete objects that were given up, at most `limit`, and forgets them. When it rejects they stay given
   * up. Resolves to how many there were.
   */
  sweep(limit: number, remove: (objects: readonly string[]) => Promise<void>): Promise<number>
}

/** Old bodies, and what was attached to documents. */
export interface Compaction {
  /**
   * Drops bodies of revisions that are not leaves, all of them unless `keep` says which stay; trees stay as they are.
   * Discards the contents of attachments that no body names any more and that are not leased.
   */
  compact(ref: DatabaseRef, keep?: KeptBodies): Promise<void>

  readonly attachments: AttachmentLedger
}
