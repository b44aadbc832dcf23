/** `_all_docs` and its relatives: pages of live documents in byte order, or rows for a list of keys. */
import type { DatabaseRef, DocumentStore, IdRange, StoredDocument } from '../../storage/documents/contract.ts'
import type { Json } from '../model/json/value.ts'
import { formatRevision } from '../model/revision.ts'
import { conflicts } from '../model/revision-tree.ts'
import { firstPage, maxPage, nextPage } from './page-size.ts'
import { inlined, render } from './reading.ts'
import { formatSequence } from './sequence.ts'
import type { AllDocsAnswer, AllDocsQuery, AllDocsRow } from './service.ts'

type Store = Pick<DocumentStore, 'databaseInfo' | 'scanIds' | 'countIds' | 'readMany' | 'readTrees'>

export async function allDocs(store: Store, ref: DatabaseRef, query: AllDocsQuery): Promise<AllDocsAnswer> {
  const [info, designs, before] = await Promise.all([
    store.databaseInfo(ref),
    query.designs === 'all' ? 0 : store.countIds(ref, { designs: 'only' }),
    query.keys ? 0 : countBefore(store, ref, query),
  ])
  const totalRows =
    query.designs === 'all' ? info.docCount : query.designs === 'only' ? designs : info.docCount - designs
  const updateSeq = formatSequence(info)
  if (query.keys) return { totalRows, offset: null, updateSeq, rows: keyRows(store, ref, query, query.keys) }
  const offset = Math.min(totalRows, before + query.skip)
  return { totalRows, offset, updateSeq, rows: rangeRows(store, ref, query) }
}

/** Live documents before the first row. CouchDB counts those of every kind, even where it lists design documents only. */
async function countBefore(
  store: Store,
  ref: DatabaseRef,
  { start: asked, descending, designs }: AllDocsQuery,
): Promise<number> {
  const start = asked ?? (designs === 'only' && !descending ? { id: '_design/', inclusive: true } : undefined)
  if (!start) return 0
  const edge = { id: start.id, inclusive: !start.inclusive }
  return store.countIds(ref, descending ? { start: edge } : { end: edge })
}

async function* rangeRows(store: Store, ref: DatabaseRef, query: AllDocsQuery): AsyncGenerator<readonly AllDocsRow[]> {
  let { skip } = query
  let left = query.limit ?? Number.POSITIVE_INFINITY
  let from = query.start
  let page = query.includeDocs ? firstPage : maxPage
  while (left > 0) {
    const limit = Math.min(page, left)
    const range: IdRange = {
      ...(query.descending ? { start: query.end, end: from } : { start: from, end: query.end }),
      descending: query.descending,
      skip,
      limit,
      designs: query.designs,
      bodies: query.includeDocs,
    }
    const documents = await store.scanIds(ref, range)
    const last = documents.at(-1)
    if (!last) return
    yield await rowsOf(store, ref, query, documents)
    if (documents.length < limit) return
    skip = 0
    left -= documents.length
    from = { id: last.id, inclusive: false }
    if (query.includeDocs) page = nextPage(documents)
  }
}

async function rowsOf(
  store: Store,
  ref: DatabaseRef,
  query: AllDocsQuery,
  documents: readonly StoredDocument[],
): Promise<readonly AllDocsRow[]> {
  const losers = await losersOf(store, ref, query, documents)
  return documents.map((document) => row(query, document, losers?.get(document.id)))
}

async function losersOf(
  store: Store,
  ref: DatabaseRef,
  { includeDocs, conflicts: wanted }: AllDocsQuery,
  documents: readonly StoredDocument[],
): Promise<ReadonlyMap<string, readonly string[]> | undefined> {
  if (!includeDocs || !wanted) return undefined
  const ids = documents.filter((document) => document.leaves > 1).map((document) => document.id)
  if (ids.length === 0) return undefined
  const trees = await store.readTrees(ref, ids)
  return new Map([...trees].map(([id, tree]) => [id, conflicts(tree.nodes).map(formatRevision)]))
}

function row(
  { includeDocs, attachments = false }: AllDocsQuery,
  document: StoredDocument,
  losers: readonly string[] = [],
): AllDocsRow {
  const { id } = document
  const rev = formatRevision(document)
  if (document.deleted) return { kind: 'deleted', id, rev }
  if (!includeDocs) return { kind: 'found', id, rev }
  const extra = losers.length > 0 ? { extra: { _conflicts: losers } } : {}
  return { kind: 'found', id, rev, document: render(inlined(document, undefined, { attachments }), extra) }
}

async function* keyRows(
  store: Store,
  ref: DatabaseRef,
  query: AllDocsQuery,
  keys: readonly Json[],
): AsyncGenerator<readonly AllDocsRow[]> {
  const ordered = query.descending ? [...keys].reverse() : keys
  const end = query.limit === undefined ? undefined : query.skip + query.limit
  const wanted = ordered.slice(query.skip, end)
  let page = query.includeDocs ? firstPage : maxPage
  for (let at = 0; at < wanted.length; ) {
    const part = wanted.slice(at, at + page)
    at += part.length
    const ids = [...new Set(part.filter((key): key is string => typeof key === 'string'))]
    const documents = ids.length === 0 ? [] : await store.readMany(ref, ids, query.includeDocs)
    const losers = await losersOf(store, ref, query, documents)
    const found = new Map(documents.map((document) => [document.id, document]))
    yield part.map((key): AllDocsRow => {
      const document = typeof key === 'string' ? found.get(key) : undefined
      if (!document || !matchesDesigns(query, document.id)) return { kind: 'not_found', key }
      return row(query, document, losers?.get(document.id))
    })
    if (query.includeDocs && documents.length > 0) page = nextPage(documents)
  }
}

function matchesDesigns({ designs }: AllDocsQuery, id: string): boolean {
  if (designs === 'all') return true
  return id.startsWith('_design/') === (designs === 'only')
}
