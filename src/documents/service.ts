/**
 * The document engine as the faces see it: neutral outcomes, no HTTP, no wording that only one face uses. `openDocuments`
 * in documents.ts implements it over a `DocumentStore`.
 *
 * A database that does not exist is `Problem('no_database')`, which each face words; bad input is a `Problem`, too.
 */
import type { Content, DatabaseRef, DatabaseStore, RevisionId } from '../../storage/documents/contract.ts'
import type { ByteRange } from '../../storage/objects/contract.ts'
import type { Upload } from '../attachments/contents.ts'
import type { Stub } from '../attachments/stubs.ts'
import type { Json, JsonObject } from '../model/json/value.ts'
import type { PreparedDocument } from './document.ts'
import type { PreparedLocal } from './local-document.ts'

/** A document ready to be sent: the JSON text with `_id`, `_rev`, `_deleted` and the members asked for. */
export interface RenderedDocument {
  readonly id: string
  readonly rev: string
  readonly deleted: boolean
  readonly text: string
}

/** Members that a read may add. All false gives the winner as it is. */
export interface ReadOptions {
  readonly rev?: RevisionId | undefined
  /** With `rev`: ignore it and give the winner, as CouchDB does. */
  readonly latest?: boolean
  readonly revs?: boolean
  readonly revsInfo?: boolean
  readonly conflicts?: boolean
  readonly deletedConflicts?: boolean
  readonly localSeq?: boolean
  /** Attachments with their content: the text has marks for `withContents`. */
  readonly attachments?: boolean
  /** Only of attachments that are newer than the newest of these that is an ancestor. */
  readonly attachmentsSince?: readonly RevisionId[] | undefined
  /** Written as `_type` right after `_rev`. */
  readonly type?: string
}

export type ReadOutcome =
  | { readonly kind: 'found'; readonly document: RenderedDocument }
  | { readonly kind: 'missing' }
  | { readonly kind: 'deleted' }

export type OpenRevision = { readonly ok: RenderedDocument } | { readonly missing: string }

export type WriteOutcome =
  /** `text` is the stored body where it differs from the one that was sent: with stubs of attachments. */
  | { readonly kind: 'ok'; readonly id: string; readonly rev: string; readonly text?: string }
  | { readonly kind: 'conflict'; readonly id: string }
  | { readonly kind: 'missing'; readonly id: string }
  | { readonly kind: 'deleted'; readonly id: string }
  | { readonly kind: 'forbidden'; readonly id: string; readonly reason: string }

/** For one document of many: the database may be dropped while they are written. */
export type BulkOutcome = WriteOutcome | { readonly kind: 'no_database'; readonly id: string }

export interface AttachmentPlace {
  readonly id: string
  readonly name: string
  /** The revision that the client read. */
  readonly rev?: RevisionId | undefined
}

export interface AttachmentRequest extends AttachmentPlace, Omit<Upload, 'name'> {
  readonly contentType: string
}

export type AttachmentRead =
  /** `document` is the one that has it. */
  | { readonly kind: 'found'; readonly document: RenderedDocument; readonly attachment: Stub }
  | { readonly kind: 'no_attachment'; readonly document: RenderedDocument }
  | { readonly kind: 'missing' }
  | { readonly kind: 'deleted' }

export type AttachmentOutcome =
  | WriteOutcome
  /** The document exists, but not this revision of it. */
  | { readonly kind: 'missing_revision'; readonly id: string }
  | { readonly kind: 'no_attachment'; readonly id: string }

/** `_local` documents have no tombstones. */
export type LocalRead = Exclude<ReadOutcome, { readonly kind: 'deleted' }>

/** `_local_docs`: CouchDB neither counts them nor says where a page lies. */
export type LocalsAnswer = Pick<AllDocsAnswer, 'updateSeq' | 'rows'>

