/**
 * Indexes without entries in the store: those of the server's own design documents, and all that have `_conflicts` among
 * their fields, which no single revision of a document knows. Their rows are computed from the documents, those of a
 * directory or a path being found by the tables that the file system keeps anyway. Where that reads many documents, the
 * store keeps entries for one of the server's own from then on: an instance that never asks pays nothing for it.
 */
import {
  type DatabaseRef,
  type DocumentStore,
  type IndexList,
  type IndexRow,
  type IndexScan,
  type IndexView,
  type KeyPart,
  StaleIndexes,
  type StoredDocument,
} from '../../storage/documents/contract.ts'
import { type FilesReader, filesDoctype } from '../../storage/files/contract.ts'
import { isObject } from '../model/json/value.ts'
import { scanPage } from '../model/page-limits.ts'
import { formatRevision } from '../model/revision.ts'
import { conflicts } from '../model/revision-tree.ts'
import { builtinDesign, builtinDesigns } from './builtin-designs.ts'
import { compareBytes } from './mango/collation.ts'
import { documentKeys, type IndexDefinition, parseDefinition } from './mango/index-definition.ts'
import { comparePart } from './mango/key-range.ts'
import { parseStored } from './mango/stored.ts'

type ComputedStore = Pick<DocumentStore, 'scanIds' | 'readTree' | 'keepIndex'>

/** Documents that a page of a computed index may read before the store is asked to keep its entries. */
const manyDocuments = 1_000

/** The files of a tenant by directory and path. */
export type FileTree = (prefix: string) => Pick<FilesReader, 'children' | 'byPath'>

const conflictsField = '_conflicts'

/** The indexes of a database with the server's own. Computed ones have negative numbers. */
function withComputed(ref: DatabaseRef, list: IndexList): IndexList {
  const own = builtinDesigns(ref.name).flatMap(({ view }) => (view === undefined ? [] : ownView(view, list)))
  const views = list.views.map((view) => (hasConflicts(view) ? { ...view, indexId: -1000 - view.indexId } : view))
  if (own.length === 0 && views.every((view, at) => view === list.views[at])) return list
  const others = views.filter(({ ddoc }) => builtinDesign(ref.name, ddoc) === undefined)
  return { ...list, views: [...own, ...others].sort((a, b) => compareBytes(a.ddoc, b.ddoc)) }
}

/** Entries of an equal index serve one of the server's own, too. */
function ownView(view: IndexView, { views }: IndexList): IndexView {
  const kept = hasConflicts(view) ? undefined : views.find(({ definition }) => definition === view.definition)
  return { ...view, indexId: kept?.indexId ?? view.indexId, own: true }
}

type IndexedStore = ComputedStore & Pick<DocumentStore, 'indexes' | 'scanIndex'>

/** The store as queries see it, computed indexes among the others. */
export function openComputedIndexes(store: IndexedStore, tree: FileTree | undefined): IndexedStore {
  const indexes: IndexedStore['indexes'] = async (ref, options) => withComputed(ref, await store.indexes(ref, options))
  return {
    ...store,
    indexes,
    async scanIndex(ref, scan) {
      if (scan.indexId >= 0) return store.scanIndex(ref, scan)
      const { views } = await indexes(ref)
      const view = views.find(({ indexId }) => indexId === scan.indexId)
      if (!view) throw new StaleIndexes()
      return scanComputed({ store, ref, tree, view, scan })
    },
  }
}

interface ComputedScan {
  readonly store: ComputedStore
  readonly ref: DatabaseRef
  readonly tree: FileTree | undefined
  readonly view: IndexView
  readonly scan: Omit<IndexScan, 'epoch'>
}

