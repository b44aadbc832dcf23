/** What the indexes of a database hold, as kept and as made again of all documents. */
import type postgres from 'postgres'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import type { JsonObject } from '../../src/model/json/value.ts'
import type { DatabaseRef } from '../../storage/documents/contract.ts'

export interface Entry {
  readonly index: number
  readonly id: string
  readonly big: boolean
  readonly exact: boolean
  /** The sixteen columns, `k` in hex. */
  readonly columns: readonly string[]
}

/** One snapshot of what is kept and of what should be. Indexes that are being dropped do not count. */
export async function indexEntries(
  sql: postgres.Sql,
  { prefix, name }: DatabaseRef,
): Promise<{ readonly kept: readonly Entry[]; readonly anew: readonly Entry[] }> {
  return sql.begin('ISOLATION LEVEL REPEATABLE READ', async (tx) => {
    const [database] = await tx<{ db: string }[]>`
      SELECT db FROM databases WHERE prefix = ${prefix} AND name = ${name}`
    const db = database?.db ?? '0'
    const indexes = await tx<{ index_id: number; def: string }[]>`
      SELECT index_id, def FROM indexes WHERE db = ${db} AND state <> 'dropping'`
    const documents = await tx<{ id: string; rev: string; text: string }[]>`
      SELECT id, gen || '-' || hash AS rev, coalesce(raw, body::text) AS text FROM docs
      WHERE db = ${db} AND NOT deleted AND id NOT LIKE '\\_design/%'`
    const entries = await tx<EntryRow[]>`
      SELECT e.* FROM entries e JOIN indexes i USING (db, index_id) WHERE e.db = ${db} AND i.state <> 'dropping'`
    const kept = entries.map((row): Entry => {
      const columns = eight.flatMap((n) => [(row[`k${n}`] as Buffer).toString('hex'), row[`s${n}`] as string])
      return { index: row.index_id, id: row.id, big: row.big, exact: row.exact, columns }
    })
    const anew = indexes.flatMap(({ index_id, def }) => {
      const { keys, isExact } = indexCompiler.compile(def)
      return documents.flatMap(({ id, rev, text }): Entry[] => {
        const parts = keys({ ...(parseJson(text).value as JsonObject), _id: id, _rev: rev })
        if (!parts) return []
        const columns = eight.flatMap((n) => [parts[n - 1]?.k ?? '', parts[n - 1]?.s ?? ''])
        const big = sizeOf(id, columns) > 2_000
        return [{ index: index_id, id, big, exact: !big && isExact(parts, text), columns }]
      })
    })
    return { kept: kept.sort(compare), anew: anew.sort(compare) }
  })
}

type EntryRow = Readonly<Record<string, unknown>> & {
  readonly id: string
  readonly index_id: number
  readonly big: boolean
  readonly exact: boolean
}

const eight = [1, 2, 3, 4, 5, 6, 7, 8]

function sizeOf(id: string, columns: readonly string[]): number {
  const bytes = columns.map((column, at) => (at % 2 === 0 ? column.length / 2 : Buffer.byteLength(column)))
  return bytes.reduce((sum, one) => sum + one, Buffer.byteLength(id))
}

function compare(a: Entry, b: Entry): number {
  return a.index - b.index || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id))
}
