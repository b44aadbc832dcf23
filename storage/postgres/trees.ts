/** Reading revision trees and bodies of old revisions. */
import type { DatabaseRef, RevisionId, RevisionNode, RevisionTree, StoredDocument } from '../documents/contract.ts'
import type { Sql, Transaction } from './connection.ts'

interface NodeRow {
  readonly id: string
  readonly seq: string | null
  readonly gen: string
  readonly hash: string
  readonly parent: string | null
  readonly deleted: boolean
  readonly leaf: boolean
  readonly has_body: boolean
}

/** Trees of many documents in one statement; those that do not exist, or whose database was dropped, are left out. */
export async function readTrees(
  sql: Sql | Transaction,
  db: string,
  ids: readonly string[],
): Promise<Map<string, RevisionTree>> {
  const list = ids as string[]
  const rows = await sql<NodeRow[]>`
    SELECT x.id, x.seq, x.gen, x.hash, x.parent, x.deleted, true AS leaf, true AS has_body
    FROM unnest(${list}::text[]) AS t (id) JOIN docs x ON x.db = ${db} AND x.id = t.id
    WHERE EXISTS (SELECT 1 FROM databases WHERE db = ${db})
    UNION ALL
    SELECT r.id, NULL, r.gen, r.hash, r.parent, r.deleted, r.leaf, r.body IS NOT NULL
    FROM unnest(${list}::text[]) AS t (id) JOIN revs r ON r.db = ${db} AND r.id = t.id`
  const nodes = new Map<string, RevisionNode[]>()
  const winners = new Map<string, { seq: bigint; winner: RevisionId }>()
  for (const row of rows) {
    const node: RevisionNode = {
      gen: Number(row.gen),
      hash: row.hash,
      parent: row.parent ?? undefined,
      deleted: row.deleted,
      leaf: row.leaf,
      hasBody: row.has_body,
    }
    if (row.seq !== null) winners.set(row.id, { seq: BigInt(row.seq), winner: { gen: node.gen, hash: node.hash } })
    const known = nodes.get(row.id)
    if (known) known.push(node)
    else nodes.set(row.id, [node])
  }
  const trees = new Map<string, RevisionTree>()
  for (const [id, { seq, winner }] of winners) trees.set(id, { id, seq, winner, nodes: nodes.get(id) ?? [] })
  return trees
}

/** One revision with its body, from wherever it is kept. */
export async function readRevision(
  sql: Sql,
  ref: DatabaseRef,
  id: string,
  rev: RevisionId,
): Promise<StoredDocument | undefined> {
  const rows = await sql<{ deleted: boolean; leaves: number; seq: string; text: string }[]>`
    SELECT x.deleted, x.leaves, x.seq, coalesce(x.raw, x.body::text) AS text
    FROM databases d JOIN docs x ON x.db = d.db AND x.id = ${id}
    WHERE d.prefix = ${ref.prefix} AND d.name = ${ref.name} AND x.gen = ${rev.gen} AND x.hash = ${rev.hash}
    UNION ALL
    SELECT r.deleted, x.leaves, x.seq, r.body
    FROM databases d JOIN docs x ON x.db = d.db AND x.id = ${id} JOIN revs r ON r.db = x.db AND r.id = x.id
    WHERE d.prefix = ${ref.prefix} AND d.name = ${ref.name} AND r.gen = ${rev.gen} AND r.hash = ${rev.hash}
      AND r.body IS NOT NULL`
  const [row] = rows
  if (!row) return undefined
  return {
    id,
    gen: rev.gen,
    hash: rev.hash,
    deleted: row.deleted,
    leaves: row.leaves,
    seq: BigInt(row.seq),
    text: row.text,
  }
}
