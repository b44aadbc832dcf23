/** Documents made of index keys: what a query that an index covers needs of them, without reading them. */
import type { IndexRow, KeyPart, StoredDocument } from '../../../storage/documents/contract.ts'
import { stringifyJson } from '../../model/json/exact.ts'
import { scanJson } from '../../model/json/scan.ts'
import type { Json } from '../../model/json/value.ts'
import type { IndexDefinition } from './index-definition.ts'
import { keyValue } from './key.ts'
import { place } from './projection.ts'

/** See `CompiledIndex.isExact`. */
export function areKeysExact(parts: readonly KeyPart[], text: string): boolean {
  if (parts.some(({ k }) => k >= '05')) return false
  // Keys leave U+0000 out, and `1` and `1.0` have the same.
  return !text.includes('\\u0000') && (!parts.some(({ k }) => k > '03' && k < '04') || scanJson(text).plain)
}

/** A row with its document, or else with what its keys tell of it. The revision of that is not known. */
export function withDocument(definition: IndexDefinition, row: IndexRow): IndexRow & { document: StoredDocument } {
  const { document, id, parts } = row
  if (document !== undefined) return { ...row, document }
  const members: Record<string, Json> = {}
  for (const [at, { path }] of definition.fields.entries()) {
    if (path[0] !== '_id') place(members, path, keyValue(parts[at] as KeyPart))
  }
  const text = stringifyJson(members)
  return { ...row, document: { id, gen: 0, hash: '', deleted: false, text, leaves: 1, seq: 0n } }
}
