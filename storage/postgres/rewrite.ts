/** Changes how bodies are kept without changing what they are: the same revisions and sequences afterwards. */
import type { DatabaseRef, Rewrite } from '../documents/contract.ts'
import type { Sql } from './connection.ts'

const page = 200

interface Found {
  readonly id: string
  readonly gen: string
  readonly hash: string
  readonly text: string
}

/**
 * Rewrites every body, superseded ones too, in all databases of this name, page by page under the lock of the database.
 * Index entries of a database in which something changed are made again.
 */
export async function rewriteBodies(sql: Sql, name: string, rewrite: Rewrite): Promise<void> {
  const databases = await sql<{ db: string; prefix: string }[]>`SELECT db, prefix FROM databases WHERE name = ${name}`
  for (const { db, prefix } of databases) {
    const ref = { prefix, name }
    const winners = await rewriteTable(sql, db, 'docs', ref, rewrite)
    await rewriteTable(sql, db, 'revs', ref, rewrite)
    if (winners > 0) await buildAnew(sql, db)
  }
}

/** @returns how many bodies were changed. */
async function rewriteTable(
  sql: Sql,
  db: string,
  table: 'docs' | 'revs',
  ref: DatabaseRef,
  rewrite: Rewrite,
): Promise<number> {
  const stored = table === 'docs' ? sql`coalesce(raw, body::text)` : sql`body`
  let after = { id: '', gen: '0', hash: '' }
  let changed = 0
  for (;;) {
    const last = await sql.begin(async (tx) => {
      const [alive] = await tx`SELECT 1 FROM databases WHERE db = ${db} FOR NO KEY UPDATE`
      if (!alive) return undefined
      const rows = await tx<Found[]>`
        SELECT id, gen, hash, ${stored} AS text FROM ${sql(table)}
        WHERE db = ${db} AND (id, gen, hash) > (${after.id}, ${after.gen}::bigint, ${after.hash}) AND body IS NOT NULL
        ORDER BY id, gen, hash LIMIT ${page}`
      for (const { id, gen, hash, text } of rows) {
        const body = rewrite(ref, id, text)
        if (body === undefined) continue
        changed += 1
        const where = tx`WHERE db = ${db} AND id = ${id} AND gen = ${gen}::bigint AND hash = ${hash}`
        if (table === 'revs') await tx`UPDATE revs SET body = ${body.text} ${where}`
        else {
          const raw = body.raw ? body.text : null
          await tx`UPDATE docs SET body = hearth_jsonb(${body.text}, ${body.raw}), raw = ${raw} ${where}`
        }
      }
      return rows.at(-1)
    })
    if (last === undefined) return changed
    after = last
  }
}

async function buildAnew(sql: Sql, db: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`SELECT 1 FROM databases WHERE db = ${db} FOR NO KEY UPDATE`
    await tx`DELETE FROM entries WHERE db = ${db}`
    await tx`UPDATE indexes SET state = 'building' WHERE db = ${db} AND state = 'ready'`
    await tx`UPDATE databases SET index_epoch = index_epoch + 1 WHERE db = ${db}`
  })
}
