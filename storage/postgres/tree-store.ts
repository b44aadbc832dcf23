/**
 * Writes the difference between two states of revision trees, for many documents of one database in one transaction.
 * `OFFSET 0` keeps the database's number out of the planner's sight, which would read the whole database (see trees.ts).
 */

import { keepsText } from '../../src/documents/document.ts'
import { mergePath, stem, type TreeNode, winner } from '../../src/documents/revision-tree.ts'
import { parseJson } from '../../src/json/exact.ts'
import type { Json } from '../../src/json/value.ts'
import type { Body, DatabaseRef, Replicated, RevisionTree } from '../documents/contract.ts'
import type { Sql, Transaction } from './connection.ts'
import type { Directory, KnownDatabase } from './directory.ts'
import { entriesOf, keptIndexes } from './entries.ts'
import { type DesignChange, followDesigns } from './indexes.ts'
import { plant } from './planting.ts'
import { readTrees } from './trees.ts'

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

interface Winner {
  readonly node: TreeNode
  readonly leaves: number
  /** Absent: the winner stays, only its place in the feed changes. */
  readonly body: { readonly text: string; readonly raw: boolean; readonly value: Json } | undefined
}

interface Work {
  readonly id: string
  readonly before: RevisionTree | undefined
  readonly after: readonly TreeNode[]
  readonly winner: Winner
}

/** The sequences of what was changed, by id; `undefined` when the database does not exist. */
export async function applyTrees(
  sql: Sql,
  directory: Directory,
  ref: DatabaseRef,
  ids: readonly string[],
  decide: Decide,
): Promise<ReadonlyMap<string, bigint> | undefined> {
  const { sequences, designsChanged } = await sql.begin((tx) => applyTreesIn(tx, directory, ref, ids, decide))
  if (designsChanged) await directory.load(ref)
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
  directory: Directory,
  ref: DatabaseRef,
  ids: readonly string[],
  decide: Decide,
): Promise<AppliedTrees> {
  const locked = await lock(tx, directory, ref, ids)
  if (!locked) return { sequences: undefined, designsChanged: false }
  const { known, limit, updateSeq, trees } = locked
  const decided = sorted(ids).flatMap((id) => {
    const change = decide(id, trees.get(id)?.nodes, limit)
    return change ? [{ id, before: trees.get(id), change }] : []
  })
  // Sequences follow the ids, so new documents are planted only where no known one stands between them.
  const fresh = decided.flatMap(({ change }) => ('path' in change ? [change] : []))
  const plants = fresh.length === decided.length ? fresh : []
  const changes = plants.length > 0 ? [] : decided.map((one) => changeOf(one, limit))
  if (changes.length + plants.length === 0) return { sequences: new Map(), designsChanged: false }
  const promoted = await promotedBodies(tx, known.db, changes)
  const works = changes.map(({ id, before, after, bodies }): Work => {
    const node = winner(after)
    if (!node) throw new Error('a tree without leaves')
    const leaves = after.filter((one) => one.leaf).length
    return { id, before, after, winner: { node, leaves, body: bodies.get(keyOf(node)) ?? promoted.get(id) } }
  })
  // One behind the other on one connection, in this order, without waiting for an answer in between.
  await Promise.all([
    ...(plants.length > 0 ? [plant(tx, known, plants)] : []),
    ...(works.length > 0 ? [count(tx, known.db, works)] : []),
    ...writeNodes(tx, known.db, works, changes),
    ...writeWinners(tx, known.db, updateSeq + 1n + BigInt(plants.length), works),
    ...writeEntries(tx, known, works, plants),
  ])
  const designs = designChanges(directory, works, plants)
  if (designs.length > 0) await followDesigns(tx, known.db, designs)
  const sequences = new Map([...plants, ...works].map(({ id }, at) => [id, updateSeq + 1n + BigInt(at)]))
  return { sequences, designsChanged: designs.length > 0 }
}

