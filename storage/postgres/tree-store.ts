/**
 * Edits of revision trees, for many documents of one database in one transaction: locks it, reads the trees, lets the
 * caller decide, writes the difference. `OFFSET 0` as in trees.ts.
 */
import { keepsText } from '../../src/model/body.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import type { Json } from '../../src/model/json/value.ts'
import { stem, type TreeNode, winner } from '../../src/model/revision-tree.ts'
import type { Body, DatabaseRef, Replicated } from '../documents/contract.ts'
import { inByteOrder } from './byte-order.ts'
import type { Sql, Transaction } from './connection.ts'
import type { DatabaseCache, KnownDatabase } from './database-cache.ts'
import { entriesOf, keptIndexes } from './entries.ts'
import { type DesignChange, followDesigns } from './indexes.ts'
import { insertDocuments, type NewDocument } from './new-documents.ts'
import { type Change, countWorks, keyOf, type Winner, type Work, writeNodes, writeWinners } from './tree-rows.ts'
import { readTrees, readTreeTops, type StoredTree, type TreePlace } from './trees.ts'

/** The tree after an edit, with the bodies of the revisions that are new, by `gen-hash`. */
export interface TreeChange {
  readonly nodes: readonly TreeNode[]
  readonly bodies: ReadonlyMap<string, Body>
}

/**
 * What becomes of a document; `undefined`: it stays as it is. A revision as it came is the answer for a document without
 * nodes only. `limit` is the database's revision limit.
 */
export type Decide = (
  id: string,
  nodes: readonly TreeNode[] | undefined,
  limit: number,
) => TreeChange | Replicated | undefined

/** Documents whose whole trees are needed, or edits that follow one leaf each. */
export type TreesAsked = { readonly ids: readonly string[] } | { readonly places: readonly TreePlace[] }

/** The sequences of what was changed, by id; `undefined` when the database does not exist. */
export async function applyTrees(
  sql: Sql,
  databases: DatabaseCache,
  ref: DatabaseRef,
  asked: TreesAsked,
  decide: Decide,
): Promise<ReadonlyMap<string, bigint> | undefined> {
  const { sequences, designsChanged } = await sql.begin((tx) => applyTreesIn(tx, databases, ref, asked, decide))
  if (designsChanged) await databases.load(ref)
  return sequences
}

export interface AppliedTrees {
  readonly sequences: ReadonlyMap<string, bigint> | undefined
  /** The list of indexes is another one after the commit. */
  readonly designsChanged: boolean
}

/** The same inside a transaction of the caller's. */
export async function applyTreesIn(
  tx: Transaction,
  databases: DatabaseCache,
  ref: DatabaseRef,
  asked: TreesAsked,
  decide: Decide,
): Promise<AppliedTrees> {
  const ids = idsOf(asked)
  const locked = await lock(tx, databases, ref, asked)
  if (!locked) return { sequences: undefined, designsChanged: false }
  const { known, limit, updateSeq, trees } = locked
  const added: NewDocument[] = []
  const changes: Change[] = []
  for (const id of inByteOrder(ids, (one) => one)) {
    const before = trees.get(id)
    const change = decide(id, before?.nodes, limit)
    if (!change) continue
    const place = added.length + changes.length + 1
    if ('path' in change) added.push({ place, revision: change })
    else changes.push({ place, id, before, after: stem(change.nodes, limit), bodies: change.bodies })
  }
  if (changes.length + added.length === 0) return { sequences: new Map(), designsChanged: false }
  const promoted = await promotedBodies(tx, known.db, changes)
  const works = changes.map(({ place, id, before, after, bodies }): Work => {
    const node = winner(after)
    if (!node) throw new Error('a tree without leaves')
    const added = leavesOf(after) - leavesOf(before?.nodes ?? [])
    const leaves = (before?.leaves ?? 0) + added
    return { place, id, before, after, winner: { node, leaves, body: bodies.get(keyOf(node)) ?? promoted.get(id) } }
  })
  // One after the other on one connection, in this order, without waiting for an answer in between.
  await Promise.all([
    ...(added.length > 0 ? [insertDocuments(tx, known, added)] : []),
    ...(works.length > 0 ? [countWorks(tx, known.db, works)] : []),
    ...writeNodes(tx, known.db, works, changes),
    ...writeWinners(tx, known.db, updateSeq, works),
    ...writeEntries(tx, known, works, added),
  ])
  const designs = designChanges(databases, works, added)
  if (designs.length > 0) await followDesigns(tx, known.db, designs)
  const placed = [...works, ...added.map(({ place, revision: { id } }) => ({ place, id }))]
  const sequences = new Map(placed.map(({ place, id }) => [id, updateSeq + BigInt(place)]))
  return { sequences, designsChanged: designs.length > 0 }
}

function leavesOf(nodes: readonly TreeNode[]): number {
  return nodes.filter(({ leaf }) => leaf).length
}

interface Locked {
  readonly known: KnownDatabase
  readonly limit: number
  readonly updateSeq: bigint
  readonly trees: ReadonlyMap<string, StoredTree>
}

