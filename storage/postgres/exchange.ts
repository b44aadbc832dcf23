/** Puts one tenant's databases in the place of another's, in one transaction. */
import { Problem } from '../../src/model/errors.ts'
import type { StoredDocument, TenantExchange } from '../documents/contract.ts'
import { filesDoctype, versionsDoctype } from '../files/contract.ts'
import type { Sql, Transaction } from './connection.ts'

const page = 1_000

interface DatabaseRow {
  readonly db: string
  readonly prefix: string
  readonly name: string
}

/** Returns the names of all databases of `to` that are other ones now, or gone. */
export async function exchangeTenant(sql: Sql, exchange: TenantExchange): Promise<readonly string[]> {
  const { from, to, replaces, renamed, objectsOf, mark, permit } = exchange
  return (await sql.begin(async (tx) => {
    const rows = await tx<DatabaseRow[]>`
      SELECT db, prefix, name FROM databases WHERE prefix IN (${from}, ${to}) ORDER BY db FOR UPDATE`
    const given = rows
      .filter(({ prefix }) => prefix === from)
      .map(({ db, name }) => ({ db, name: renamed.get(name) ?? name }))
    if (given.length === 0) throw new Problem('conflict', 'There is nothing to exchange.')
    const names = new Set(given.map(({ name }) => name))
    const replaced = rows.filter(({ prefix, name }) => prefix === to && (names.has(name) || replaces(name)))

    for (const { db, name } of replaced) {
      for await (const documents of contentsOf(tx, db, name)) {
        await discard(
          tx,
          documents.flatMap((document) => objectsOf(name, document, 'old')),
        )
      }
    }
    for (const { db, name } of given) {
      for await (const documents of contentsOf(tx, db, name)) {
        await keep(
          tx,
          documents.flatMap((document) => objectsOf(name, document, 'new')),
        )
      }
    }
    await tx`
      WITH gone AS (DELETE FROM databases WHERE db = ANY (${replaced.map(({ db }) => db)}::text[]::bigint[]) RETURNING db)
      INSERT INTO dropped SELECT db FROM gone`
    await tx`
      UPDATE databases d SET prefix = ${to}, name = t.name
      FROM unnest(${given.map(({ db }) => db)}::text[]::bigint[], ${given.map(({ name }) => name)}::text[]) AS t (db, name)
      WHERE d.db = t.db`
    await derive(tx, to, given)
    await tx`
      INSERT INTO secrets (prefix, kind, secret, value, expires)
      VALUES (${to}, ${mark.kind}, ${mark.secret}, ${mark.value}, now() + ${mark.forMs}::float8 * interval '1 millisecond')
      ON CONFLICT (prefix, kind, secret) DO UPDATE SET value = excluded.value, expires = excluded.expires`
    if (permit !== undefined) {
      const taken = await tx`
        DELETE FROM secrets WHERE prefix = ${to} AND kind = ${permit.kind} AND secret = ${permit.secret} AND expires > now()`
      if (taken.count === 0) throw new Problem('conflict', 'The exchange was abandoned in the meantime.')
    }
    return [...new Set([...names, ...replaced.map(({ name }) => name)])]
  })) as readonly string[]
}

/** What is kept beside documents under the tenant or the name of their database. */
async function derive(tx: Transaction, to: string, given: readonly Pick<DatabaseRow, 'db' | 'name'>[]): Promise<void> {
  const of = (wanted: string) => given.find(({ name }) => name === wanted)?.db
  const [files, versions, triggers] = [of(filesDoctype), of(versionsDoctype), of('io.cozy.triggers')]
  const sizes = (db: string | undefined) => tx`
    (SELECT coalesce(sum(hearth_file_size(body)), 0) FROM docs WHERE db = ${db ?? null}::bigint AND NOT deleted)`
  if (files !== undefined) {
    await tx`
      INSERT INTO file_usage (db, files, versions) VALUES (${files}, ${sizes(files)}, ${sizes(versions)})
      ON CONFLICT (db) DO UPDATE SET files = excluded.files, versions = excluded.versions`
    // Whoever waits for new files is told of all of them.
    await tx`DELETE FROM event_feeds WHERE db = ${files}`
  }
  if (triggers !== undefined) {
    await tx`
      INSERT INTO trigger_schedule (db, id, type, next_at, types)
      SELECT db, id, coalesce(body ->> 'type', ''),
        CASE WHEN body ->> 'type' IN ('@event', '@webhook', '@client') THEN NULL ELSE '-infinity'::timestamptz END,
        hearth_event_types(body)
      FROM docs WHERE db = ${triggers} AND NOT deleted AND body ? 'worker'
      ON CONFLICT (db, id) DO NOTHING`
  }
  // What came with the exchange is not an event.
  await tx`
    UPDATE trigger_schedule s SET begins = hearth_event_begins(d.prefix, s.types)
    FROM databases d WHERE d.db = s.db AND d.prefix = ${to} AND d.name = 'io.cozy.triggers' AND s.types IS NOT NULL`
}

async function* contentsOf(tx: Transaction, db: string, name: string): AsyncGenerator<readonly StoredDocument[]> {
  if (name !== filesDoctype && name !== versionsDoctype) return
  let after = ''
  for (;;) {
    const rows = await tx<{ id: string; seq: string; gen: string; hash: string; leaves: number; text: string }[]>`
      SELECT id, seq, gen, hash, leaves, coalesce(raw, body::text) AS text FROM docs
      WHERE db = ${db} AND id > ${after} AND NOT deleted ORDER BY id LIMIT ${page}`
    yield rows.map((row) => ({ ...row, seq: BigInt(row.seq), gen: Number(row.gen), deleted: false }))
    after = rows.at(-1)?.id ?? ''
    if (rows.length < page) return
  }
}

async function discard(tx: Transaction, objects: readonly string[]): Promise<void> {
  if (objects.length === 0) return
  await tx`
    INSERT INTO object_ledger (name, due) SELECT DISTINCT name, now() FROM unnest(${[...objects]}::text[]) AS t (name)
    ON CONFLICT (name) DO UPDATE SET due = excluded.due`
}

async function keep(tx: Transaction, objects: readonly string[]): Promise<void> {
  if (objects.length === 0) return
  const kept = await tx`DELETE FROM object_ledger WHERE name = ANY (${[...objects]}::text[]) AND NOT taken`
  if (kept.count < objects.length)
    throw new Problem('store_unavailable', 'Some uploaded content expired in the meantime.')
}
