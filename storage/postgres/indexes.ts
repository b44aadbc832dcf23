/**
 * Which indexes a database has, how they are filled and how they go. Definitions come from design documents; equal
 * definitions share one index, so that a copy of a design document needs no second build.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseJson } from '../../src/model/json/exact.ts'
import { noDatabase } from '../../src/model/no-database.ts'
import type { DatabaseRef, IndexCompiler, IndexList, IndexView } from '../documents/contract.ts'
import type { Sql, Transaction } from './connection.ts'
import type { DatabaseCache, KnownDatabase, KnownIndex } from './database-cache.ts'
import { type EntryRow, entriesOf } from './entries.ts'

const backfillPage = 500
const sweepPage = 1_000

export interface DesignChange {
  readonly ddoc: string
  /** The views that the design document has now; empty when it is deleted or no query. */
  readonly views: ReturnType<IndexCompiler['definitions']>
}

/** Makes the list of indexes follow design documents. Runs inside the write's transaction, under the database's lock. */
export async function followDesigns(tx: Transaction, db: string, changes: readonly DesignChange[]): Promise<void> {
  let made = 0
  for (const { ddoc, views } of changes) {
    await tx`DELETE FROM index_views WHERE db = ${db} AND ddoc = ${ddoc}`
    for (const [position, { name, definition }] of views.entries()) {
      const { indexId, isNew } = await indexFor(tx, db, definition, made)
      if (isNew) made += 1
      await tx`INSERT INTO index_views (db, ddoc, name, position, index_id)
        VALUES (${db}, ${ddoc}, ${name}, ${position}, ${indexId})`
    }
  }
  await tx`UPDATE indexes i SET state = 'dropping' WHERE i.db = ${db} AND i.state <> 'dropping'
    AND NOT EXISTS (SELECT 1 FROM index_views v WHERE v.db = i.db AND v.index_id = i.index_id)`
  await tx`UPDATE databases SET index_epoch = index_epoch + ${Math.max(made, 1)} WHERE db = ${db}`
}

/** Makes an index that no design document names. Throws `no_database`. */
export async function keepIndex(
  sql: Sql,
  { prefix, name }: DatabaseRef,
  { ddoc, name: view, definition }: Pick<IndexView, 'ddoc' | 'name' | 'definition'>,
): Promise<void> {
  await sql.begin(async (tx) => {
    const [row] = await tx<{ db: string }[]>`
      SELECT db FROM databases WHERE prefix = ${prefix} AND name = ${name} FOR NO KEY UPDATE`
    if (!row) throw noDatabase()
    const [kept] = await tx`
      SELECT 1 FROM index_views v JOIN indexes i USING (db, index_id)
      WHERE v.db = ${row.db} AND v.ddoc = ${ddoc} AND v.name = ${view} AND i.def = ${definition}`
    if (!kept) await followDesigns(tx, row.db, [{ ddoc, views: [{ name: view, definition }] }])
  })
}

/**
 * A new index is numbered after the epoch, which grows by as many as were made: no number is used twice, so a sweep or a
 * build that is late, in whichever process, never touches the entries of a newer index.
 */
async function indexFor(
  tx: Transaction,
  db: string,
  definition: string,
  made: number,
): Promise<{ readonly indexId: number; readonly isNew: boolean }> {
  const [known] = await tx<{ index_id: number }[]>`
    SELECT index_id FROM indexes WHERE db = ${db} AND def = ${definition} AND state <> 'dropping'`
  if (known) return { indexId: known.index_id, isNew: false }
  const [row] = await tx<{ index_id: number }[]>`
    INSERT INTO indexes (db, index_id, def, state)
    SELECT db, index_epoch + ${made} + 1, ${definition}, 'building' FROM databases WHERE db = ${db}
    RETURNING index_id`
  if (!row) throw new Error('an index row was not made')
  return { indexId: row.index_id, isNew: true }
}

/** Builds and sweeps indexes; one build of an index at a time in this process. */
export class IndexBuilder {
  readonly #building = new Map<string, Promise<void>>()

  readonly #sql: Sql
  readonly #databases: DatabaseCache

  constructor(sql: Sql, databases: DatabaseCache) {
    this.#sql = sql
    this.#databases = databases
  }

