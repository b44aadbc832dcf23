/** Reading documents: the winner on a short path, everything that needs the revision tree behind it. */
import type {
  DatabaseRef,
  DocumentStore,
  RevisionId,
  RevisionTree,
  StoredDocument,
} from '../../storage/documents/contract.ts'
import { markedText } from '../attachments/inline.ts'
import { formatRevision, sameRevision } from '../model/revision.ts'
import { ancestry, conflicts, deletedConflicts } from '../model/revision-tree.ts'
import { builtinDesign } from './builtin-designs.ts'
import { documentText } from './render.ts'
import { formatSequence } from './sequence.ts'
import type { ReadOptions, ReadOutcome, RenderedDocument } from './service.ts'

type Store = Pick<DocumentStore, 'read' | 'readRevision' | 'readTree' | 'databaseInfo'>

export interface Rendering {
  /** Written as `_type`. */
  readonly type?: string
  /** More members. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** A stored document as text. */
export function render(document: StoredDocument, options: Rendering = {}): RenderedDocument {
  return {
    id: document.id,
    rev: formatRevision(document),
    deleted: document.deleted,
    text: documentText(document, options),
  }
}

/** One document: the winner, or the requested revision, with the requested additions. */
export async function readDocument(
  store: Store,
  ref: DatabaseRef,
  id: string,
  options: ReadOptions = {},
): Promise<ReadOutcome> {
  const winner = (await store.read(ref, id)) ?? builtinDesign(ref.name, id)?.document
  if (!winner) return { kind: 'missing' }
  const document = await chosen(store, ref, winner, options)
  if (!document) return { kind: options.rev ? 'missing' : 'deleted' }
  const tree = needsTree(options) ? await store.readTree(ref, document.id) : undefined
  const extra = tree ? await extras(store, ref, document, tree, options) : undefined
  const type = options.type === undefined ? {} : { type: options.type }
  const shown = inlined(document, tree, options)
  return { kind: 'found', document: render(shown, extra ? { ...type, extra } : type) }
}

/** The document with marks in place of attachments whose content was requested. */
export function inlined(
  document: StoredDocument,
  tree: RevisionTree | undefined,
  { attachments, attachmentsSince }: Pick<ReadOptions, 'attachments' | 'attachmentsSince'>,
): StoredDocument {
  if (!attachments && !attachmentsSince) return document
  const text = markedText(
    document.text,
    attachmentsSince && tree ? commonGeneration(tree, document, attachmentsSince) : 0,
  )
  return text === document.text ? document : { ...document, text }
}

/** The generation of the newest of `known` that is an ancestor, or the revision itself; 0 when none is. */
function commonGeneration(tree: RevisionTree, rev: RevisionId, known: readonly RevisionId[]): number {
  const names = new Set(known.map(formatRevision))
  const path = ancestry(tree.nodes, rev)
  const at = path.findIndex((hash, n) => names.has(formatRevision({ gen: rev.gen - n, hash })))
  return at < 0 ? 0 : rev.gen - at
}

async function chosen(store: Store, ref: DatabaseRef, winner: StoredDocument, { rev, latest }: ReadOptions) {
  if (!rev || latest) return winner.deleted ? undefined : winner
  return sameRevision(rev, winner) ? winner : store.readRevision(ref, winner.id, rev)
}

function needsTree(options: ReadOptions): boolean {
  const { revs, revsInfo, conflicts, deletedConflicts, localSeq, attachmentsSince } = options
  return Boolean(revs || revsInfo || conflicts || deletedConflicts || localSeq || attachmentsSince)
}

async function extras(
  store: Store,
  ref: DatabaseRef,
  document: StoredDocument,
  tree: RevisionTree,
  options: ReadOptions,
): Promise<Record<string, unknown>> {
  const extra: Record<string, unknown> = {}
  const { nodes } = tree
  if (options.revs) extra['_revisions'] = revisions(tree, document)
  if (options.revsInfo) extra['_revs_info'] = revisionsInfo(tree, document)
  const losers = options.conflicts ? conflicts(nodes) : []
  if (losers.length > 0) extra['_conflicts'] = losers.map(formatRevision)
  const buried = options.deletedConflicts ? deletedConflicts(nodes) : []
  if (buried.length > 0) extra['_deleted_conflicts'] = buried.map(formatRevision)
  if (options.localSeq) {
    const { epoch } = await store.databaseInfo(ref)
    extra['_local_seq'] = formatSequence({ updateSeq: tree.seq, epoch })
  }
  return extra
}

/** `_revisions`: hashes from this revision to its oldest known ancestor. */
export function revisions(tree: RevisionTree, rev: RevisionId): { start: number; ids: readonly string[] } {
  return { start: rev.gen, ids: ancestry(tree.nodes, rev) }
}

function revisionsInfo(tree: RevisionTree, rev: RevisionId): { rev: string; status: string }[] {
  const known = new Map(tree.nodes.map((node) => [formatRevision(node), node]))
  return ancestry(tree.nodes, rev).map((hash, at) => {
    const name = formatRevision({ gen: rev.gen - at, hash })
    const node = known.get(name)
    if (!node?.hasBody) return { rev: name, status: 'missing' }
    return { rev: name, status: node.deleted ? 'deleted' : 'available' }
  })
}
