/** Where a page of results ended. Clients see an opaque text. */
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { IndexPosition, KeyPart } from '../../../storage/documents/contract.ts'
import { parseJson, stringifyJson } from '../../model/json/exact.ts'
import { isObject, type Json } from '../../model/json/value.ts'
import { columnCount } from './index-definition.ts'
import { groupColumn } from './key.ts'
import type { Source } from './plan.ts'
import { refusal } from './refusal.ts'

/** The last row of a page. */
export interface Position extends IndexPosition {
  /** In a group of rows that only their values put in order: the values from its first column on. */
  readonly values: readonly Json[] | undefined
}

const version = 1

/** Writes a bookmark; it is good for this index only, as long as it exists. */
export function formatBookmark(source: Source, { parts, id, values }: Position): string {
  const keys = parts.map(({ k, s }) => (s === '' ? k : [k, s]))
  const value = { v: version, i: indexTag(source), k: keys, d: id, ...(values === undefined ? {} : { g: values }) }
  return Buffer.from(stringifyJson(value)).toString('base64url')
}

/** Throws `invalid_bookmark` for anything that `formatBookmark` did not write for this index. */
export function parseBookmark(source: Source, text: string): Position {
  const position = /^[\w-]+$/.test(text) ? decode(source, text) : undefined
  if (position === undefined) throw refusal('invalid_bookmark', `Invalid bookmark value: ${JSON.stringify(text)}`)
  return position
}

function decode(source: Source, text: string): Position | undefined {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) return undefined
  let value: Json
  try {
    value = parseJson(bytes.toString()).value
  } catch {
    return undefined
  }
  if (!isObject(value) || value['v'] !== version || value['i'] !== indexTag(source)) return undefined
  const { k: keys, d: id, g: values } = value
  if (!Array.isArray(keys) || typeof id !== 'string' || id.includes('\0')) return undefined
  const parts = keys.map(decodePart)
  if (!parts.every((part) => part !== undefined) || parts.length !== partCount(source)) return undefined
  if (!fitsGroup(source, parts, values)) return undefined
  return { parts, id, values: values as readonly Json[] | undefined }
}

function decodePart(value: Json): KeyPart | undefined {
  const [k, s] = Array.isArray(value) ? value : [value, '']
  if (typeof k !== 'string' || typeof s !== 'string' || !/^(?:[0-9a-f]{2})+$/.test(k) || s.includes('\0'))
    return undefined
  return { k, s }
}

function partCount(source: Source): number {
  return source.kind === 'primary' ? 0 : columnCount(source.definition)
}

function fitsGroup(source: Source, parts: readonly KeyPart[], values: Json | undefined): boolean {
  const fields = source.kind === 'primary' ? 0 : source.definition.fields.length
  const column = fields === 0 ? undefined : groupColumn(parts, fields)
  if (column === undefined) return values === undefined
  return Array.isArray(values) && values.length === fields - column
}

function indexTag(source: Source): string {
  if (source.kind === 'primary') return '_all_docs'
  const { indexId, definition, own } = source.view
  return `${own ? 'own' : indexId}-${createHash('sha1').update(definition).digest('base64url').slice(0, 12)}`
}
