/**
 * The usual request of a replicator: documents by one revision each, which is the winner. Trees and winners are read by one
 * statement; everything else is read again.
 */
import type {
  DatabaseRef,
  DocumentStore,
  RevisionId,
  RevisionTree,
  StoredDocument,
} from '../../storage/documents/contract.ts'
import { quoteJson } from '../model/json/quote.ts'
import { formatRevision, sameRevision } from '../model/revision.ts'
import { type Asked, type OpenOptions, openMany } from './open-revisions.ts'
import { revisions } from './reading.ts'
import { documentText } from './render.ts'
import type { OpenRevision } from './service.ts'

type Store = Pick<DocumentStore, 'readTrees' | 'readRevisions'>
type Opened = Awaited<ReturnType<typeof openMany>>

/** What `openMany` answers. */
export async function openWinners(
  store: Store,
  ref: DatabaseRef,
  asked: readonly Asked[],
  options: OpenOptions,
): Promise<Opened> {
  const named = asked.flatMap(({ id, revs, attachmentsSince }) => {
    const [rev] = revs
    return typeof rev === 'object' && revs.length === 1 && !attachmentsSince ? [{ ...rev, id }] : []
  })
  if (named.length < asked.length || asked.length === 0 || options.attachments) {
    return openMany(store, ref, asked, options)
  }
  const trees = await store.readTrees(ref, [...new Set(named.map(({ id }) => id))], { documents: true })
  const found = named.map((rev) => winnerOf(trees.get(rev.id), rev, options))
  const others = asked.filter((_, at) => !found[at])
  const opened = others.length === 0 ? [] : await openMany(store, ref, others, options)
  let next = 0
  return found.map((one) => one ?? opened[next++] ?? 'missing')
}

/** `undefined` unless it is the revision named: then that is the answer, whether or not `latest` is asked for. */
function winnerOf(
  tree: RevisionTree | undefined,
  rev: RevisionId,
  { type, revs }: OpenOptions,
): readonly OpenRevision[] | undefined {
  const document = tree?.document
  if (!document || !sameRevision(document, rev)) return undefined
  const text = documentText(document, { type, extra: revs ? historyText(tree, document) : undefined })
  return [{ ok: { id: document.id, rev: formatRevision(document), deleted: document.deleted, text } }]
}

/** `_revisions` as text. With one leaf all revisions are one line, the newest first by their generations. */
function historyText(tree: RevisionTree, rev: StoredDocument): string {
  if (rev.leaves !== 1) return `"_revisions":${JSON.stringify(revisions(tree, rev))}`
  const line = [...tree.nodes].sort((a, b) => b.gen - a.gen)
  return `"_revisions":{"start":${rev.gen},"ids":[${line.map(({ hash }) => quoteJson(hash)).join(',')}]}`
}