/**
 * Locks the database and reads the trees under the lock. Both are sent at once when the database's number is known;
 * what was known is checked against the locked row.
 */
async function lock(
  tx: Transaction,
  databases: DatabaseCache,
  ref: DatabaseRef,
  asked: TreesAsked,
): Promise<Locked | undefined> {
  const guess = databases.peek(ref)
  // A query of this driver is sent when it is awaited: this one must be the first.
  const locking = tx<{ db: string; revs_limit: number; index_epoch: number; update_seq: string }[]>`
    SELECT db, revs_limit, index_epoch, update_seq FROM databases
    WHERE prefix = ${ref.prefix} AND name = ${ref.name} FOR NO KEY UPDATE`.execute()
  const [[row], guessed] = await Promise.all([locking, guess && read(tx, guess.db, asked)])
  if (!row) return undefined
  const isCurrent = guess?.db === row.db && guess.indexEpoch === row.index_epoch
  const known = isCurrent ? guess : await databases.load(ref, tx)
  if (!known) return undefined
  const limit = row.revs_limit
  const found = guessed && guess?.db === row.db ? guessed : await read(tx, known.db, asked)
  // A branch that grows beyond the limit loses its oldest revision, which has to be known then.
  const isShort = [...found.values()].every(({ nodes }) => nodes.every(({ gen }) => gen < limit))
  const trees = 'ids' in asked || isShort ? found : await readTrees(tx, known.db, idsOf(asked))
  return { known, limit, updateSeq: BigInt(row.update_seq), trees }
}

/** The documents that are asked for. */
export function idsOf(asked: TreesAsked): readonly string[] {
  return 'ids' in asked ? asked.ids : asked.places.map(({ id }) => id)
}

function read(tx: Transaction, db: string, asked: TreesAsked): Promise<ReadonlyMap<string, StoredTree>> {
  return 'ids' in asked ? readTrees(tx, db, asked.ids) : readTreeTops(tx, db, asked.places)
}

/** Bodies of old leaves that become winners because the former winner was deleted. */
async function promotedBodies(tx: Transaction, db: string, changes: readonly Change[]) {
  const promoted = changes.flatMap(({ id, before, after, bodies }) => {
    const top = winner(after)
    return top && before && keyOf(top) !== keyOf(before.winner) && !bodies.has(keyOf(top)) ? [{ id, top }] : []
  })
  const found = new Map<string, NonNullable<Winner['body']>>()
  if (promoted.length === 0) return found
  const rows = await tx<{ id: string; body: string }[]>`
    SELECT r.id, r.body
    FROM unnest(${promoted.map((p) => p.id)}::text[], ${promoted.map((p) => p.top.gen)}::text[]::bigint[],
      ${promoted.map((p) => p.top.hash)}::text[]) AS t (id, gen, hash)
    CROSS JOIN LATERAL (SELECT * FROM revs WHERE db = ${db} AND id = t.id AND gen = t.gen AND hash = t.hash OFFSET 0) r`
  for (const { id, body } of rows) {
    const { value } = parseJson(body)
    found.set(id, { text: body, raw: keepsText(id, body, value), value })
  }
  return found
}

/** Index entries of the winners that are new. */
function writeEntries(
  tx: Transaction,
  { db, indexes }: KnownDatabase,
  works: readonly Work[],
  added: readonly NewDocument[],
): readonly PromiseLike<unknown>[] {
  if (indexes.length === 0) return []
  const moved = [
    ...works.flatMap(({ id, winner: { node, body } }) => (body ? [{ id, node, body }] : [])),
    ...added.map(({ revision: { id, gen, path, deleted, body } }) => {
      return { id, node: { gen, hash: path[0] ?? '', deleted }, body }
    }),
  ]
  if (moved.length === 0) return []
  const entries = moved.map(({ id, node, body }) => (node.deleted ? [] : entriesOf(indexes, id, keyOf(node), body)))
  const rows = moved.flatMap(({ id }, at) => (entries[at] ?? []).map((entry) => [db, id, ...entry]))
  return [
    tx`SELECT hearth_put_entries(${moved.map(() => db)}::text[]::bigint[], ${moved.map(({ id }) => id)}::text[],
      ${entries.map(keptIndexes)}::text[], ${JSON.stringify(rows)}::text::jsonb)`,
  ]
}

/** What design documents with a new winner say about indexes. */
function designChanges(
  databases: DatabaseCache,
  works: readonly Work[],
  added: readonly NewDocument[],
): DesignChange[] {
  const views = (deleted: boolean, value: Json) => (deleted ? [] : databases.definitions(value))
  return [
    ...works.flatMap(({ id, winner: { node, body } }): DesignChange[] => {
      return id.startsWith('_design/') && body ? [{ ddoc: id, views: views(node.deleted, body.value) }] : []
    }),
    ...added.flatMap(({ revision: { id, deleted, body } }): DesignChange[] => {
      return id.startsWith('_design/') ? [{ ddoc: id, views: views(deleted, body.value) }] : []
    }),
  ]
}
