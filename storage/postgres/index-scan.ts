/**
 * One page of a mango index with the bodies, in one statement and one snapshot. Texts of statements are
 * made once for each shape of a range; values always travel as parameters.
 */
import { type Bound, type IndexRow, type IndexScan, type KeyPart, StaleIndexes } from '../documents/contract.ts'
import type { Sql } from './connection.ts'
import { documentOf, type ReadRow } from './read-queue.ts'

/** Columns of `entries_key`; a row comparison must name them all to be one index range. */
const width = 8
const emptyPart: KeyPart = { k: '', s: '' }

type Parameter = string | number

/** @throws StaleIndexes when the database or its list of indexes is not the one that the scan was planned with. */
export async function scanIndex(sql: Sql, db: string, columns: number, scan: IndexScan): Promise<readonly IndexRow[]> {
  const { text, parameters } = statement(db, columns, scan)
  const rows = await sql.unsafe(text, parameters, { prepare: true }).values()
  const first = rows[0]
  if (!first || first[0] !== scan.epoch) throw new StaleIndexes()
  if (first[1] === null) return []
  return rows.map((row): IndexRow => {
    const id = row[1] as string
    const parts: KeyPart[] = []
    for (let at = 8; at < row.length; at += 2) parts.push({ k: row[at] as string, s: row[at + 1] as string })
    // Keys of an exact entry are all that the scan asks for.
    if (scan.keysOnly && row[2] === null) return { id, parts }
    const document = documentOf(id, row.slice(2, 8) as unknown as ReadRow)
    if (!document) throw new Error('an index entry without its document')
    return { id, document, parts }
  })
}

function statement(db: string, columns: number, scan: IndexScan): { text: string; parameters: Parameter[] } {
  const parameters: Parameter[] = [db, scan.indexId]
  const conditions: string[] = []
  const add = (value: Parameter): string => `$${parameters.push(value)}`
  const key = (part: KeyPart): string => `decode(${add(part.k)}, 'hex')`
  for (const [at, part] of scan.range.equal.entries()) {
    conditions.push(`k${at + 1} = ${key(part)}`, `s${at + 1} = ${add(part.s)}`)
  }
  const next = scan.range.equal.length + 1
  const bound = (limit: Bound, operator: string): void => {
    conditions.push(`(k${next}, s${next}) ${operator} (${key(limit.part)}, ${add(limit.part.s)})`)
  }
  const { low, high } = scan.range
  if (low) bound(low, low.inclusive ? '>=' : '>')
  if (high) bound(high, high.inclusive ? '<=' : '<')
  if (scan.after) {
    const { parts, id } = scan.after
    const values = Array.from({ length: width }, (_, at) => parts[at] ?? emptyPart)
    const row = values.map((part) => `${key(part)}, ${add(part.s)}`).join(', ')
    conditions.push(`(${allColumns.join(', ')}) ${scan.descending ? '<' : '>'} (${row}, ${add(id)})`)
  }
  const limit = add(scan.limit)
  return { text: textOf(columns, conditions, scan, limit), parameters }
}

const keyColumns = Array.from({ length: width }, (_, at) => [`k${at + 1}`, `s${at + 1}`]).flat()
const allColumns = [...keyColumns, 'id']

function textOf(
  columns: number,
  conditions: readonly string[],
  { descending, keysOnly }: Pick<IndexScan, 'descending' | 'keysOnly'>,
  limit: string,
): string {
  const order = allColumns.map((column) => (descending ? `${column} DESC` : column)).join(', ')
  const where = ['db = $1', 'index_id = $2', ...conditions].join(' AND ')
  const shown = keyColumns.slice(0, columns * 2)
  const wanted = shown
    .map((column) => (column.startsWith('k') ? `encode(p.${column}, 'hex')` : `p.${column}`))
    .join(', ')
  const read = keysOnly ? [...allColumns, 'exact'].join(', ') : allColumns.join(', ')
  const inexact = keysOnly ? 'AND NOT p.exact' : ''
  // The few entries that are too long for the key index are sorted and merged in.
  const page = ['NOT big', 'big'].map(
    (which) => `(SELECT ${read} FROM entries WHERE ${where} AND ${which} ORDER BY ${order} LIMIT ${limit}::int)`,
  )
  return `
    SELECT d.index_epoch, r.* FROM databases d LEFT JOIN LATERAL (
      SELECT p.id, x.gen, x.hash, x.deleted, x.leaves, x.seq, coalesce(x.raw, x.body::text), ${wanted}
      FROM (SELECT q.*, row_number() OVER () AS n
            FROM (${page.join(' UNION ALL ')} ORDER BY ${order} LIMIT ${limit}::int) q) p
      LEFT JOIN LATERAL (SELECT * FROM docs WHERE db = $1 AND id = p.id ${inexact} OFFSET 0) x ON true
      ORDER BY p.n
    ) r ON true
    WHERE d.db = $1`
}
