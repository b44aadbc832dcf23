/**
 * What the document engine asks of the place that keeps documents. The comments state the guarantees that every
 * adapter must give; `test/conformance/documents.ts` proves them. Adapters know revisions and index entries, but
 * neither HTTP, permissions nor selectors.
 */
import type { Body } from '../../src/model/body.ts'
import type { DatabaseRef } from '../../src/model/database.ts'
import type { Json } from '../../src/model/json/value.ts'
import type { RevisionId } from '../../src/model/revision.ts'
import type { RevisionNode } from '../../src/model/revision-tree.ts'

export type { Body, DatabaseRef, RevisionId, RevisionNode }

export interface DatabaseInfo {
  readonly ref: DatabaseRef
  /** Changes when a database is dropped and made again, and by a restore; part of every sequence a client sees. */
  readonly epoch: string
  readonly updateSeq: bigint
  /** Documents whose winner is not deleted, design documents included. */
  readonly docCount: number
  /** Documents whose winner is a tombstone. */
  readonly deletedCount: number
  /** Bytes of the bodies of winners as stored; an estimate. */
  readonly bytes: number
  readonly revsLimit: number
}

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

/** A revision to store as it came (`new_edits: false`). `path` is newest first; `path[0]` is the revision itself. */
export interface Replicated {
  readonly id: string
  readonly gen: number
  readonly path: readonly string[]
  readonly deleted: boolean
  readonly body: Body
}

/** A revision of one document, as replication asks for it. */
export interface DocumentRevision extends RevisionId {
  readonly id: string
}

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

export interface IdRange {
  readonly start?: { readonly id: string; readonly inclusive: boolean } | undefined
  readonly end?: { readonly id: string; readonly inclusive: boolean } | undefined
  readonly descending: boolean
  readonly skip: number
  readonly limit: number
  /** `none`: leave out ids that start with `_design/`; `only`: nothing but those. */
  readonly designs?: 'all' | 'none' | 'only'
  readonly bodies: boolean
}

/** Which superseded bodies `compact` leaves where they are; those of leaves always stay. */
export interface KeptBodies {
  /** Superseded no longer ago than this. */
  readonly youngerThanMs: number
  /** At most so many of each document, the newest ones. */
  readonly perDocument: number
}

