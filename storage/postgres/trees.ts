/**
 * Reading revision trees and bodies of old revisions. `LATERAL ... OFFSET 0` is one look-up by key for each id: a plain
 * join reads the whole database for them when it was planned while databases were small.
 */
import type { DocumentRevision, RevisionId, RevisionNode, RevisionTree, StoredDocument } from '../documents/contract.ts'
import type { Sql, Transaction } from './connection.ts'

/** A winner; its text where that is asked for, and all other revisions as a list of `OtherNode`. */
type TreeRow = [
  id: string,
  seq: string,
  gen: string,
  hash: string,
  parent: string | null,
  deleted: boolean,
  leaves: number,
  text: string | null,
  others: string | null,
]

type OtherNode = [gen: number, hash: string, parent: string | null, deleted: boolean, leaf: boolean, hasBody: boolean]

/** A tree and what is known of it without counting. */
export interface StoredTree extends RevisionTree {
  /** Leaves of the document, those too that are not among `nodes`. */
  readonly leaves: number
}

/** An edit's document and the revision that it follows. */
export interface TreePlace {
  readonly id: string
  readonly parent: RevisionId | undefined
}

/**
 * Trees of many documents in one statement, with the bodies of their winners or without; those that do not exist, or
 * whose database was dropped, are left out. A row for each document: rows are what the driver is slow with.
 */
export async function readTrees(
  sql: Sql | Transaction,
  db: string,
  ids: readonly string[],
  documents = false,
): Promise<Map<string, StoredTree>> {
  const list = ids.filter((id) => !id.includes('\u0000'))
  const text = documents ? sql`coalesce(x.raw, x.body::text)` : sql`NULL::text`
  const rows = (await sql`
    SELECT x.id, x.seq, x.gen, x.hash, x.parent, x.deleted, x.leaves, ${text}, (
      SELECT json_agg(json_build_array(r.gen, r.hash, r.parent, r.deleted, r.leaf, r.body IS NOT NULL))::text
      FROM revs r WHERE r.db = ${db} AND r.id = x.id)
    FROM unnest(${list}::text[]) AS t (id)
    CROSS JOIN LATERAL (SELECT * FROM docs WHERE db = ${db} AND id = t.id OFFSET 0) x
    WHERE EXISTS (SELECT 1 FROM databases WHERE db = ${db})`.values()) as unknown as TreeRow[]
  return new Map(rows.map((row) => [row[0], treeOf(row)]))
}

/**
 * As much of each tree as an edit of one leaf needs, however many leaves there are: the winner, the revision that the edit
 * follows, and the leaf that is next in line. Enough only where no ancestor has to be stemmed.
 */
export async function readTreeTops(
  sql: Sql | Transaction,
  db: string,
  places: readonly TreePlace[],
): Promise<Map<string, StoredTree>> {
  const list = places.filter(({ id, parent }) => !id.includes('\u0000') && !parent?.hash.includes('\u0000'))
  const node = sql`json_build_array(r.gen, r.hash, r.parent, r.deleted, r.leaf, r.body IS NOT NULL) AS node`
  const rows = (await sql`
    SELECT x.id, x.seq, x.gen, x.hash, x.parent, x.deleted, x.leaves, NULL::text, (
      SELECT json_agg(o.node)::text FROM (
        (SELECT ${node} FROM revs r WHERE r.db = ${db} AND r.id = x.id AND r.gen = t.gen AND r.hash = t.hash)
        UNION ALL
        (SELECT ${node} FROM revs r WHERE r.db = ${db} AND r.id = x.id AND r.leaf
            AND (r.gen, r.hash) IS DISTINCT FROM (t.gen, t.hash)
          ORDER BY r.deleted, r.gen DESC, r.hash DESC LIMIT 1)
      ) o)
    FROM unnest(${list.map(({ id }) => id)}::text[], ${list.map(({ parent }) => parent?.gen ?? null)}::text[]::bigint[],
      ${list.map(({ parent }) => parent?.hash ?? null)}::text[]) AS t (id, gen, hash)
    CROSS JOIN LATERAL (SELECT * FROM docs WHERE db = ${db} AND id = t.id OFFSET 0) x
    WHERE EXISTS (SELECT 1 FROM databases WHERE db = ${db})`.values()) as unknown as TreeRow[]
  return new Map(rows.map((row) => [row[0], treeOf(row)]))
}

function treeOf([id, sequence, generation, hash, parent, deleted, leaves, text, others]: TreeRow): StoredTree {
  const gen = Number(generation)
  const seq = BigInt(sequence)
  const top: RevisionNode = { gen, hash, parent: parent ?? undefined, deleted, leaf: true, hasBody: true }
  const nodes = others === null ? [top] : [top, ...(JSON.parse(others) as OtherNode[]).map(nodeOf)]
  const tree = { id, seq, winner: { gen, hash }, nodes, leaves }
  return text === null ? tree : { ...tree, document: { id, gen, hash, deleted, leaves, seq, text } }
}

function nodeOf([gen, hash, parent, deleted, leaf, hasBody]: OtherNode): RevisionNode {
  return { gen, hash, parent: parent ?? undefined, deleted, leaf, hasBody }
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
