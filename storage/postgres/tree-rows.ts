/**
 * The statements that write the difference between two states of revision trees. They are sent when they are waited for,
 * and must be waited for in their order. `OFFSET 0` keeps the database's number out of the planner's sight, which would
 * read the whole database (see trees.ts).
 */

import type { Json } from '../../src/model/json/value.ts'
import type { TreeNode } from '../../src/model/revision-tree.ts'
import type { Body, RevisionTree } from '../documents/contract.ts'
import type { Transaction } from './connection.ts'
import type { StoredTree } from './trees.ts'

/** What a document shows after the edit. */
export interface Winner {
  readonly node: TreeNode
  readonly leaves: number
  /** Absent: the winner stays, only its place in the feed changes. */
  readonly body: { readonly text: string; readonly raw: boolean; readonly value: Json } | undefined
}

/** A document that is written. */
export interface Work {
  /** As in `NewDocument`. */
  readonly place: number
  readonly id: string
  readonly before: RevisionTree | undefined
  readonly after: readonly TreeNode[]
  readonly winner: Winner
}

/** A document whose tree has changed. */
export interface Change {
  readonly place: number
  readonly id: string
  readonly before: StoredTree | undefined
  readonly after: readonly TreeNode[]
  readonly bodies: ReadonlyMap<string, Body>
}

/** `gen-hash`, by which bodies are found. */
export function keyOf(node: { readonly gen: number; readonly hash: string }): string {
  return `${node.gen}-${node.hash}`
}

interface RevisionRow {
  readonly id: string
  readonly node: TreeNode
  readonly text: string | null
}

/** Everything that is not a winner: what is new, what lost the title, what changed or got its body, what was stemmed. */
export function writeNodes(
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
      else if (old.leaf !== node.leaf || old.parent !== node.parent || old.hasBody !== node.hasBody) {
        altered.push({ id, node, text: old.hasBody ? null : (changes[at]?.bodies.get(key)?.text ?? null) })
      }
    }
    for (const node of known.values()) if (keyOf(node) !== formerWinner) removed.push({ id, node })
  }
  const statements: PromiseLike<unknown>[] = []
  if (dethroned.length > 0) {
    statements.push(tx`
      INSERT INTO revs (db, id, gen, hash, parent, deleted, leaf, body, seq)
      SELECT x.db, x.id, x.gen, x.hash, t.parent, x.deleted, t.leaf, coalesce(x.raw, x.body::text), x.seq
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
      UPDATE revs r SET leaf = t.leaf, parent = t.parent, deleted = t.deleted, body = coalesce(t.body, r.body),
        stored_at = CASE WHEN t.body IS NOT NULL OR r.leaf AND NOT t.leaf THEN now() ELSE r.stored_at END
      FROM (
        SELECT ${db}::bigint AS db, u.*
        FROM unnest(${altered.map((row) => row.id)}::text[], ${altered.map((row) => row.node.gen)}::text[]::bigint[],
          ${altered.map((row) => row.node.hash)}::text[], ${altered.map((row) => row.node.parent ?? null)}::text[],
          ${altered.map((row) => bool(row.node.leaf))}::text[]::boolean[],
          ${altered.map((row) => bool(row.node.deleted))}::text[]::boolean[], ${altered.map((row) => row.text)}::text[])
          AS u (id, gen, hash, parent, leaf, deleted, body) OFFSET 0) AS t
      WHERE r.db = t.db AND r.id = t.id AND r.gen = t.gen AND r.hash = t.hash`)
  }
  return statements
}

function bool(value: boolean): string {
  return value ? 't' : 'f'
}

/** How many documents there are now, and how far the database has come. */
export function countWorks(tx: Transaction, db: string, works: readonly Work[]): PromiseLike<unknown> {
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

/** Winners with their sequences, which follow `updateSeq`. */
export function writeWinners(
  tx: Transaction,
  db: string,
  updateSeq: bigint,
  works: readonly Work[],
): readonly PromiseLike<unknown>[] {
  const statements: PromiseLike<unknown>[] = []
  const numbered = works.map((work) => ({ ...work, seq: String(updateSeq + BigInt(work.place)) }))
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
