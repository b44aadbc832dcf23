/** Composes the parts of the engine into the service that both faces use. */
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { Contents } from '../attachments/contents.ts'
import { readAttachment, removeAttachment, writeAttachment } from '../attachments/edits.ts'
import { withContents } from '../attachments/inline.ts'
import type { ObjectBody } from '../model/body.ts'
import { allDocs } from './all-docs.ts'
import { withBuiltinDesigns } from './builtin-listing.ts'
import { changesReader } from './changes.ts'
import { type FileTree, openComputedIndexes } from './computed-indexes.ts'
import { creating } from './creating.ts'
import { createIndex, deleteIndex, listIndexes } from './indexes.ts'
import { listLocals, readLocal, writeLocal } from './locals.ts'
import { openRevisions } from './open-revisions.ts'
import { explainFind, find } from './queries.ts'
import { readDocument } from './reading.ts'
import { bulkGet, revsDiff } from './replication.ts'
import type { Documents } from './service.ts'
import { copyDocument, removeDocument, replicateDocuments, writeBulk, writeDocument } from './writing.ts'

export interface DocumentsOptions {
  readonly store: DocumentStore
  /** Keeps attachments. */
  readonly objects: Pick<ObjectStore, 'put' | 'get' | 'stat'>
  /** Bytes of one attachment. Default 1 GiB. */
  readonly maxAttachmentBytes?: number
  /** How long the content of an attachment is kept without a document. Shorter in tests. */
  readonly attachmentLeaseMs?: number
  /** Called when content was discarded that an object store still holds. */
  readonly onCompacted?: () => Promise<void>
  /**
   * The body as it is kept: where parts of it are secret, an answer shows it as a reader would see it. The store must do
   * the same with bodies that arrive another way.
   */
  readonly seal?: (ref: DatabaseRef, id: string, body: ObjectBody) => ObjectBody
  /** Aborts when the server is about to stop: feeds that wait end then. */
  readonly stopping?: AbortSignal
  /** Finds files for the server's own indexes. Without it they are found among all documents. */
  readonly fileTree?: FileTree
}

/** Bytes of one attachment unless the settings say otherwise. */
const maxAttachment = 1024 ** 3

export function openDocuments({
  store,
  objects,
  maxAttachmentBytes = maxAttachment,
  attachmentLeaseMs,
  onCompacted,
  seal = (_ref, _id, body) => body,
  stopping,
  fileTree,
}: DocumentsOptions): Documents {
  const contents = new Contents({
    ledger: store.attachments,
    objects,
    maxBytes: maxAttachmentBytes,
    leaseMs: attachmentLeaseMs,
  })
  const stores = { store, contents }
  const listed = withBuiltinDesigns(store)
  const indexed = openComputedIndexes(store, fileTree)
  return {
    listDatabases: store.listDatabases,
    databaseInfo: listed.databaseInfo,
    createDatabase: store.createDatabase,
    dropDatabase: store.dropDatabase,

    read: (ref, id, options) => readDocument(store, ref, id, options),
    openRevisions: (ref, id, revs, options) => openRevisions(store, ref, id, revs, options),

    async write(ref, request, options) {
      const { document } = request
      const body = seal(ref, request.id, document.body)
      if (body === document.body) return writeDocument(stores, ref, request, options)
      const sealed = { ...request, document: { ...document, body } }
      const outcome = await writeDocument(stores, ref, sealed, options)
      return outcome.kind === 'ok' ? { text: body.text, ...outcome } : outcome
    },
    remove: (ref, id, rev) => removeDocument(store, ref, id, rev),
    bulk: (ref, documents, options) => writeBulk(stores, ref, documents, options),
    replicate: (ref, documents, options) => replicateDocuments(stores, ref, documents, options),
    copy: (ref, from, to) => copyDocument(stores, ref, from, to),

    readAttachment: (ref, id, name, rev) => readAttachment(store, ref, id, name, rev),
    writeAttachment: (ref, request, options) => writeAttachment(stores, ref, request, options),
    removeAttachment: (ref, place) => removeAttachment(stores, ref, place),
    openContent: (ref, content, range) => contents.open(ref, content, range),
    receiveContent(ref, upload, { create }) {
      // If there is no database, nothing of it has been read.
      return creating(store, ref, create, () => contents.put(ref, upload))
    },
    withContents: (ref, texts) =>
      withContents(texts, async (content) => {
        const bytes = await contents.open(ref, content)
        // The answer has begun: it is cut, and the client asks again.
        if (!bytes) throw new Error('an attachment was deleted while it was sent')
        return bytes
      }),

    readLocal: (ref, id) => readLocal(store, ref, id),
    writeLocal: (ref, local) => writeLocal(store, ref, local),
    listLocals: (ref, query) => listLocals(store, ref, query),

    revsDiff: (ref, asked) => revsDiff(store, ref, asked),
    bulkGet: (ref, lines, options) => bulkGet(store, ref, lines, options),
    async compact(ref) {
      await store.compact(ref)
      await onCompacted?.()
    },

    allDocs: (ref, query) => allDocs(listed, ref, query),

    changes: changesReader(store, stopping),

    find: (ref, body, face) => find(indexed, ref, body, face),
    explain: (ref, body, face) => explainFind(indexed, ref, body, face),
    createIndex: (ref, body, options) => createIndex(store, ref, body, options),
    listIndexes: (ref) => listIndexes(indexed, ref),
    deleteIndex: (ref, ddoc, name) => deleteIndex(store, ref, ddoc, name),
  }
}