/** A part of a database's feed: every document once, tombstones and design documents too, by its latest sequence. */
export interface ChangesRange {
  /** Rows strictly behind this sequence in the direction of reading; absent: from the start. */
  readonly after?: bigint | undefined
  /** From the latest sequence to the first. */
  readonly descending: boolean
  readonly limit: number
  /** `text` is `{}` unless set. */
  readonly bodies: boolean
  /** Only these documents, at most 1,000. */
  readonly ids?: readonly string[] | undefined
  /** With what each winner was made from: `ChangedDocument.parent`. */
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

/** Hears of all that one process writes. Called on the way of every write: it must be quick and never throw. */
export interface Follower {
  /** The database may have changed: it was written to or dropped. */
  changed(ref: DatabaseRef): void
  /** A revision made by `write`, before `write` resolves. */
  committed(ref: DatabaseRef, commit: Commit): void
}

/** Bytes of the longest text that `broadcast` takes. */
export const maxBroadcastBytes = 7_500

/** What the bytes of an attachment are known by: contents of one database that agree in both are one. */
export interface Content {
  /** md5 in base64. */
  readonly digest: string
  /** Bytes. */
  readonly length: number
}

/**
 * Which object of the object store holds which content of a database. Documents name contents in their member
 * `_attachments` (`digest` is `md5-` and the digest, `length` the length), and `compact` gives up those that no body
 * names any more. Who is about to name one takes a lease before, since its document is not there yet; who writes a child
 * of a revision that names it needs none.
 */
export interface AttachmentLedger {
  /** Enters an object that is about to be put: on disk when it resolves. Throws `no_database`. */
  lease(ref: DatabaseRef, object: string, forMs: number): Promise<void>
  /** Sets a new time for an object that is being put; 0 gives it up. False when it was given up before. */
  renew(ref: DatabaseRef, object: string, forMs: number): Promise<boolean>
  /**
   * The object is there and holds this content. Where another object already does, that one stays and this one is given
   * up. False when the object had been given up, or the database is gone: nothing may name the content then.
   */
  commit(ref: DatabaseRef, object: string, content: Content, forMs: number): Promise<boolean>
  /** Takes leases on contents. Says of each whether the database holds it. */
  hold(ref: DatabaseRef, contents: readonly Content[], forMs: number): Promise<readonly boolean[]>
  /** The object that holds a content; `undefined` when there is none. */
  find(ref: DatabaseRef, content: Content): Promise<string | undefined>
  /** The object is damaged or gone: it holds nothing, so that its content can be put anew. */
  disown(ref: DatabaseRef, object: string): Promise<void>
  /**
   * Lets `remove` delete objects that were given up, at most `limit`, and forgets them. When it rejects they stay given
   * up. Says how many there were.
   */
  sweep(limit: number, remove: (objects: readonly string[]) => Promise<void>): Promise<number>
}

/** A tenant's documents as they were at one moment. */
export interface TenantSnapshot {
  /** Databases in byte order of their names. */
  readonly names: readonly string[]
  /** Live winners without design documents, in byte order of their ids. Read one list to its end, then the next. */
  documents(name: string): AsyncIterable<StoredDocument>
}

export interface TenantReader {
  /** Runs `work` over one snapshot. It holds a connection: nothing in `work` may wait for a client. */
  readTenant<T>(prefix: string, work: (snapshot: TenantSnapshot) => Promise<T>): Promise<T>
}

/** How one tenant's databases take the place of another's. */
export interface TenantExchange {
  /** The tenant that has nothing afterwards. */
  readonly from: string
  readonly to: string
  /** Whether a database of `to` goes although `from` has none of its name; those of equal names go anyway. */
  readonly replaces: (name: string) => boolean
  /** Databases of `from` that get another name. */
  readonly renamed: ReadonlyMap<string, string>
  /** Objects of a file or version: those of `old` ones become rubbish, the leases of `new` ones end. */
  readonly objectsOf: (name: string, document: StoredDocument, age: 'old' | 'new') => readonly string[]
  /** A small value (see `SecretStore`) of `to` that is there from the exchange on. */
  readonly mark: {
    readonly kind: string
    readonly secret: string
    readonly value: string
    readonly forMs: number
  }
}

export interface TenantExchanger {
  /**
   * Exchanges databases in one transaction: whoever reads sees all of them as before or all as after. Usage of files and
   * times of triggers follow. @throws Problem `conflict` when `from` has no database, `store_unavailable` when a lease of a
   * new object has ended; nothing has changed then
   */
  exchangeTenant(exchange: TenantExchange): Promise<void>
}

/** The body to keep instead of `text`; `undefined` where it stays. Called again for what it changed, it must change nothing. */
export type Rewrite = (ref: DatabaseRef, id: string, text: string) => Pick<Body, 'text' | 'raw'> | undefined

/** Changes how members are kept: not what the documents are. */
export interface BodyRewriter {
  /**
   * Rewrites every stored body in all databases of this name, those of superseded revisions too. Revisions, sequences and
   * feeds stay as they are; indexes follow.
   */
  rewriteBodies(name: string, rewrite: Rewrite): Promise<void>
}

/** Reads that do not stop at one tenant, for the server's own administration. */
export interface EveryTenant {
  /** The live document with this id in each tenant's database of this name, in the order of the prefixes. */
  readEverywhere(name: string, id: string): Promise<readonly { readonly prefix: string; readonly text: string }[]>
}

export interface DatabaseStore {
  createDatabase(ref: DatabaseRef): Promise<'created' | 'exists'>
  databaseInfo(ref: DatabaseRef): Promise<DatabaseInfo>
  /** Names in byte order. */
  listDatabases(prefix: string): Promise<readonly string[]>
  /** Gone for readers and writers when the promise resolves; rows are swept later. */
  dropDatabase(ref: DatabaseRef): Promise<void>
  /** Drops every database of a tenant in one transaction; its objects become rubbish (see `ObjectLedger`). */
  dropPrefix(prefix: string): Promise<void>
  setRevsLimit(ref: DatabaseRef, limit: number): Promise<void>
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

/** Interactive edits, alone and in bulk, and revisions that replication brings. */
export interface DocumentWriter {
  /**
   * Applies edits, each on its own: an outcome for each, in order, after the commit is on disk. Edits of one call get
   * sequences in id order. An id twice in one call: the first edit is applied first.
   * Guarantee: commit order is sequence order; two edits with one parent give exactly one `conflict`.
   */
  write(edits: readonly Edit[], options?: { readonly atomic?: boolean }): Promise<readonly EditOutcome[]>

