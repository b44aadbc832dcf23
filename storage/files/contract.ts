/**
 * What the virtual file system asks of the place that keeps its documents, in addition to a `DocumentStore`: reads by
 * the shape of the tree, and changes of several documents at once. Files are documents of `io.cozy.files`, their
 * versions of `io.cozy.files.versions`; the adapter follows every write to the first, from wherever it came, with an
 * index of its own (directory and name, path, references), so that the index never disagrees with the documents.
 *
 * Documents come as `StoredDocument` (winners that are not deleted); what their members mean is known in `src/files`.
 */
import type { Body, RevisionId, StoredDocument } from '../documents/contract.ts'

export const filesDoctype = 'io.cozy.files'
export const versionsDoctype = 'io.cozy.files.versions'

/** The place of a child in its directory: directories first, then by name as people sort, then by id. */
export interface ChildPosition {
  readonly kind: 'directory' | 'file'
  readonly name: string
  readonly id: string
}

export interface ChildrenPage {
  readonly after?: ChildPosition | undefined
  readonly skip?: number
  readonly limit: number
  /** A child that is left out of pages and counts. */
  readonly except?: string | undefined
}

export interface ReferencesPage {
  readonly type: string
  readonly id: string
  /** By file id, or by the date in the metadata or else of creation. */
  readonly sort: 'id' | '-id' | 'datetime' | '-datetime'
  readonly after?: { readonly at: string; readonly id: string } | undefined
  readonly limit: number
}

/** Bytes; versions are counted apart from current contents, `trash` is a part of `files`. */
export interface Usage {
  readonly files: number
  readonly versions: number
}

/** Reads of one tenant's tree. Names and paths are compared code point by code point. */
export interface FilesReader {
  /** In no particular order; ids that do not exist are left out. */
  byIds(ids: readonly string[]): Promise<readonly StoredDocument[]>
  /** More than one only where the tree is damaged. */
  byName(dirId: string, name: string): Promise<readonly StoredDocument[]>
  /** Directories with this stored path; more than one only where the tree is damaged. */
  byPath(path: string): Promise<readonly StoredDocument[]>
  children(dirId: string, page: ChildrenPage): Promise<readonly StoredDocument[]>
  countChildren(dirId: string, except?: string): Promise<number>
  /** Ids of the directories above a node, nearest first; ends at the root, at a gap or at a cycle. */
  ancestors(id: string): Promise<readonly string[]>
  /**
   * Everything below a directory, in no particular order. `limit` bounds a page; `after` is the last id of the one
   * before. Cycles are walked once.
   */
  descendants(
    dirId: string,
    options: {
      readonly kind?: 'directory' | 'file'
      readonly after?: string | undefined
      readonly limit: number
    },
  ): Promise<readonly StoredDocument[]>
  /** Bytes of the files below a directory. */
  sizeBelow(dirId: string): Promise<number>
  /** Names in a directory that begin with `beginning`, to find one that is free. */
  namesLike(dirId: string, beginning: string): Promise<readonly string[]>
  /** Version documents of a file, the newest `updated_at` first. */
  versions(fileId: string): Promise<readonly StoredDocument[]>
  /** Those of many files, in no particular order. */
  versionsOf(fileIds: readonly string[]): Promise<readonly StoredDocument[]>
  /** Files and directories that are referenced by a document. */
  references(page: ReferencesPage): Promise<readonly (StoredDocument & { readonly at: string })[]>
  countReferences(type: string, id: string): Promise<number>
  /** A running total, kept in the transactions that change it. */
  usage(): Promise<Usage>
}

/** One document's change inside a transaction. */
export interface FileEdit {
  readonly doctype: typeof filesDoctype | typeof versionsDoctype
  readonly id: string
  /** Of the document as read in the same transaction; absent for a creation. */
  readonly parent?: RevisionId | undefined
  /** `undefined`: delete it. */
  readonly body: Body | undefined
}

/**
 * A transaction on one tenant's files: no other one runs on them, in any process, until it ends. It holds a connection,
 * so nothing in it may wait for a client or for an object store.
 */
export interface FilesTransaction extends FilesReader {
  /** The databases have just been created: the special directories do not exist yet. */
  readonly isNew: boolean
  /**
   * Applies edits all or none, with the running total. Gives the new revisions, in order.
   * @throws Problem `conflict` when a parent is not the winner.
   */
  write(edits: readonly FileEdit[]): Promise<readonly RevisionId[]>
  /** These objects are referenced from now on; the commit ends their leases (see `ObjectLedger`). */
  keep(objects: readonly string[]): Promise<void>
  /** These objects are no longer referenced: a sweep may delete them as soon as this is committed. */
  discard(objects: readonly string[]): Promise<void>
}

/**
 * Which objects are not referenced yet, or not any more. Bytes are uploaded before the document that names them is written, so a
 * crash leaves objects without an owner: each is entered here before its first byte, with a time after which it may be deleted.
 */
export interface ObjectLedger {
  /** Enters objects that are about to be put: on disk when it resolves. `forMs` counts from now by the database's clock. */
  lease(objects: readonly string[], forMs: number): Promise<void>
  /**
   * Sets a new expiry for those that are still entered; the others are left alone, since a commit removed them. With 0
   * they expire at once: the only correct way to abandon an object when it is not known whether a commit succeeded.
   * Never delete an object directly then, and never `lease` it again.
   */
  renew(objects: readonly string[], forMs: number): Promise<void>
  /**
   * Claims what is due, at most `limit` (only those of `objects` where given), so that no one else can use it, lets
   * `remove` delete the objects, and then forgets them. A name that ends in `/` stands for all objects that begin with
   * it: those of a tenant that was removed. When `remove` rejects they stay due. Resolves to how many there were.
   */
  sweep(
    options: { readonly limit: number; readonly objects?: readonly string[] },
    remove: (objects: readonly string[]) => Promise<void>,
  ): Promise<number>
  /** Which of these are entered, due or not: such an object without a document is not damage. */
  entered(objects: readonly string[]): Promise<ReadonlySet<string>>
}

/** Small values that are kept under a secret for a limited time: links, metadata of uploads to come. */
export interface SecretStore {
  /** Returns the secret: 32 characters of `[A-Za-z0-9]`. */
  put(prefix: string, kind: string, value: string, forMs: number): Promise<string>
  /** Keeps a value under a secret that the caller made, in place of what was there. At most 64 characters. */
  set(prefix: string, kind: string, secret: string, value: string, forMs: number): Promise<void>
  /** `undefined` when there is none, or it has expired. */
  get(prefix: string, kind: string, secret: string): Promise<string | undefined>
  /** The same, and forgets it: of several callers exactly one gets the value. */
  take(prefix: string, kind: string, secret: string): Promise<string | undefined>
}

/** While a tenant has a secret of this kind, its discarded objects are not deleted: an export still has to deliver them. */
export const objectHold = 'object hold'

export interface FileStore {
  /** Reads of a tenant's tree, each in a snapshot of its own. A tenant without files databases has nothing. */
  tree(prefix: string): FilesReader
  /** Whether the tenant has the databases that `change` makes at its first run. */
  exists(prefix: string): Promise<boolean>
  /**
   * Runs `work` in a transaction, after those requested earlier in this process; waiting ones may share a
   * commit. What it throws rolls back what it wrote and is rethrown. It may run more than once, so it must have no effect
   * outside the transaction. Resolves after the commit is on disk.
   */
  change<T>(prefix: string, work: (tx: FilesTransaction) => Promise<T>): Promise<T>
  readonly ledger: ObjectLedger
  readonly secrets: SecretStore
}
