/** Composes the parts of the engine into the service that both faces use. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { allDocs } from './all-docs.ts'
import { createIndex, deleteIndex, listIndexes } from './indexes.ts'
import { explainFind, find } from './queries.ts'
import { openRevisions, readDocument } from './reading.ts'
import { sequence } from './sequence.ts'
import type { Documents } from './service.ts'
import { copyDocument, removeDocument, replicateDocuments, writeBulk, writeDocument } from './writing.ts'

export function openDocuments({ store }: { readonly store: DocumentStore }): Documents {
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

    allDocs: (ref, query) => allDocs(store, ref, query),

    find: (ref, body, face) => find(store, ref, body, face),
    explain: (ref, body, face) => explainFind(store, ref, body, face),
    createIndex: (ref, body, options) => createIndex(store, ref, body, options),
    listIndexes: (ref) => listIndexes(store, ref),
    deleteIndex: (ref, ddoc, name) => deleteIndex(store, ref, ddoc, name),
  }
}