/** The answer of `_revs_diff` for one document: the requested revisions that are missing, in the order asked. */
export interface RevisionsDiff {
  readonly id: string
  /** Never empty: a document that lacks nothing is left out. */
  readonly missing: readonly string[]
  /** Leaves here that are older than one of the missing: these may descend from them. */
  readonly possibleAncestors: readonly string[]
}

/** One line of a `_bulk_get`: revisions of a document, or why they cannot be looked for. */
export type BulkGetLine =
  | {
      readonly id: string
      readonly revs: 'all' | readonly RevisionId[]
      readonly attachmentsSince?: readonly RevisionId[] | undefined
    }
  | { readonly id: string | null; readonly refused: BulkGetFailure }

export interface BulkGetFailure {
  readonly id: string | null
  /** As asked; the text `undefined` when the document was asked for without one. */
  readonly rev: Json
  readonly error: string
  readonly reason: string
}

export interface BulkGetResult {
  readonly id: string | null
  readonly docs: readonly ({ readonly ok: RenderedDocument } | { readonly error: BulkGetFailure })[]
}

export interface WriteRequest {
  readonly id: string
  /** The revision read by the client. */
  readonly rev?: RevisionId | undefined
  readonly document: PreparedDocument
  /** A revision given for an unknown document: `accept` continues it (CouchDB face), `refuse` is `missing`. */
  readonly unknownParent: 'accept' | 'refuse'
}

export interface BulkOptions {
  /** Make the database when it does not exist. */
  readonly create: boolean
}

/** Bounds and options of `_all_docs`, already parsed. */
export interface AllDocsQuery {
  /** Rows for these keys in this order; excludes bounds. Non-string keys give a `not_found` row. */
  readonly keys?: readonly Json[] | undefined
  /** Where reading starts, in the requested direction: the high end when `descending`. */
  readonly start?: { readonly id: string; readonly inclusive: boolean } | undefined
  readonly end?: { readonly id: string; readonly inclusive: boolean } | undefined
  readonly descending: boolean
  readonly skip: number
  /** Absent: all. */
  readonly limit?: number | undefined
  readonly includeDocs: boolean
  /** With `includeDocs`: as in `ReadOptions`. */
  readonly attachments?: boolean
  readonly conflicts: boolean
  readonly designs: 'all' | 'none' | 'only'
}

/** One row as JSON text, ready to be joined by commas. */
export interface AllDocsAnswer {
  /** Live documents in the database (those of `designs` only when it is `only` or `none`). */
  readonly totalRows: number
  /** Rows before the first one; `null` for keys. */
  readonly offset: number | null
  readonly updateSeq: string
  /** Pages of rows; the next page is read when the previous one was taken, no connection is held in between. */
  readonly rows: AsyncIterable<readonly AllDocsRow[]>
}

export type AllDocsRow =
  | {
      readonly kind: 'found'
      readonly id: string
      readonly rev: string
      readonly document?: RenderedDocument | undefined
    }
  | { readonly kind: 'deleted'; readonly id: string; readonly rev: string }
  | { readonly kind: 'not_found'; readonly key: Json }

/** What `_changes` is asked for, already parsed. */
export interface ChangesQuery {
  /** `normal`: all present changes. `longpoll`: the same, but waits until the timeout if there are none. `continuous`: never ends. */
  readonly feed: 'normal' | 'longpoll' | 'continuous'
  /** As the client sent it: a sequence, a bare number, `now`; absent: the start. */
  readonly since?: string | undefined
  /** Absent: all. 0: none, with `pending` telling how many there are. */
  readonly limit?: number | undefined
  /** Latest first; `since` is ignored and the feed does not wait. */
  readonly descending: boolean
  readonly includeDocs: boolean
  /** With `includeDocs`: as in `ReadOptions`. */
  readonly attachments?: boolean
  readonly conflicts: boolean
  /** The winner only, or all leaves, the winner first and deleted ones too. */
  readonly style: 'main_only' | 'all_docs'
  readonly filter?: ChangesFilter | undefined
  /** Milliseconds of silence after which a heartbeat is due; with it a feed waits for ever. */
  readonly heartbeatMs?: number | undefined
  /** Milliseconds of silence after which a waiting feed ends. */
  readonly timeoutMs: number
}

