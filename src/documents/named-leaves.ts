/**
 * The usual question of a replicator: documents by one revision each, which is a leaf. Trees and bodies are read at the
 * same time then; whatever turns out to be something else is looked at again, one after the other.
 */
import type { DatabaseRef, DocumentStore, RevisionTree, StoredDocument } from '../../storage/documents/contract.ts'
import { type Asked, type OpenOptions, openMany } from './open-revisions.ts'
import { render, revisions } from './reading.ts'
import { sameRevision } from './revision.ts'
import type { OpenRevision } from './service.ts'

type Store = Pick<DocumentStore, 'databaseInfo' | 'readTrees' | 'readRevisions'>
type Opened = Awaited<ReturnType<typeof openMany>>

/** What `openMany` answers. */
export async function openNamed(
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
  const [trees, bodies] = await Promise.all([
    store.readTrees(ref, [...new Set(named.map(({ id }) => id))]),
    store.readRevisions(ref, named),
  ])
  const found = named.map(({ id }, at) => leafOf(trees.get(id), bodies[at], options))
  const others = asked.filter((_, at) => !found[at])
  if (others.length === 0) return { found: found.map((one) => one ?? 'missing'), unknown: false }
  const opened = await openMany(store, ref, others, options)
  let next = 0
  return {
    found: found.map((one) => one ?? opened.found[next++] ?? 'missing'),
    unknown: trees.size === 0 && opened.unknown,
  }
}

/** `undefined` unless it is a leaf of the tree: then it is the answer, whether or not `latest` is asked for. */
function leafOf(
  tree: RevisionTree | undefined,
  document: StoredDocument | undefined,
  { type, revs }: OpenOptions,
): readonly OpenRevision[] | undefined {
  if (!tree || !document || !tree.nodes.some((node) => node.leaf && sameRevision(node, document))) return undefined
  const extra = revs ? { extra: { _revisions: revisions(tree, document) } } : {}
  return [{ ok: render(document, { ...(type === undefined ? {} : { type }), ...extra }) }]
}
