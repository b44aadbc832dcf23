/** Composes the parts of the engine into the service that both faces use. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { allDocs } from './all-docs.ts'
import { changesReader } from './changes.ts'
import { createIndex, deleteIndex, listIndexes } from './indexes.ts'
import { listLocals, readLocal, writeLocal } from './locals.ts'
import { openRevisions } from './open-revisions.ts'
import { explainFind, find } from './queries.ts'
import { readDocument } from './reading.ts'
import { bulkGet, revsDiff } from './replication.ts'
import { sequence } from './sequence.ts'
import type { Documents } from './service.ts'
import { copyDocument, removeDocument, replicateDocuments, writeBulk, writeDocument } from './writing.ts'

export interface DocumentsOptions {
  readonly store: DocumentStore
  /** Aborts when the server is about to stop: feeds that wait end then. */
  readonly stopping?: AbortSignal
}

export function openDocuments({ store, stopping }: DocumentsOptions): Documents {
  return {
    listDatabases: (prefix) => store.listDatabases(prefix),
    info: (ref) => store.databaseInfo(ref),
    sequence,
    createDatabase: (ref) => store.createDatabase(ref),
    dropDatabase: (ref) => store.dropDatabase(ref),

    read: (ref, id, options) => readDocument(store, ref, id, options),
    openRevisions: (ref, id, revs, options) => openRevisions(store, ref, id, revs, options),

    write: (ref, request, options) => writeDocument(store, ref, request, options),
    remove: (ref, id, rev) => removeDocument(store, ref, id, rev),
    bulk: (ref, documents, options) => writeBulk(store, ref, documents, options),
    replicate: (ref, documents, options) => replicateDocuments(store, ref, documents, options),
    copy: (ref, from, to) => copyDocument(store, ref, from, to),

    readLocal: (ref, id) => readLocal(store, ref, id),
    writeLocal: (ref, local) => writeLocal(store, ref, local),
    listLocals: (ref, query) => listLocals(store, ref, query),

    revsDiff: (ref, asked) => revsDiff(store, ref, asked),
    bulkGet: (ref, lines, options) => bulkGet(store, ref, lines, options),
    compact: (ref) => store.compact(ref),

    allDocs: (ref, query) => allDocs(store, ref, query),

    changes: changesReader(store, stopping),

    find: (ref, body, face) => find(store, ref, body, face),
    explain: (ref, body, face) => explainFind(store, ref, body, face),
    createIndex: (ref, body, options) => createIndex(store, ref, body, options),
    listIndexes: (ref) => listIndexes(store, ref),
    deleteIndex: (ref, ddoc, name) => deleteIndex(store, ref, ddoc, name),
  }
}
