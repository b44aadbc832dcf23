/**
 * Replicated documents that the database has not known before, one branch each: most of a first replication. They need
 * no tree in memory and are written by one statement, all of it out of one JSON text: as arrays the same values cost
 * more to bind than their rows cost to write.
 */
import type { PendingQuery, Row } from 'postgres'
import { quoteJson } from '../../src/model/json/quote.ts'
import type { Replicated } from '../documents/contract.ts'
import type { Sql, Transaction } from './connection.ts'
import type { KnownDatabase } from './database-cache.ts'

/** A document and its place among those that the same transaction gives sequences to, from 1. */
export interface NewDocument {
  readonly place: number
  readonly revision: Replicated
}

/**
 * The statement that writes documents and counts them, without index entries; their sequences follow the last one of
 * the database, by their places. Its count is that of the documents written: none when the database is gone or its
 * indexes have changed. Fails with SQLSTATE 23505 when one of them exists, so it may be tried without looking. Each id is
 * named once.
 */
export function insertDocuments(
  sql: Sql | Transaction,
  { db, indexEpoch }: Pick<KnownDatabase, 'db' | 'indexEpoch'>,
  documents: readonly NewDocument[],
): PendingQuery<Row[]> {
  const dead = documents.filter(({ revision }) => revision.deleted).length
  return sql`
    WITH d AS ( -- waits for other writers; what they have made since this began is met by the unique keys
      UPDATE databases SET update_seq = update_seq + ${documents.length}, doc_count = doc_count + ${documents.length - dead},
        deleted_count = deleted_count + ${dead} WHERE db = ${db} AND index_epoch = ${indexEpoch}
      RETURNING db, update_seq - ${documents.length}::int AS seq, revs_limit
    ), t AS MATERIALIZED (
      SELECT e ->> 0 AS id, (e -> 1)::bigint AS gen, e -> 2 AS path, (e -> 3)::boolean AS deleted, e -> 4 AS body,
        e ->> 5 AS raw, (e -> 6)::bigint AS place
      FROM jsonb_array_elements(${textOf(documents)}::text::jsonb) AS a (e)
    ), ancestors AS (
      INSERT INTO revs (db, id, gen, hash, parent, deleted, leaf, body)
      SELECT d.db, id, gen - n, path ->> n, path ->> (n + 1), false, false, NULL
      FROM d CROSS JOIN t
      CROSS JOIN LATERAL generate_series(1, least(jsonb_array_length(path), revs_limit) - 1) AS n
    )
    INSERT INTO docs (db, id, seq, gen, hash, parent, deleted, leaves, body, raw)
    SELECT d.db, id, d.seq + place, gen, path ->> 0, path ->> 1, deleted, 1,
      CASE WHEN raw IS NULL THEN body ELSE hearth_jsonb(raw, true) END, raw
    FROM d CROSS JOIN t`
}

/** Rows `[id, gen, path, deleted, body, raw, place]`; a body that jsonb would not give back stands in `raw`, as a string. */
function textOf(documents: readonly NewDocument[]): string {
  const rows = documents.map(
    ({
      place,
      revision: {
        id,
        gen,
        path,
        deleted,
        body: { text, raw },
      },
    }) => {
      const body = raw ? `null,${JSON.stringify(text)}` : `${text},null`
      return `[${quoteJson(id)},${gen},${JSON.stringify(path)},${deleted},${body},${place}]`
    },
  )
  return `[${rows.join(',')}]`
}
