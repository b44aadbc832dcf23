/** Rows of `_changes` as text, and which of them a filter lets through. */
import type { DatabaseRef, DocumentStore, RevisionId, StoredDocument } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import { type ParsedJson, parseJson, stringifyJson } from '../model/json/exact.ts'
import { quoteJson } from '../model/json/quote.ts'
import type { Json } from '../model/json/value.ts'
import { formatRevision } from '../model/revision.ts'
import { conflicts, sortedLeaves, type TreeNode } from '../model/revision-tree.ts'
import { matcher } from './mango/matcher.ts'
import { projector } from './mango/projection.ts'
import { parseSelector } from './mango/selector.ts'
import { inlined } from './reading.ts'
import { documentText } from './render.ts'
import { formatSequence } from './sequence.ts'
import type { ChangesQuery, ChangesRow } from './service.ts'

type Store = Pick<DocumentStore, 'readTrees' | 'readRevisions'>
type Trees = ReadonlyMap<string, { readonly nodes: readonly TreeNode[] }>

/** Makes rows of one page of the feed. Reading is needed for documents with several leaves only. */
export interface RowMaker {
  /** Whether the page must hold bodies. */
  readonly bodies: boolean
  rows(ref: DatabaseRef, epoch: string, documents: readonly StoredDocument[]): Promise<readonly PlacedRow[]>
}

/** A row and its sequence as a number. */
export interface PlacedRow extends ChangesRow {
  readonly at: bigint
}

/** Throws `bad_request` when the selector or its fields are malformed. */
export function rowMaker(store: Store, query: ChangesQuery): RowMaker {
  const { filter, includeDocs, style } = query
  const designsOnly = filter?.kind === 'designs'
  const ids = filter?.kind === 'ids' ? new Set(filter.ids) : undefined
  const { matches, project } = selection(filter)
  // CouchDB then says `_conflicts: []` where there are none (recorded); nowhere else.
  const alwaysListed = matches !== undefined && style === 'all_docs'
  const treesWanted = style === 'all_docs' || (includeDocs && query.conflicts)

  const keeps = ({ id }: StoredDocument) => (designsOnly ? id.startsWith('_design/') : (ids?.has(id) ?? true))

  /** The leaves that a row names; none: no row. A selector examines each leaf separately. */
  async function leavesOf(ref: DatabaseRef, documents: readonly StoredDocument[], trees: Trees): Promise<Leaves[]> {
    const all = documents.map((document): Leaves => {
      const tree = style === 'all_docs' ? trees.get(document.id) : undefined
      return { document, leaves: tree ? sortedLeaves(tree.nodes) : [document] }
    })
    if (!matches) return all
    const others = all.flatMap(({ document, leaves }) =>
      leaves.length > 1 ? leaves.map((one) => ({ ...one, id: document.id })) : [],
    )
    const read =
      others.length > 0
        ? await store.readRevisions(
            ref,
            others.map(({ id, gen, hash }) => ({ id, gen, hash })),
          )
        : []
    let next = 0
    return all.map(({ document, leaves }) => {
      if (leaves.length === 1) return { document, leaves: matches(document) ? leaves : [] }
      const bodies = read.slice(next, next + leaves.length)
      next += leaves.length
      return { document, leaves: leaves.filter((_, at) => bodies[at] && matches(bodies[at])) }
    })
  }

  return {
    bodies: includeDocs || matches !== undefined,
    async rows(ref, epoch, documents) {
      const kept = documents.filter(keeps)
      const branched = treesWanted ? kept.filter(({ leaves }) => leaves > 1).map(({ id }) => id) : []
      const trees: Trees = branched.length > 0 ? await store.readTrees(ref, branched) : new Map()
      const named = await leavesOf(ref, kept, trees)
      // What all sequences of one database end with.
      const ending = formatSequence({ updateSeq: 0n, epoch }).slice(1)
      return named.flatMap(({ document, leaves }): PlacedRow[] => {
        if (leaves.length === 0) return []
        const seq = `${document.seq}${ending}`
        const revs = leaves.map((leaf) => `{"rev":${quoteJson(formatRevision(leaf))}}`).join(',')
        let text = `{"seq":${quoteJson(seq)},"id":${quoteJson(document.id)},"changes":[${revs}]`
        if (document.deleted) text += ',"deleted":true'
        if (includeDocs) {
          const losers = conflicts(trees.get(document.id)?.nodes ?? []).map(formatRevision)
          const listed = query.conflicts && (losers.length > 0 || alwaysListed)
          const extra = listed ? { extra: { _conflicts: losers } } : {}
          const shown = inlined(document, undefined, { attachments: query.attachments ?? false })
          text += `,"doc":${project ? stringifyJson(project(document)) : documentText(shown, extra)}`
        }
        return [{ at: document.seq, seq, text: `${text}}` }]
      })
    },
  }
}

interface Leaves {
  readonly document: StoredDocument
  readonly leaves: readonly RevisionId[]
}

interface Selection {
  readonly matches?: (document: StoredDocument) => boolean
  readonly project?: ((document: StoredDocument) => Json) | undefined
}

/** Whatever is wrong with a selector is a `bad_request` here, unlike in `_find`. */
function selection(filter: ChangesQuery['filter']): Selection {
  if (filter?.kind !== 'selector') return {}
  try {
    const test = matcher(parseSelector(filter.selector))
    const keep = projector(filter.fields ?? [])
    return {
      matches: (document) => {
        const { value, exact } = parsed(document)
        return test(value, exact)
      },
      project:
        keep &&
        ((document) => {
          const { value, exact } = parsed(document)
          return keep(value, exact)
        }),
    }
  } catch (error) {
    if (error instanceof Problem) throw new Problem('bad_request', error.reason)
    throw error
  }
}

/** The document as a client would see it, a tombstone with `_deleted`. */
function parsed(document: StoredDocument): ParsedJson {
  return parseJson(documentText(document))
}