export type ChangesFilter =
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  /** `fields`: what is kept of the documents that `includeDocs` adds. */
  | { readonly kind: 'selector'; readonly selector: Json; readonly fields?: Json | undefined }
  | { readonly kind: 'designs' }

/** One row as JSON text. */
export interface ChangesRow {
  readonly seq: string
  readonly text: string
}

export type ChangesEvent =
  /** Never empty. */
  | { readonly kind: 'rows'; readonly rows: readonly ChangesRow[] }
  | { readonly kind: 'heartbeat' }
  /** The last event. `pending`: how many rows follow, filtered or not. */
  | { readonly kind: 'end'; readonly lastSeq: string; readonly pending: number }

export interface FindAnswer {
  /** Documents as JSON text, projected when `fields` were asked. */
  readonly docs: readonly string[]
  /** `undefined`: no row was returned and the request had no bookmark (CouchDB says "nil"). `absent`: CouchDB sends no member at all. */
  readonly bookmark: string | undefined
  readonly bookmarkAbsent: boolean
  readonly warnings: readonly string[]
  readonly stats: Readonly<Record<string, number>>
}

export interface FindFace {
  /** Limit when the request has none. */
  readonly defaultLimit: number
  /** Refuse, before scanning, a query that only the primary index can serve (Problem `no_index`). */
  readonly refuseUnindexed: boolean
}

/** Databases as a whole: the engine adds nothing to what the store does. */
export type DatabaseService = Pick<DatabaseStore, 'listDatabases' | 'databaseInfo' | 'createDatabase' | 'dropDatabase'>

/** Documents one by one. */
export interface ReadService {
  read(ref: DatabaseRef, id: string, options?: ReadOptions): Promise<ReadOutcome>
  /** `missing` when `all` is asked of an unknown document; with a list every unknown revision is a `missing` row. */
  openRevisions(
    ref: DatabaseRef,
    id: string,
    revs: 'all' | readonly RevisionId[],
    options?: Pick<ReadOptions, 'revs' | 'latest' | 'attachments' | 'attachmentsSince' | 'type'>,
  ): Promise<readonly OpenRevision[] | 'missing'>
}

/** Edits, alone and in bulk, and revisions as replication brings them. */
export interface WriteService {
  write(ref: DatabaseRef, request: WriteRequest, options?: BulkOptions): Promise<WriteOutcome>
  /** An interactive DELETE: `missing`, `deleted` (even with a wrong revision), else `conflict` unless `rev` is a leaf. */
  remove(ref: DatabaseRef, id: string, rev: RevisionId | undefined): Promise<WriteOutcome>
  /** `_bulk_docs` with `new_edits` true. Documents without id get one. */
  bulk(ref: DatabaseRef, documents: readonly PreparedDocument[], options: BulkOptions): Promise<readonly BulkOutcome[]>
  /** `_bulk_docs` with `new_edits` false: only failures come back (normally none). */
  replicate(
    ref: DatabaseRef,
    documents: readonly PreparedDocument[],
    options: BulkOptions,
  ): Promise<readonly WriteOutcome[]>
  /** COPY: the winner or `rev` of `from` becomes a new revision of `to.id`. `missing`/`deleted` refer to the source. */
  copy(
    ref: DatabaseRef,
    from: { readonly id: string; readonly rev?: RevisionId | undefined },
    to: { readonly id: string; readonly rev?: RevisionId | undefined },
  ): Promise<WriteOutcome>
}