/** A document's next state; that of a new one is its single branch. */
function changeOf(
  { id, before, change }: { id: string; before: RevisionTree | undefined; change: TreeChange | Replicated },
  limit: number,
): Change {
  if (!('path' in change)) return { id, before, after: stem(change.nodes, limit), bodies: change.bodies }
  const { gen, path, deleted, body } = change
  const { nodes } = mergePath([], { gen, path, deleted }, limit)
  return { id, before, after: stem(nodes, limit), bodies: new Map([[`${gen}-${path[0]}`, body]]) }
}

interface Locked {
  readonly known: KnownDatabase
  readonly limit: number
  readonly updateSeq: bigint
  readonly trees: ReadonlyMap<string, RevisionTree>
}

/**
 * Locks the database and reads the trees under the lock. Both are sent at once when the database's number is known;
 * what was known is checked against the locked row.
 */
async function lock(
  tx: Transaction,
  directory: Directory,
  ref: DatabaseRef,
  ids: readonly string[],
): Promise<Locked | undefined> {
  const guess = directory.peek(ref)
  // A query of this driver is sent when somebody waits for it: this one must be the first.
  const locking = tx<{ db: string; revs_limit: number; index_epoch: number; update_seq: string }[]>`
    SELECT db, revs_limit, index_epoch, update_seq FROM databases
    WHERE prefix = ${ref.prefix} AND name = ${ref.name} FOR NO KEY UPDATE`.execute()
  const [[row], read] = await Promise.all([locking, guess && readTrees(tx, guess.db, ids)])
  if (!row) return undefined
  const isCurrent = guess?.db === row.db && guess.indexEpoch === row.index_epoch
  const known = isCurrent ? guess : await directory.load(ref, tx)
  if (!known) return undefined
  const trees = read && guess?.db === row.db ? read : await readTrees(tx, known.db, ids)
  return { known, limit: row.revs_limit, updateSeq: BigInt(row.update_seq), trees }
}