/** One page of a computed index, in its order. Reads every document that could be in it. */
async function scanComputed({ store, ref, tree, view, scan }: ComputedScan): Promise<readonly IndexRow[]> {
  const definition = parseDefinition(view.definition)
  const keys = documentKeys(definition)
  const compare = (a: IndexRow, b: IndexRow) => compareRows(a, b) * (scan.descending ? -1 : 1)
  const mayKeep = view.own && !definition.fields.some(isConflicts)
  let rows: IndexRow[] = []
  let seen = 0
  for await (const documents of candidates(store, ref, tree, definition, scan)) {
    seen += documents.length
    if (mayKeep && seen > manyDocuments) {
      await store.keepIndex(ref, view)
      throw new StaleIndexes()
    }
    for (const document of documents) {
      const others = await conflictsOf(store, ref, definition, document)
      const parts = keys(parseStored(document, others).value)
      if (parts === undefined || !isInside(parts, scan.range)) continue
      const row = { id: document.id, document, parts }
      if (scan.after && compareRows(row, scan.after) * (scan.descending ? -1 : 1) <= 0) continue
      rows.push(row)
    }
    if (rows.length > scan.limit * 2) rows = rows.sort(compare).slice(0, scan.limit)
  }
  return rows.sort(compare).slice(0, scan.limit)
}

function hasConflicts({ definition }: IndexView): boolean {
  return definition.includes(conflictsField) && parseDefinition(definition).fields.some(isConflicts)
}

function isConflicts({ name }: { readonly name: string }): boolean {
  return name === conflictsField
}

async function conflictsOf(
  store: ComputedStore,
  ref: DatabaseRef,
  definition: IndexDefinition,
  { id, leaves }: StoredDocument,
): Promise<readonly string[]> {
  if (leaves < 2 || !definition.fields.some(isConflicts)) return []
  const tree = await store.readTree(ref, id)
  return tree ? conflicts(tree.nodes).map(formatRevision) : []
}

/** Documents that may be in the range. */
async function* candidates(
  store: ComputedStore,
  ref: DatabaseRef,
  tree: FileTree | undefined,
  { fields }: IndexDefinition,
  { range: { equal } }: Pick<IndexScan, 'range'>,
): AsyncGenerator<readonly StoredDocument[]> {
  const first = fields[0]?.name
  const value = equal[0]?.k === '04' ? equal[0].s : undefined
  if (tree && ref.name === filesDoctype && value !== undefined && first === 'dir_id') {
    yield* childrenOf(tree(ref.prefix), value)
  } else if (tree && ref.name === filesDoctype && value !== undefined && first === 'path') {
    yield await tree(ref.prefix).byPath(value)
  } else {
    yield* allDocuments(store, ref, fields.some(isConflicts))
  }
}

async function* childrenOf(
  tree: Pick<FilesReader, 'children'>,
  dirId: string,
): AsyncGenerator<readonly StoredDocument[]> {
  for (let after: Parameters<FilesReader['children']>[1]['after']; ; ) {
    const documents = await tree.children(dirId, { after, limit: scanPage })
    yield documents
    const last = documents.at(-1)
    if (!last || documents.length < scanPage) return
    const { value } = parseStored(last, [])
    const { type, name } = isObject(value) ? value : {}
    after = {
      kind: type === 'directory' ? 'directory' : 'file',
      name: typeof name === 'string' ? name : '',
      id: last.id,
    }
  }
}

async function* allDocuments(
  store: ComputedStore,
  ref: DatabaseRef,
  forked: boolean,
): AsyncGenerator<readonly StoredDocument[]> {
  for (let after: string | undefined; ; ) {
    const start = after === undefined ? undefined : { id: after, inclusive: false }
    const documents = await store.scanIds(ref, {
      start,
      descending: false,
      skip: 0,
      limit: scanPage,
      designs: 'none',
      bodies: true,
      forked,
    })
    yield documents
    if (documents.length < scanPage) return
    after = documents.at(-1)?.id
  }
}

function isInside(parts: readonly KeyPart[], { equal, low, high }: IndexScan['range']): boolean {
  if (!equal.every((part, at) => comparePart(parts[at] as KeyPart, part) === 0)) return false
  const part = parts[equal.length]
  if (part === undefined) return true
  if (low && comparePart(part, low.part) < (low.inclusive ? 0 : 1)) return false
  return high === undefined || comparePart(part, high.part) <= (high.inclusive ? 0 : -1)
}

type Place = Pick<IndexRow, 'parts' | 'id'>

function compareRows(a: Place, b: Place): number {
  for (const [at, part] of a.parts.entries()) {
    const other = b.parts[at]
    const difference = other === undefined ? 0 : comparePart(part, other)
    if (difference !== 0) return difference
  }
  return compareBytes(a.id, b.id)
}