/** Attachments of documents. */
export interface AttachmentService {
  /** One attachment of the winner, or of a revision. */
  readAttachment(ref: DatabaseRef, id: string, name: string, rev?: RevisionId): Promise<AttachmentRead>
  /** Stores an attachment, in place of one with that name; without `rev` it begins a new document. */
  writeAttachment(ref: DatabaseRef, request: AttachmentRequest, options: BulkOptions): Promise<AttachmentOutcome>
  /** The document stays, as a new revision. */
  removeAttachment(ref: DatabaseRef, place: AttachmentPlace): Promise<AttachmentOutcome>
  /** Opens content by its digest and length; to be called while the document that names it is still kept. */
  openContent(ref: DatabaseRef, content: Content, range?: ByteRange): Promise<ReadableStream<Uint8Array> | undefined>
  /** Stores content for a document that is about to be written: it counts as `received` there. */
  receiveContent(ref: DatabaseRef, upload: Upload, options: BulkOptions): Promise<Content>
  /** Puts contents in the place of marks: for what was read with `attachments` or `attachmentsSince`. */
  withContents(ref: DatabaseRef, texts: AsyncIterable<string>): AsyncIterable<string>
}

/** `_local` documents. */
export interface LocalService {
  readLocal(ref: DatabaseRef, id: string): Promise<LocalRead>
  /** Puts a local document, or deletes it when it is prepared as deleted; `missing`: there is none to delete. */
  writeLocal(ref: DatabaseRef, local: PreparedLocal): Promise<WriteOutcome>
  /** `_local_docs`: bounds and keys hold whole ids. */
  listLocals(ref: DatabaseRef, query: AllDocsQuery): Promise<LocalsAnswer>
}

/** What replicators ask, and the compaction of what they have read. */
export interface ReplicationService {
  /** Which of the revisions are not known here. Ancestors without body are known. */
  revsDiff(ref: DatabaseRef, asked: ReadonlyMap<string, readonly RevisionId[]>): Promise<readonly RevisionsDiff[]>
  /** `_bulk_get`: one result a line, in the order asked; pages as in `AllDocsAnswer.rows`. */
  bulkGet(
    ref: DatabaseRef,
    lines: readonly BulkGetLine[],
    options?: Pick<ReadOptions, 'revs' | 'latest' | 'attachments'>,
  ): Promise<AsyncIterable<readonly BulkGetResult[]>>
  /** Drops the bodies of superseded revisions, and what was attached to them, at once. */
  compact(ref: DatabaseRef): Promise<void>
}

/** Documents in pages. */
export interface ListingService {
  allDocs(ref: DatabaseRef, query: AllDocsQuery): Promise<AllDocsAnswer>
}

/** The feed of changes. */
export interface FeedService {
  /**
   * Reads or follows the feed. Nothing is held in the store between two events, and everything ends when `signal` aborts
   * or the iterator is closed. Throws `bad_request` for a bad `since` or filter.
   */
  changes(ref: DatabaseRef, query: ChangesQuery, signal: AbortSignal): Promise<AsyncIterable<ChangesEvent>>
}

/** Queries and their indexes. */
export interface QueryService {
  find(ref: DatabaseRef, body: Json, face: FindFace): Promise<FindAnswer>
  explain(ref: DatabaseRef, body: Json, face: FindFace): Promise<JsonObject>
  /** Makes the database when `create` is set. */
  createIndex(
    ref: DatabaseRef,
    body: Json,
    options: BulkOptions,
  ): Promise<{ readonly result: 'created' | 'exists'; readonly id: string; readonly name: string }>
  /** Rows for GET `_index`, the primary one first. */
  listIndexes(ref: DatabaseRef): Promise<readonly JsonObject[]>
  /** False when there is no such index. */
  deleteIndex(ref: DatabaseRef, ddoc: string, name: string): Promise<boolean>
}

/** All of it. */
export interface Documents
  extends DatabaseService,
    ReadService,
    WriteService,
    AttachmentService,
    LocalService,
    ReplicationService,
    ListingService,
    FeedService,
    QueryService {}