/** Ids in byte order, as the collation "C" has them: only behind the surrogates does UTF-16 have another. */
function sorted(ids: readonly string[]): readonly string[] {
  if (!ids.some((id) => /[\ud800-\uffff]/.test(id))) return [...ids].sort()
  return [...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

function keyOf(node: { readonly gen: number; readonly hash: string }): string {
  return `${node.gen}-${node.hash}`
}

interface Change {
  readonly id: string
  readonly before: RevisionTree | undefined
  readonly after: readonly TreeNode[]
  readonly bodies: ReadonlyMap<string, Body>
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

interface RevisionRow {
  readonly id: string
  readonly node: TreeNode
  readonly text: string | null
}

/** Everything that is not a winner: what is new, what lost the title, what changed its place, what was stemmed. */
function writeNodes(
  tx: Transaction,
  db: string,
  works: readonly Work[],
  changes: readonly Change[],
): readonly PromiseLike<unknown>[] {
  const made: RevisionRow[] = []
  const dethroned: RevisionRow[] = []
  const altered: RevisionRow[] = []
  const removed: { id: string; node: { gen: number; hash: string } }[] = []
  for (const [at, { id, before, after, winner: top }] of works.entries()) {
    const known = new Map(before?.nodes.map((node) => [keyOf(node), node]))
    const formerWinner = before ? keyOf(before.winner) : ''
    for (const node of after) {
      const key = keyOf(node)
      const old = known.get(key)
      known.delete(key)
      if (key === keyOf(top.node)) {
        if (old && key !== formerWinner) removed.push({ id, node })
      } else if (key === formerWinner) dethroned.push({ id, node, text: null })
      else if (!old) made.push({ id, node, text: changes[at]?.bodies.get(key)?.text ?? null })
      else if (old.leaf !== node.leaf || old.parent !== node.parent) altered.push({ id, node, text: null })
    }
    for (const node of known.values()) if (keyOf(node) !== formerWinner) removed.push({ id, node })
  }
  const statements: PromiseLike<unknown>[] = []
  if (dethroned.length > 0) {
    statements.push(tx`
      INSERT INTO revs (db, id, gen, hash, parent, deleted, leaf, body)
      SELECT x.db, x.id, x.gen, x.hash, t.parent, x.deleted, t.leaf, coalesce(x.raw, x.body::text)
      FROM unnest(${dethroned.map((row) => row.id)}::text[], ${dethroned.map((row) => row.node.parent ?? null)}::text[],
        ${dethroned.map((row) => bool(row.node.leaf))}::text[]::boolean[]) AS t (id, parent, leaf)
      CROSS JOIN LATERAL (SELECT * FROM docs WHERE db = ${db} AND id = t.id OFFSET 0) x`)
  }
  if (removed.length > 0) {
    statements.push(tx`
      DELETE FROM revs r
      USING (
        SELECT ${db}::bigint AS db, u.*
        FROM unnest(${removed.map((row) => row.id)}::text[], ${removed.map((row) => row.node.gen)}::text[]::bigint[],
          ${removed.map((row) => row.node.hash)}::text[]) AS u (id, gen, hash) OFFSET 0) AS t
      WHERE r.db = t.db AND r.id = t.id AND r.gen = t.gen AND r.hash = t.hash`)
  }
  if (made.length > 0) {
    statements.push(tx`
      INSERT INTO revs (db, id, gen, hash, parent, deleted, leaf, body)
      SELECT ${db}, * FROM unnest(${made.map((row) => row.id)}::text[], ${made.map((row) => row.node.gen)}::text[]::bigint[],
        ${made.map((row) => row.node.hash)}::text[], ${made.map((row) => row.node.parent ?? null)}::text[],
        ${made.map((row) => bool(row.node.deleted))}::text[]::boolean[],
        ${made.map((row) => bool(row.node.leaf))}::text[]::boolean[], ${made.map((row) => row.text)}::text[])`)
  }
  if (altered.length > 0) {
    statements.push(tx`
      UPDATE revs r SET leaf = t.leaf, parent = t.parent,
        stored_at = CASE WHEN r.leaf AND NOT t.leaf THEN now() ELSE r.stored_at END
      FROM (
        SELECT ${db}::bigint AS db, u.*
        FROM unnest(${altered.map((row) => row.id)}::text[], ${altered.map((row) => row.node.gen)}::text[]::bigint[],
          ${altered.map((row) => row.node.hash)}::text[], ${altered.map((row) => row.node.parent ?? null)}::text[],
          ${altered.map((row) => bool(row.node.leaf))}::text[]::boolean[]) AS u (id, gen, hash, parent, leaf) OFFSET 0) AS t
      WHERE r.db = t.db AND r.id = t.id AND r.gen = t.gen AND r.hash = t.hash`)
  }
  return statements
}

function bool(value: boolean): string {
  return value ? 't' : 'f'
}

/** How many documents there are now, and how far the database has come. */
function count(tx: Transaction, db: string, works: readonly Work[]): PromiseLike<unknown> {
  let live = 0
  let dead = 0
  for (const { before, winner: top } of works) {
    const former = before?.nodes.find((node) => keyOf(node) === keyOf(before.winner))
    live += Number(!top.node.deleted) - Number(former !== undefined && !former.deleted)
    dead += Number(top.node.deleted) - Number(former?.deleted ?? false)
  }
  return tx`
    UPDATE databases SET update_seq = update_seq + ${works.length}, doc_count = doc_count + ${live},
      deleted_count = deleted_count + ${dead} WHERE db = ${db}`
}

/** Winners with their sequences, which follow each other from `firstSeq`. */
function writeWinners(
  tx: Transaction,
  db: string,
  firstSeq: bigint,
  works: readonly Work[],
): readonly PromiseLike<unknown>[] {
  const statements: PromiseLike<unknown>[] = []
  const numbered = works.map((work, at) => ({ ...work, seq: String(firstSeq + BigInt(at)) }))
  const moved = numbered.filter((work) => work.winner.body)
  const kept = numbered.filter((work) => !work.winner.body)
  if (kept.length > 0) {
    statements.push(tx`
      UPDATE docs x SET seq = t.seq, leaves = t.leaves, parent = t.parent
      FROM (
        SELECT ${db}::bigint AS db, u.*
        FROM unnest(${kept.map((w) => w.id)}::text[], ${kept.map((w) => w.seq)}::text[]::bigint[],
          ${kept.map((w) => w.winner.leaves)}::text[]::int[], ${kept.map((w) => w.winner.node.parent ?? null)}::text[])
          AS u (id, seq, leaves, parent) OFFSET 0) AS t
      WHERE x.db = t.db AND x.id = t.id`)
  }
  if (moved.length === 0) return statements
  statements.push(tx`
    INSERT INTO docs AS x (db, id, seq, gen, hash, parent, deleted, leaves, body, raw)
    SELECT ${db}, t.id, t.seq, t.gen, t.hash, t.parent, t.deleted, t.leaves, hearth_jsonb(t.body, t.raw), CASE WHEN t.raw THEN t.body END
    FROM unnest(${moved.map((w) => w.id)}::text[], ${moved.map((w) => w.seq)}::text[]::bigint[],
      ${moved.map((w) => w.winner.node.gen)}::text[]::bigint[], ${moved.map((w) => w.winner.node.hash)}::text[],
      ${moved.map((w) => w.winner.node.parent ?? null)}::text[],
      ${moved.map((w) => bool(w.winner.node.deleted))}::text[]::boolean[],
      ${moved.map((w) => w.winner.leaves)}::text[]::int[], ${moved.map((w) => w.winner.body?.text ?? '')}::text[],
      ${moved.map((w) => bool(w.winner.body?.raw ?? false))}::text[]::boolean[])
      AS t (id, seq, gen, hash, parent, deleted, leaves, body, raw)
    ON CONFLICT (db, id) DO UPDATE SET seq = excluded.seq, gen = excluded.gen, hash = excluded.hash,
      parent = excluded.parent, deleted = excluded.deleted, leaves = excluded.leaves, body = excluded.body, raw = excluded.raw`)
  return statements
}

/** Index entries of the winners that are new. */
function writeEntries(
  tx: Transaction,
  { db, indexes }: KnownDatabase,
  works: readonly Work[],
  plants: readonly Replicated[],
): readonly PromiseLike<unknown>[] {
  if (indexes.length === 0) return []
  const moved = [
    ...works.flatMap(({ id, winner: { node, body } }) => (body ? [{ id, node, body }] : [])),
    ...plants.map(({ id, gen, path, deleted, body }) => {
      return { id, node: { gen, hash: path[0] ?? '', deleted }, body }
    }),
  ]
  if (moved.length === 0) return []
  const entries = moved.map(({ id, node, body }) =>
    node.deleted ? [] : entriesOf(indexes, id, keyOf(node), body.value),
  )
  const rows = moved.flatMap(({ id }, at) => (entries[at] ?? []).map((entry) => [db, id, ...entry]))
  return [
    tx`SELECT hearth_put_entries(${moved.map(() => db)}::text[]::bigint[], ${moved.map(({ id }) => id)}::text[],
      ${entries.map(keptIndexes)}::text[], ${JSON.stringify(rows)}::text::jsonb)`,
  ]
}

/** What design documents with a new winner say about indexes. */
function designChanges(directory: Directory, works: readonly Work[], plants: readonly Replicated[]): DesignChange[] {
  const views = (deleted: boolean, value: Json) => (deleted ? [] : directory.definitions(value))
  return [
    ...works.flatMap(({ id, winner: { node, body } }): DesignChange[] => {
      return id.startsWith('_design/') && body ? [{ ddoc: id, views: views(node.deleted, body.value) }] : []
    }),
    ...plants.flatMap(({ id, deleted, body }): DesignChange[] => {
      return id.startsWith('_design/') ? [{ ddoc: id, views: views(deleted, body.value) }] : []
    }),
  ]
}
