/** What a replicator asks before and while it copies: which revisions are missing, and many of them at once. */
import type { DatabaseRef, DocumentStore, RevisionId, RevisionTree } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import { isObject, type Json } from '../model/json/value.ts'
import { scanPage } from '../model/page-limits.ts'
import { formatRevision, parseRevision } from '../model/revision.ts'
import { sortedLeaves } from '../model/revision-tree.ts'
import { checkDocumentId } from './document.ts'
import type { Asked, OpenOptions } from './open-revisions.ts'
import { openWinners } from './open-winners.ts'
import { PageMemory } from './page-memory.ts'
import type { BulkGetFailure, BulkGetLine, BulkGetResult, OpenRevision, RevisionsDiff } from './service.ts'

type Store = Pick<DocumentStore, 'readTrees' | 'readRevisions'>

/** The body of `_revs_diff` and `_missing_revs`. Throws `bad_request` when it is malformed. */
export function parseRevsDiff(body: Json): ReadonlyMap<string, readonly RevisionId[]> {
  if (!isObject(body)) throw new Problem('bad_request', 'Request body must be a JSON object')
  return new Map(
    Object.entries(body).map(([id, revs]) => {
      if (!Array.isArray(revs)) throw new Problem('bad_request', 'Each document needs a JSON array of revisions.')
      return [id, revs.map(parseRevision)]
    }),
  )
}

export async function revsDiff(
  store: Store,
  ref: DatabaseRef,
  asked: ReadonlyMap<string, readonly RevisionId[]>,
): Promise<readonly RevisionsDiff[]> {
  const ids = [...asked.keys()]
  const diffs: RevisionsDiff[] = []
  // Even without ids the database must exist.
  for (let at = 0; at === 0 || at < ids.length; at += scanPage) {
    const part = ids.slice(at, at + scanPage)
    const trees = await store.readTrees(ref, part)
    for (const id of part) {
      const diff = differenceOf(id, asked.get(id) ?? [], trees.get(id))
      if (diff.missing.length > 0) diffs.push(diff)
    }
  }
  return diffs
}

function differenceOf(id: string, revs: readonly RevisionId[], tree: RevisionTree | undefined): RevisionsDiff {
  if (!tree) return { id, missing: revs.map(formatRevision), possibleAncestors: [] }
  // A revision that was stemmed is known by name as long as its child is there.
  const known = new Set(
    tree.nodes.flatMap(({ gen, hash, parent }) => [
      formatRevision({ gen, hash }),
      ...(parent === undefined ? [] : [formatRevision({ gen: gen - 1, hash: parent })]),
    ]),
  )
  const missing = revs.filter((rev) => !known.has(formatRevision(rev)))
  const newest = missing.reduce((most, { gen }) => Math.max(most, gen), 0)
  const older = sortedLeaves(tree.nodes).filter(({ gen }) => gen < newest)
  return { id, missing: missing.map(formatRevision), possibleAncestors: older.map(formatRevision) }
}

/**
 * The body of `_bulk_get`. Throws `bad_request` when there is no list of documents; what is wrong with one of them is
 * an error in its place.
 */
export function parseBulkGet(body: Json): readonly BulkGetLine[] {
  const docs = isObject(body) ? body['docs'] : undefined
  if (!Array.isArray(docs)) throw new Problem('bad_request', "Missing JSON list of 'docs'.")
  return docs.map(parseLine)
}

function parseLine(line: Json): BulkGetLine {
  if (!isObject(line)) throw new Problem('bad_request', "Each of 'docs' must be a JSON object.")
  const { id, rev, atts_since: since } = line
  if (id === undefined) return refusedLine(null, null, new Problem('bad_request', 'document id missed'))
  if (typeof id !== 'string')
    return refusedLine(null, null, new Problem('illegal_docid', 'Document id must be a string'))
  try {
    checkDocumentId(id)
  } catch (error) {
    return refusedLine(id, null, error)
  }
  try {
    const revs = rev === undefined ? 'all' : [parseRevision(rev)]
    return Array.isArray(since) ? { id, revs, attachmentsSince: since.map(parseRevision) } : { id, revs }
  } catch (error) {
    return refusedLine(id, rev ?? null, error)
  }
}

/** Whether a line asks for the contents of attachments by itself. */
export function wantContents(lines: readonly BulkGetLine[]): boolean {
  return lines.some((line) => 'revs' in line && line.attachmentsSince !== undefined)
}

function refusedLine(id: string | null, rev: Json, error: unknown): BulkGetLine {
  if (!(error instanceof Problem)) throw error
  return { id, refused: { id, rev, error: error.code, reason: error.reason } }
}

export async function bulkGet(
  store: Store,
  ref: DatabaseRef,
  lines: readonly BulkGetLine[],
  options: OpenOptions = {},
): Promise<AsyncIterable<readonly BulkGetResult[]>> {
  const first = await resultPage(store, ref, lines.slice(0, pages.first(ref)), options)
  return resultPages(store, ref, lines, options, first)
}

/** The size of the documents of a database does not change from one request of a replicator to the next. */
const pages = new PageMemory()

async function* resultPages(
  store: Store,
  ref: DatabaseRef,
  lines: readonly BulkGetLine[],
  options: OpenOptions,
  first: readonly BulkGetResult[],
): AsyncGenerator<readonly BulkGetResult[]> {
  let results = first
  for (let at = 0; at < lines.length; ) {
    yield results
    at += results.length
    const documents = results.flatMap(({ docs }) => docs.flatMap((one) => ('ok' in one ? [one.ok] : [])))
    const size = pages.next(ref, documents)
    if (at < lines.length) results = await resultPage(store, ref, lines.slice(at, at + size), options)
  }
}

async function resultPage(
  store: Store,
  ref: DatabaseRef,
  lines: readonly BulkGetLine[],
  options: OpenOptions,
): Promise<readonly BulkGetResult[]> {
  const asked = lines.filter((line): line is Asked => 'revs' in line)
  const found = await openWinners(store, ref, asked, options)
  let next = 0
  return lines.map((line): BulkGetResult => {
    if ('refused' in line) return { id: line.id, docs: [{ error: line.refused }] }
    return resultOf(line.id, found[next++] ?? 'missing')
  })
}

function resultOf(id: string, found: readonly OpenRevision[] | 'missing'): BulkGetResult {
  // CouchDB's word for an absent revision.
  if (found === 'missing') return { id, docs: [{ error: missingRevision(id, 'undefined') }] }
  return { id, docs: found.map((one) => ('ok' in one ? one : { error: missingRevision(id, one.missing) })) }
}

function missingRevision(id: string, rev: string): BulkGetFailure {
  return { id, rev, error: 'not_found', reason: 'missing' }
}
