/** Index entries of a document as the SQL functions take them. */
import type { Body } from '../../src/model/body.ts'
import { isObject } from '../../src/model/json/value.ts'
import type { KeyPart } from '../documents/contract.ts'
import type { KnownIndex } from './database-cache.ts'

/**
 * A btree row holds 2,704 bytes; an entry over this budget (all keys, strings and the id) is kept outside the key index,
 * so that a write never fails because of an index. Cutting strings is no way out: it breaks ICU order.
 */
const maxEntryBytes = 2_000

/** `[index, kind, k1, s1, k2, s2, ...]`; the kind is true (big), `exact` or false. */
export type EntryRow = (number | boolean | string)[]

/** The entries of a live document in all indexes of its database, building ones included. */
export function entriesOf(
  indexes: readonly KnownIndex[],
  id: string,
  rev: string,
  { value, text }: Pick<Body, 'value' | 'text'>,
): EntryRow[] {
  if (indexes.length === 0 || id.startsWith('_design/')) return []
  const document = isObject(value) ? { ...value, _id: id, _rev: rev } : value
  const rows: EntryRow[] = []
  for (const index of indexes) {
    const parts = index.keys(document)
    if (parts) rows.push(entryRow(index.indexId, id, parts, index.isExact(parts, text)))
  }
  return rows
}

function entryRow(indexId: number, id: string, parts: readonly KeyPart[], exact: boolean): EntryRow {
  const row: EntryRow = [indexId, exact ? 'exact' : false]
  let bytes = Buffer.byteLength(id)
  for (const part of parts) {
    row.push(part.k, part.s)
    bytes += part.k.length / 2 + Buffer.byteLength(part.s)
  }
  if (bytes > maxEntryBytes) row[1] = true
  return row
}

/** The text of an int[] with the indexes that hold a document. */
export function keptIndexes(rows: readonly EntryRow[]): string {
  return `{${rows.map((row) => row[0]).join(',')}}`
}
