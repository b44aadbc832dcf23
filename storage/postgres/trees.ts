/**
 * Reading revision trees and bodies of old revisions. `LATERAL ... OFFSET 0` is one look-up by key for each id: a plain
 * join reads the whole database for them when it was planned while databases were small.
 */
import type {
  DatabaseRef,
  DocumentRevision,
  RevisionId,
  RevisionNode,
  RevisionTree,
  StoredDocument,
} from '../documents/contract.ts'
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
  const list = ids.filter((id) => !id.includes('\u0000'))
  const rows = await sql<NodeRow[]>`
    SELECT x.id, x.seq, x.gen, x.hash, x.parent, x.deleted, true AS leaf, true AS has_body
    FROM unnest(${list}::text[]) AS t (id)
    CROSS JOIN LATERAL (SELECT * FROM docs WHERE db = ${db} AND id = t.id OFFSET 0) x
    WHERE EXISTS (SELECT 1 FROM databases WHERE db = ${db})
    UNION ALL
    SELECT r.id, NULL, r.gen, r.hash, r.parent, r.deleted, r.leaf, r.body IS NOT NULL
    FROM unnest(${list}::text[]) AS t (id)
    CROSS JOIN LATERAL (SELECT * FROM revs WHERE db = ${db} AND id = t.id OFFSET 0) r`
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

interface BodyRow {
  readonly o: string
  readonly deleted: boolean
  readonly leaves: number
  readonly seq: string
  readonly text: string
}

/** Many revisions with their bodies in one statement, in the order asked; `undefined` where there is no body. */
export async function readRevisions(
  sql: Sql,
  db: string,
  asked: readonly DocumentRevision[],
): Promise<readonly (StoredDocument | undefined)[]> {
  const places = asked.flatMap((one, at) => (one.id.includes('\u0000') || one.hash.includes('\u0000') ? [] : [at]))
  const column = <T>(value: (one: DocumentRevision) => T) => places.map((at) => value(asked[at] as DocumentRevision))
  const wanted = sql`
    unnest(${column((one) => one.id)}::text[], ${column((one) => one.gen)}::text[]::bigint[],
      ${column((one) => one.hash)}::text[]) WITH ORDINALITY AS t (id, gen, hash, o)`
  const rows = await sql<BodyRow[]>`
    SELECT t.o, x.deleted, x.leaves, x.seq, coalesce(x.raw, x.body::text) AS text
    FROM ${wanted} CROSS JOIN LATERAL (SELECT * FROM docs WHERE db = ${db} AND id = t.id OFFSET 0) x
    WHERE x.gen = t.gen AND x.hash = t.hash AND EXISTS (SELECT 1 FROM databases WHERE db = ${db})
    UNION ALL
    SELECT t.o, r.deleted, x.leaves, x.seq, r.body
    FROM ${wanted}
    CROSS JOIN LATERAL (SELECT * FROM revs WHERE db = ${db} AND id = t.id AND gen = t.gen AND hash = t.hash OFFSET 0) r
    CROSS JOIN LATERAL (SELECT * FROM docs WHERE db = ${db} AND id = t.id OFFSET 0) x
    WHERE r.body IS NOT NULL AND EXISTS (SELECT 1 FROM databases WHERE db = ${db})`
  const found: (StoredDocument | undefined)[] = new Array(asked.length).fill(undefined)
  for (const { o, deleted, leaves, seq, text } of rows) {
    const at = places[Number(o) - 1] ?? -1
    const one = asked[at]
    if (one) found[at] = { id: one.id, gen: one.gen, hash: one.hash, deleted, leaves, seq: BigInt(seq), text }
  }
  return found
}
