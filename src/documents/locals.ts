/** `_local` documents: checkpoints and the like, with revisions `0-N` and no history. */
import { Buffer } from 'node:buffer'
import type { DatabaseRef, DocumentStore, LocalDocument } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import type { ParsedJson } from '../model/json/exact.ts'
import { isObject } from '../model/json/value.ts'
import { maxIdBytes, prepareDocument } from './document.ts'
import { documentText } from './render.ts'
import { sequence } from './sequence.ts'
import type { AllDocsQuery, AllDocsRow, LocalRead, LocalsAnswer, RenderedDocument, WriteOutcome } from './service.ts'

type Store = Pick<DocumentStore, 'databaseInfo' | 'readLocal' | 'readLocals' | 'scanLocals' | 'writeLocal'>

export const localPrefix = '_local/'

const page = 500

/** A local document as a client sent it. */
export interface PreparedLocal {
  /** With `_local/` in front. */
  readonly id: string
  /** The N of the `0-N` that the client read. */
  readonly n: number | undefined
  readonly deleted: boolean
  /** `_type`, never stored. */
  readonly type: string | undefined
  readonly text: string
}

/** The N of `0-N`. Throws `bad_request` for anything else. */
export function parseLocalRevision(text: unknown): number {
  const match = typeof text === 'string' ? /^0-(\d{1,15})$/.exec(text) : null
  if (match === null) throw new Problem('bad_request', 'Invalid rev format')
  return Number(match[1])
}

export function formatLocalRevision(n: number): string {
  return `0-${n}`
}

/** Checks an id with its prefix. Throws `illegal_docid`. */
export function checkLocalId(id: string): void {
  const name = id.slice(localPrefix.length)
  if (name === '') throw new Problem('illegal_docid', 'Illegal document id `_local/`')
  if (name.includes('\u0000')) throw new Problem('illegal_docid', 'Document id must not contain U+0000')
  if (Buffer.byteLength(id) > maxIdBytes) {
    throw new Problem('illegal_docid', `Document id is too long: at most ${maxIdBytes} bytes`)
  }
}

/**
 * A local document out of a body; the id given wins over `_id`. Throws what `prepareDocument` throws, and `bad_request`
 * for a revision that is no `0-N`. A history is of no use to it and is left out.
 */
export function prepareLocal(body: ParsedJson, id: string, maxBytes: number): PreparedLocal {
  checkLocalId(id)
  const { value } = body
  const n = isObject(value) && value['_rev'] !== undefined ? parseLocalRevision(value['_rev']) : undefined
  const prepared = prepareDocument(withoutNames(body), { maxBytes, id, replicatorMembers: true })
  return { id, n, deleted: prepared.deleted, type: prepared.type, text: prepared.body.text }
}

/** Without the members that say other things of a local document than of a document. */
function withoutNames({ value, exact }: ParsedJson): ParsedJson {
  if (!isObject(value) || !isObject(exact)) return { value, exact }
  const { _id, _rev, _revisions, ...members } = value
  const { _id: id, _rev: rev, _revisions: revisions, ...printed } = exact
  return { value: members, exact: printed }
}

export async function readLocal(store: Store, ref: DatabaseRef, id: string): Promise<LocalRead> {
  checkLocalId(id)
  const found = await store.readLocal(ref, id)
  return found ? { kind: 'found', document: rendered(found) } : { kind: 'missing' }
}

/** Puts it, or deletes it when it says so. */
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
  return { updateSeq: sequence(info), rows }
}

async function* rangeRows(store: Store, ref: DatabaseRef, query: AllDocsQuery): AsyncGenerator<readonly AllDocsRow[]> {
  const { descending, end, includeDocs: bodies } = query
  let { start, skip } = query
  let left = query.limit ?? Number.POSITIVE_INFINITY
  while (left > 0) {
    const limit = Math.min(page, left)
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
  for (let at = 0; at < wanted.length; at += page) {
    const part = wanted.slice(at, at + page)
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