  /** Stores revisions as they came, grafting them on known trees. Idempotent: a known revision takes no sequence. */
  replicate(ref: DatabaseRef, revisions: readonly Replicated[]): Promise<void>
}

export interface IndexReader {
  /**
   * Indexes of a database; waits for those that are still being built. The list may be as old as the last write or scan of
   * this process unless `fresh` is set.
   */
  indexes(ref: DatabaseRef, options?: { readonly fresh?: boolean }): Promise<IndexList>
  /** One page of an index, in its order: columns under ICU, ties by id in bytes. One snapshot with the bodies. */
  scanIndex(ref: DatabaseRef, scan: IndexScan): Promise<readonly IndexRow[]>
}

export interface LocalStore {
  /** Writes or deletes a local document, after commit. The last of several writers wins. */
  writeLocal(ref: DatabaseRef, edit: LocalEdit): Promise<LocalOutcome>
  readLocal(ref: DatabaseRef, id: string): Promise<LocalDocument | undefined>
  /** Local documents by id, in no particular order; ids that do not exist are left out. */
  readLocals(ref: DatabaseRef, ids: readonly string[]): Promise<readonly LocalDocument[]>
  /** Local documents by id in byte order: one page. `text` is `{}` unless `bodies`. */
  scanLocals(ref: DatabaseRef, range: Omit<IdRange, 'designs'>): Promise<readonly LocalDocument[]>
}

/** The feed of changes, and what processes tell each other beside it. */
export interface Feed {
  /**
   * One page of the feed. Guarantee: commit order is sequence order, so that a reader who asks for what lies behind the
   * last sequence it saw misses nothing, whoever writes.
   */
  changes(ref: DatabaseRef, range: ChangesRange): Promise<ChangesPage>
  /** How many rows of the feed lie strictly behind a sequence, and `updateSeq` of the same snapshot. */
  countChanges(
    ref: DatabaseRef,
    range: Pick<ChangesRange, 'after' | 'descending'>,
  ): Promise<{ readonly count: number; readonly updateSeq: bigint }>
  /**
   * Calls `listener` soon after any process committed to the database or dropped it, at times also for nothing. Changes
   * close together are one call. Nothing is held in the store for it. Ends with the function returned.
   * `onCommit` gets every revision that this process made by `write`, as soon as that is known, before `write` resolves.
   */
  watch(ref: DatabaseRef, listener: () => void, onCommit?: (commit: Commit) => void): () => void
  /** How many listeners are registered in this process. */
  watching(): number
  /** Tells of everything that this process writes, whichever database it is in, until the function returned is called. */
  follow(follower: Follower): () => void

  /**
   * Hands a text to the listeners of every process on this store, this one included, at most once each; nothing of it is
   * kept, and who is not listening now never gets it. `ref` names whom it is about and need not exist.
   * Throws `too_large` above `maxBroadcastBytes` of UTF-8; neither name nor text holds U+0000 or a line end in `ref`.
   */
  broadcast(ref: DatabaseRef, text: string): Promise<void>
  /** Calls `listener` for every broadcast until the function returned is called. Those of other processes come soon after the call. */
  onBroadcast(listener: (ref: DatabaseRef, text: string) => void): () => void
}

/** Old bodies, and what was attached to documents. */
export interface Compaction {
  /**
   * Drops bodies of revisions that are no leaves, all of them unless `keep` says which stay; trees stay as they are.
   * Gives up the contents of attachments that no body names any more and nobody has a lease on.
   */
  compact(ref: DatabaseRef, keep?: KeptBodies): Promise<void>

  readonly attachments: AttachmentLedger
}

/**
 * All of it. Whatever is asked of a database that does not exist is `Problem('no_database')`; only `write` says it of each
 * edit. What is done all the same says so.
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
