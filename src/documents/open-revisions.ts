/** Revisions of many documents at once: one statement for the trees, one for the bodies. */
import type { DatabaseRef, DocumentStore, RevisionId, RevisionTree } from '../../storage/documents/contract.ts'
import { formatRevision } from '../model/revision.ts'
import { leavesUnder, sortedLeaves } from '../model/revision-tree.ts'
import { inlined, type Rendering, render, revisions } from './reading.ts'
import type { OpenRevision } from './service.ts'

type Store = Pick<DocumentStore, 'readTrees' | 'readRevisions'>

/** Revisions wanted of one document: named ones, or all leaves. */
export interface Asked {
  readonly id: string
  readonly revs: 'all' | readonly RevisionId[]
  /** Contents of newer attachments, as in `ReadOptions`. */
  readonly attachmentsSince?: readonly RevisionId[] | undefined
}

export interface OpenOptions {
  /** Add `_revisions`. */
  readonly revs?: boolean
  /** Instead of a revision named, the leaves that descend from it. */
  readonly latest?: boolean
  /** Attachments with marks for their content. */
  readonly attachments?: boolean
  /** Written as `_type`. */
  readonly type?: string
}

/** `open_revs` of one document. */
export async function openRevisions(
  store: Store,
  ref: DatabaseRef,
  id: string,
  revs: 'all' | readonly RevisionId[],
  options: OpenOptions & Pick<Asked, 'attachmentsSince'> = {},
): Promise<readonly OpenRevision[] | 'missing'> {
  const { attachmentsSince } = options
  const [found] = await openMany(store, ref, [{ id, revs, attachmentsSince }], options)
  return found ?? 'missing'
}

/** The same of many documents, in the order asked; `missing` where `all` was asked of a document that does not exist. */
export async function openMany(
  store: Store,
  ref: DatabaseRef,
  asked: readonly Asked[],
  options: OpenOptions = {},
): Promise<readonly (readonly OpenRevision[] | 'missing')[]> {
  for (let attempt = 0; ; attempt += 1) {
    const trees = await store.readTrees(ref, [...new Set(asked.map(({ id }) => id))])
    const wanted = asked.map((one) => wantedOf(one, trees.get(one.id), options))
    const bodies = await store.readRevisions(
      ref,
      wanted.flatMap((list, at) => list.map(({ rev }) => ({ ...rev, id: asked[at]?.id ?? '' }))),
    )
    // What was a leaf a moment ago can be superseded and compacted in between: then the new leaves are the answer.
    const leaves = wanted.flat().map(({ leaf }) => leaf)
    if (attempt < 3 && leaves.some((leaf, at) => leaf && !bodies[at])) continue
    let next = 0
    return asked.map(({ id, revs, attachmentsSince }, at) => {
      const tree = trees.get(id)
      if (!tree && revs === 'all') return 'missing'
      return (wanted[at] ?? []).map(({ asked: name, rev }): OpenRevision => {
        const document = bodies[next++]
        if (!document || !tree) return { missing: formatRevision(name) }
        const rendering: Rendering = {
          ...(options.type ? { type: options.type } : {}),
          ...(options.revs ? { extra: { _revisions: revisions(tree, rev) } } : {}),
        }
        const { attachments = false } = options
        return { ok: render(inlined(document, tree, { attachments, attachmentsSince }), rendering) }
      })
    })
  }
}

interface Wanted {
  /** What the client named. */
  readonly asked: RevisionId
  readonly rev: RevisionId
  /** According to the tree it is a leaf, so it must have a body. */
  readonly leaf: boolean
}

function wantedOf({ revs }: Asked, tree: RevisionTree | undefined, { latest }: OpenOptions): readonly Wanted[] {
  if (!tree) return revs === 'all' ? [] : revs.map((rev) => ({ asked: rev, rev, leaf: false }))
  const { nodes } = tree
  if (revs === 'all') return sortedLeaves(nodes).map((rev) => ({ asked: rev, rev, leaf: true }))
  const seen = new Set<string>()
  return revs
    .flatMap((asked): Wanted[] => {
      const under = latest ? leavesUnder(nodes, asked) : []
      if (under.length === 0) return [{ asked, rev: asked, leaf: false }]
      return under.map((rev) => ({ asked, rev, leaf: true }))
    })
    .filter(({ rev }) => !seen.has(formatRevision(rev)) && seen.add(formatRevision(rev)))
}
