/** What makes an index: its fields, and the documents that it leaves out. */
import { Buffer } from 'node:buffer'
import type { KeyPart } from '../../../storage/documents/contract.ts'
import { parseJson, stringifyJson } from '../../model/json/exact.ts'
import { isObject, type Json } from '../../model/json/value.ts'
import { keyPart, rankKey } from './key.ts'
import { matcher } from './matcher.ts'
import { badPath, type Path, parsePath, resolve } from './path.ts'
import { parseSelector, type Selector, selectorToJson } from './selector.ts'

export type Direction = 'asc' | 'desc'

/** Fields that become key columns; documents need the others too, and rows with equal keys are sorted by them. */
export const maxColumns = 8

/** Bytes of UTF-8: with the longest id of a design document, a name still fits into one row of a B-tree. */
export const maxNameBytes = 1024

/** Whether a view of a design document may have this name. */
export function isIndexName(name: string): boolean {
  return !name.includes('\u0000') && Buffer.byteLength(name) <= maxNameBytes
}

export interface IndexDefinition {
  readonly fields: readonly { readonly name: string; readonly direction: Direction; readonly path: Path }[]
  /** Only documents that match are in the index; such an index is used only when a query names it. */
  readonly filter: Selector | undefined
}

/** Throws `invalid_field_name`. */
export function indexDefinition(
  fields: readonly (readonly [string, Direction])[],
  filter: Selector | undefined,
): IndexDefinition {
  return {
    fields: fields.map(([name, direction]) => ({ name, direction, path: parsePath(name) })),
    filter: filter?.kind === 'all' ? undefined : filter,
  }
}

/** The definition as text: equal for equal indexes. */
export function formatDefinition({ fields, filter }: IndexDefinition): string {
  return stringifyJson({
    fields: fields.map(({ name, direction }) => [name, direction]),
    filter: filter === undefined ? null : selectorToJson(filter),
  })
}

const parsed = new Map<string, IndexDefinition>()
const maxParsed = 1000

/** Reads what `formatDefinition` wrote. Definitions repeat over all tenants, so they are kept. */
export function parseDefinition(text: string): IndexDefinition {
  const known = parsed.get(text)
  if (known !== undefined) return known
  const value = parseJson(text).value
  if (!isObject(value) || !Array.isArray(value['fields'])) throw new Error(`not an index definition: ${text}`)
  const filter = value['filter'] ?? null
  const definition = indexDefinition(value['fields'], filter === null ? undefined : parseSelector(filter))
  if (parsed.size >= maxParsed) parsed.clear()
  parsed.set(text, definition)
  return definition
}

/** The key columns of a document; `undefined` when the index does not hold it. `document` has `_id` and `_rev`. */
export function documentKeys(definition: IndexDefinition): (document: Json) => readonly KeyPart[] | undefined {
  const matches = definition.filter === undefined ? undefined : matcher(definition.filter)
  const paths = definition.fields.map(({ path }) => path)
  return (document) => {
    const parts: KeyPart[] = []
    for (let i = 0; i < paths.length; i++) {
      const value = resolve(paths[i] as Path, document)
      if (value === undefined || value === badPath) return undefined
      if (i < maxColumns) parts.push(keyPart(value))
    }
    if (matches !== undefined && !matches(document)) return undefined
    // An index without fields holds every document, in the order of ids.
    return parts.length === 0 ? [rankKey(0)] : parts
  }
}

/** How many key columns the entries of an index have. */
export function columnCount(definition: IndexDefinition): number {
  return Math.min(Math.max(definition.fields.length, 1), maxColumns)
}
