/**
 * Drops the bodies of superseded revisions. A database is walked by key in small statements that skip rows
 * which another transaction holds: no writer waits for long, and the walk itself never waits, so that it cannot deadlock.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { noDatabase } from '../../src/model/no-database.ts'
import type { DatabaseRef, KeptBodies } from '../documents/contract.ts'
import { giveUpContents } from './attachments.ts'
import type { Sql } from './connection.ts'

const page = 1_000

/** What the periodic walk keeps: the last day's bodies, and of these at most ten for each document. */
export const keptBodies: KeptBodies = { youngerThanMs: 24 * 60 * 60 * 1_000, perDocument: 10 }

const nothingKept: KeptBodies = { youngerThanMs: 0, perDocument: 0 }

interface Place {
  readonly id: string
  readonly gen: string
  readonly hash: string
}

/** Compacts one database. Throws `no_database`. */
export async function compactDatabase(sql: Sql, ref: DatabaseRef, keep: KeptBodies = nothingKept): Promise<void> {
  const [row] = await sql<{ db: string }[]>`
    SELECT db FROM databases WHERE prefix = ${ref.prefix} AND name = ${ref.name}`
  if (!row) throw noDatabase()
  await sweepBodies(sql, row.db, keep)
  await giveUpContents(sql, row.db)
}

/**
 * Compacts all databases in turn. One that kept no recent body, and in which no attachment is leased, is left
 * alone until it is written to again.
 */
export class Compactor {
  readonly #settled = new Map<string, string>()

  readonly #sql: Sql
  readonly #keep: KeptBodies

  constructor(sql: Sql, keep: KeptBodies = keptBodies) {
    this.#sql = sql
    this.#keep = keep
  }

  async run(signal: AbortSignal): Promise<void> {
    const databases = await this.#sql<{ db: string; update_seq: string }[]>`SELECT db, update_seq FROM databases`
    const known = new Set(databases.map(({ db }) => db))
    for (const db of this.#settled.keys()) if (!known.has(db)) this.#settled.delete(db)
    for (const { db, update_seq } of databases) {
      if (signal.aborted) return
      if (this.#settled.get(db) === update_seq) continue
      const young = await sweepBodies(this.#sql, db, this.#keep, signal)
      const leased = signal.aborted ? 0 : await giveUpContents(this.#sql, db)
      if (young === 0 && leased === 0 && !signal.aborted) this.#settled.set(db, update_seq)
    }
  }
}

/** @returns how many superseded bodies are left. */
async function sweepBodies(sql: Sql, db: string, keep: KeptBodies, signal?: AbortSignal): Promise<number> {
  let left = 0
  let kept = 0
  let last: Place | undefined
  while (!signal?.aborted) {
    const rows: readonly (Place & { superseded: boolean; young: boolean })[] = await sql`
      SELECT id, gen, hash, NOT leaf AND body IS NOT NULL AS superseded,
        stored_at > now() - ${keep.youngerThanMs}::float8 * interval '1 millisecond' AS young
      FROM revs WHERE db = ${db} ${last ? sql`AND (id, gen, hash) < (${last.id}, ${last.gen}, ${last.hash})` : sql``}
      ORDER BY id DESC, gen DESC, hash DESC LIMIT ${page}`
    const stale: Place[] = []
    for (const row of rows) {
      if (row.id !== last?.id) kept = 0
      last = row
      if (!row.superseded) continue
      if (row.young && kept < keep.perDocument) kept += 1
      else stale.push(row)
    }
    if (stale.length > 0) await dropBodies(sql, db, stale)
    left += rows.filter((row) => row.superseded).length - stale.length
    if (rows.length < page) break
    await sleep(1)
  }
  return left
}

async function dropBodies(sql: Sql, db: string, places: readonly Place[]): Promise<void> {
  await sql`
    WITH free AS (
      SELECT r.db, r.id, r.gen, r.hash
      FROM (
        SELECT ${db}::bigint AS db, u.*
        FROM unnest(${places.map(({ id }) => id)}::text[], ${places.map(({ gen }) => gen)}::text[]::bigint[],
          ${places.map(({ hash }) => hash)}::text[]) AS u (id, gen, hash) OFFSET 0) AS t
      JOIN revs r ON r.db = t.db AND r.id = t.id AND r.gen = t.gen AND r.hash = t.hash
      WHERE NOT r.leaf FOR UPDATE OF r SKIP LOCKED
    )
    UPDATE revs r SET body = NULL FROM free f WHERE r.db = f.db AND r.id = f.id AND r.gen = f.gen AND r.hash = f.hash`
}
