/**
 * Edits that need the whole revision tree of a document: conflicts, design documents, replication. One transaction a
 * database: lock it, read the trees, decide in memory (`src/model/revision-tree.ts`), write the difference.
 */

import { createHash } from 'node:crypto'
import { databaseKey } from '../../src/model/database.ts'
import { noDatabase } from '../../src/model/no-database.ts'
import { GrowingTree, type TreeNode } from '../../src/model/revision-tree.ts'
import type { Body, DatabaseRef, Edit, EditOutcome, Replicated, RevisionId } from '../documents/contract.ts'
import { isTaken, type Sql, type Transaction, translate } from './connection.ts'
import type { DatabaseCache } from './database-cache.ts'
import { applyTrees, applyTreesIn, type Decide, idsOf, type TreeChange, type TreesAsked } from './tree-store.ts'
import type { BatchOutcome } from './write-requests.ts'

/** The same function of an edit as `hearth_hash` in migrations/0015-inlined.sql. */
export function revisionHash(edit: {
  deleted: boolean
  gen: number
  parent: string | undefined
  digest: string
}): string {
  const text = `${edit.deleted ? 1 : 0},${edit.gen},${edit.parent ?? ''},${edit.digest}`
  return createHash('md5').update(text).digest('hex')
}

/** Applies what `Decide` says in one database; `undefined` when it does not exist. */
type Apply = (ref: DatabaseRef, asked: TreesAsked, decide: Decide) => Promise<ReadonlyMap<string, bigint> | undefined>

/** Writes those of `edits` whose outcome is `complex`; the other outcomes pass unchanged. */
export function writeTrees(
  sql: Sql,
  databases: DatabaseCache,
  edits: readonly Edit[],
  outcomes: readonly BatchOutcome[],
): Promise<readonly BatchOutcome[]> {
  return writeComplex(
    async (ref, asked, decide) => {
      try {
        return await apply(sql, databases, ref, asked, decide)
      } catch (error) {
        // The new revision exists already, where it was not looked for: replication brought it without its parent.
        if (!isTaken(error)) throw error
        return apply(sql, databases, ref, { ids: idsOf(asked) }, decide)
      }
    },
    edits,
    outcomes,
  )
}

/** The same inside a transaction of the caller's, for edits of no design documents. */
export function writeTreesIn(
  tx: Transaction,
  databases: DatabaseCache,
  edits: readonly Edit[],
  outcomes: readonly BatchOutcome[],
): Promise<readonly BatchOutcome[]> {
  const applyIn: Apply = async (ref, asked, decide) =>
    (await applyTreesIn(tx, databases, ref, { ids: idsOf(asked) }, decide)).sequences
  return writeComplex(applyIn, edits, outcomes)
}

async function writeComplex(
  applyTo: Apply,
  edits: readonly Edit[],
  outcomes: readonly BatchOutcome[],
): Promise<readonly BatchOutcome[]> {
  const result = [...outcomes]
  const groups = new Map<string, number[]>()
  for (const [at, edit] of edits.entries()) {
    if (outcomes[at]?.kind !== 'complex') continue
    const key = databaseKey(edit.ref)
    const group = groups.get(key)
    if (group) group.push(at)
    else groups.set(key, [at])
  }
  for (const group of groups.values()) {
    const first = edits[group[0] ?? 0]
    if (!first) continue
    const decided = new Map<number, EditOutcome>()
    const byId = Map.groupBy(group, (at) => edits[at]?.id ?? '')
    const places = [...byId].map(([id, ats]) => ({ id, parent: edits[ats[0] ?? 0]?.parent }))
    // Several edits of one document may follow any of its leaves.
    const asked = byId.size < group.length ? { ids: [...byId.keys()] } : { places }
    const sequences = await applyTo(first.ref, asked, (id, nodes) => {
      const tree = new GrowingTree(nodes ?? [])
      const bodies = new Map<string, Body>()
      for (const at of byId.get(id) ?? []) {
        const edit = edits[at]
        if (edit) decided.set(at, decideOn(tree, edit, bodies))
      }
      return bodies.size === 0 ? undefined : { nodes: tree.nodes, bodies }
    })
    for (const at of group) {
      const id = edits[at]?.id ?? ''
      const outcome = decided.get(at) ?? { kind: 'conflict' }
      if (!sequences) result[at] = { kind: 'no_database' }
      else result[at] = outcome.kind === 'ok' ? { ...outcome, seq: sequences.get(id) ?? outcome.seq } : outcome
    }
  }
  return result
}

