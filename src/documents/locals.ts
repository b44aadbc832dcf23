/** `_local` documents: checkpoints and the like, with revisions `0-N` and no history. */
import type { DatabaseRef, DocumentStore, LocalDocument } from '../../storage/documents/contract.ts'
import { scanPage } from '../model/page-limits.ts'
import { checkLocalId, formatLocalRevision, type PreparedLocal } from './local-document.ts'
import { documentText } from './render.ts'
import { formatSequence } from './sequence.ts'
import type { AllDocsQuery, AllDocsRow, LocalRead, LocalsAnswer, RenderedDocument, WriteOutcome } from './service.ts'

type Store = Pick<DocumentStore, 'databaseInfo' | 'readLocal' | 'readLocals' | 'scanLocals' | 'writeLocal'>

export async function readLocal(store: Store, ref: DatabaseRef, id: string): Promise<LocalRead> {
  checkLocalId(id)
  const found = await store.readLocal(ref, id)
  return found ? { kind: 'found', document: rendered(found) } : { kind: 'missing' }
}

/** Stores it, or deletes it when it is marked as deleted. */
export async function writeLocal(store: Store, ref: DatabaseRef, local: PreparedLocal): Promise<WriteOutcome> {
  const { id, n, deleted, text } = local
  checkLocalId(id)
  const outcome = await store.writeLocal(ref, { id, n, text: deleted ? undefined : text })
  return outcome.kind === 'ok' ? { kind: 'ok', id, rev: formatLocalRevision(outcome.n) } : { kind: outcome.kind, id }
}

/** `_local_docs`, in pages. */
export async function listLocals(store: Store, ref: DatabaseRef, query: AllDocsQuery): Promise<LocalsAnswer> {
  const info = await store.databaseInfo(ref)
  const rows = query.keys ? keyRows(store, ref, query) : rangeRows(store, ref, query)
  return { updateSeq: formatSequence(info), rows }
}

async function* rangeRows(store: Store, ref: DatabaseRef, query: AllDocsQuery): AsyncGenerator<readonly AllDocsRow[]> {
  const { descending, end, includeDocs: bodies } = query
  let { start, skip } = query
  let left = query.limit ?? Number.POSITIVE_INFINITY
  while (left > 0) {
    const limit = Math.min(scanPage, left)
    const bounds = descending ? { start: end, end: start } : { start, end }
    const found = await store.scanLocals(ref, { ...bounds, descending, skip, limit, bodies })
    const last = found.at(-1)
    if (!last) return
    yield found.map((local) => row(query, local))
    if (found.length < limit) return
    skip = 0
    left -= found.length
    start = { id: last.id, inclusive: false }
  }
}

async function* keyRows(store: Store, ref: DatabaseRef, query: AllDocsQuery): AsyncGenerator<readonly AllDocsRow[]> {
  const { keys = [], skip, limit, descending } = query
  const wanted = (descending ? [...keys].reverse() : keys).slice(skip, limit === undefined ? undefined : skip + limit)
  for (let at = 0; at < wanted.length; at += scanPage) {
    const part = wanted.slice(at, at + scanPage)
    const ids = [...new Set(part.filter((key) => typeof key === 'string'))]
    const found = new Map((await store.readLocals(ref, ids)).map((local) => [local.id, local]))
    yield part.map((key): AllDocsRow => {
      const local = typeof key === 'string' ? found.get(key) : undefined
      return local ? row(query, local) : { kind: 'not_found', key }
    })
  }
}

function row({ includeDocs }: AllDocsQuery, local: LocalDocument): AllDocsRow {
  const document = rendered(local)
  return { kind: 'found', id: local.id, rev: document.rev, document: includeDocs ? document : undefined }
}

function rendered({ id, n, text }: LocalDocument): RenderedDocument {
  return {
    id,
    rev: formatLocalRevision(n),
    deleted: false,
    text: documentText({ id, gen: 0, hash: `${n}`, deleted: false, text }),
  }
}