  /** The list of indexes once all of them are built. Throws `no_database` when the database is dropped in the meantime. */
  async list(database: KnownDatabase): Promise<IndexList> {
    let known: KnownDatabase | undefined = database
    while (known) {
      const waiting = known.indexes.filter((index) => !index.ready)
      if (waiting.length === 0) return { epoch: known.indexEpoch, views: known.views }
      const current: KnownDatabase = known
      await Promise.all(waiting.map((index) => this.#build(current, index)))
      known = await this.#databases.load(known.ref)
    }
    throw noDatabase()
  }

  #build(database: KnownDatabase, index: KnownIndex): Promise<void> {
    const key = `${database.db}/${index.indexId}`
    let running = this.#building.get(key)
    if (!running) {
      running = this.#fill(database, index).finally(() => this.#building.delete(key))
      this.#building.set(key, running)
    }
    return running
  }

  async #fill({ db }: KnownDatabase, index: KnownIndex): Promise<void> {
    let after = ''
    for (;;) {
      const rows = await this.#sql<{ id: string; rev: string; text: string }[]>`
        SELECT id, gen || '-' || hash AS rev, coalesce(raw, body::text) AS text FROM docs
        WHERE db = ${db} AND id > ${after} AND NOT deleted ORDER BY id LIMIT ${backfillPage}`
      const last = rows.at(-1)
      if (!last) break
      after = last.id
      const entries = rows.flatMap((row) => {
        const body = { value: parseJson(row.text).value, text: row.text }
        const [entry] = entriesOf([index], row.id, row.rev, body)
        return entry ? [{ rev: row.rev, id: row.id, entry }] : []
      })
      if (!(await this.#insert(db, index.indexId, entries))) return
    }
    await this.#sql`UPDATE indexes SET state = 'ready'
      WHERE db = ${db} AND index_id = ${index.indexId} AND state = 'building'`
  }

  /**
   * Under the database's lock, and only documents whose winner is still the one that was read: without it a deletion in
   * between would leave an entry of a document that is gone. Their sequence may have moved: a conflict that loses leaves
   * the entries to this build. False when the index was dropped in the meantime. `OFFSET 0` keeps the look-up of each document
   * by its key: on a table without statistics the planner joins every entry with every document instead.
   */
  async #insert(
    db: string,
    indexId: number,
    entries: readonly { readonly rev: string; readonly id: string; readonly entry: EntryRow }[],
  ): Promise<boolean> {
    return this.#sql.begin(async (tx) => {
      const [alive] = await tx`SELECT 1 FROM databases WHERE db = ${db} FOR NO KEY UPDATE`
      const [wanted] = await tx`SELECT 1 FROM indexes WHERE db = ${db} AND index_id = ${indexId} AND state = 'building'`
      if (!alive || !wanted) return false
      if (entries.length === 0) return true
      const rows = entries.map(({ id, entry }) => [db, id, ...entry])
      await tx`
        INSERT INTO entries SELECT r.*
        FROM jsonb_array_elements(${JSON.stringify(rows)}::text::jsonb) WITH ORDINALITY AS t (e, o)
        CROSS JOIN LATERAL (
          SELECT FROM docs x WHERE x.db = ${db} AND x.id = t.e ->> 1
            AND x.gen || '-' || x.hash = (${entries.map(({ rev }) => rev)}::text[])[t.o] OFFSET 0) AS unchanged
        CROSS JOIN LATERAL hearth_entry(t.e) AS r
        ON CONFLICT (db, id, index_id) DO NOTHING`
      return true
    })
  }

  /** Removes the entries of dropped indexes in small batches; called by the sweeper. */
  async sweep(signal: AbortSignal): Promise<void> {
    const dropped = await this.#sql<{ db: string; index_id: number }[]>`
      SELECT db, index_id FROM indexes WHERE state = 'dropping'`
    for (const { db, index_id: indexId } of dropped) {
      for (const which of [this.#sql`NOT big`, this.#sql`big`]) {
        let removed = sweepPage
        while (removed === sweepPage) {
          if (signal.aborted) return
          const result = await this.#sql`
            DELETE FROM entries WHERE ctid = ANY (ARRAY(
              SELECT ctid FROM entries WHERE db = ${db} AND index_id = ${indexId} AND ${which} LIMIT ${sweepPage}))`
          removed = result.count
          if (removed === sweepPage) await sleep(5)
        }
      }
      await this.#sql`DELETE FROM indexes WHERE db = ${db} AND index_id = ${indexId} AND state = 'dropping'`
    }
  }
}