/**
 * Stores revisions as they came. Safe to repeat. `all_new`: all of them were documents that the database had not known
 * before. Throws `no_database`.
 */
export async function replicateTrees(
  sql: Sql,
  databases: DatabaseCache,
  ref: DatabaseRef,
  revisions: readonly Replicated[],
): Promise<'all_new' | 'merged'> {
  let fresh = 0
  const byId = new Map<string, Replicated[]>()
  for (const revision of revisions) {
    const known = byId.get(revision.id)
    if (known) known.push(revision)
    else byId.set(revision.id, [revision])
  }
  const sequences = await apply(sql, databases, ref, { ids: [...byId.keys()] }, (id, nodes, limit) => {
    let isChanged = false
    const arrived = byId.get(id) ?? []
    const [first] = arrived
    if (!nodes && first && arrived.length === 1) {
      fresh += 1
      return first
    }
    const tree = new GrowingTree(nodes ?? [])
    const bodies = new Map<string, Body>()
    for (const { gen, path, deleted, body } of arrived) {
      const change = tree.merge({ gen, path, deleted }, limit)
      isChanged ||= change !== 'none'
      if (change !== 'ancestors' && change !== 'none') bodies.set(`${gen}-${path[0]}`, body)
    }
    return isChanged ? { nodes: tree.nodes, bodies } : undefined
  })
  if (!sequences) throw noDatabase()
  return fresh === revisions.length ? 'all_new' : 'merged'
}

async function apply(
  sql: Sql,
  databases: DatabaseCache,
  ref: DatabaseRef,
  asked: TreesAsked,
  decideFor: Decide,
): Promise<ReadonlyMap<string, bigint> | undefined> {
  try {
    return await applyTrees(sql, databases, ref, asked, decideFor)
  } catch (error) {
    throw translate(error)
  }
}

/**
 * The rules of interactive edits on a tree of any shape. Its twin for documents with one leaf is the verdict of `hearth_write`
 * in migrations/0001-documents.sql; write-rules.test.ts holds both against one table.
 */
export function decide(
  edit: Edit,
  nodes: readonly TreeNode[] | undefined,
): { readonly outcome: EditOutcome; readonly change?: TreeChange } {
  const tree = new GrowingTree(nodes ?? [])
  const bodies = new Map<string, Body>()
  const outcome = decideOn(tree, edit, bodies)
  return bodies.size === 0 ? { outcome } : { outcome, change: { nodes: tree.nodes, bodies } }
}

/** The same for one edit after another: an edit that is accepted is in the tree afterwards, its body in `bodies`. */
function decideOn(tree: GrowingTree, edit: Edit, bodies: Map<string, Body>): EditOutcome {
  const { parent } = edit
  const top = tree.winner()
  if (!top) {
    if (edit.mustExist || (parent && edit.unknownParent === 'refuse')) return { kind: 'missing' }
    return addChild(tree, edit, parent, bodies)
  }
  if (top.deleted) {
    if (edit.mustExist || parent) return { kind: 'deleted' }
    return addChild(tree, edit, top, bodies)
  }
  const leaf = parent && tree.find(parent)
  if (!leaf?.leaf || leaf.deleted) return { kind: 'conflict' }
  return addChild(tree, edit, leaf, bodies)
}

/** Adds the edit as a child of `parent`. Its sequence is known once it is written. */
function addChild(
  tree: GrowingTree,
  edit: Edit,
  parent: RevisionId | undefined,
  bodies: Map<string, Body>,
): EditOutcome {
  const gen = (parent?.gen ?? 0) + 1
  const hash = revisionHash({ deleted: edit.deleted, gen, parent: parent?.hash, digest: edit.body.digest })
  tree.merge({ gen, path: parent ? [hash, parent.hash] : [hash], deleted: edit.deleted })
  bodies.set(`${gen}-${hash}`, edit.body)
  return { kind: 'ok', rev: { gen, hash }, seq: 0n }
}
