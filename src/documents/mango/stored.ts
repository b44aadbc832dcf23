/** Stored documents as queries see and answer them. */
import type { StoredDocument } from '../../../storage/documents/contract.ts'
import { type ParsedJson, parseJson } from '../../model/json/exact.ts'
import { quoteJson } from '../../model/json/quote.ts'
import type { Json } from '../../model/json/value.ts'

/** The document with `_id`, `_rev` and, where it has any, `_conflicts`. */
export function parseStored(stored: StoredDocument, conflicts: readonly string[]): ParsedJson {
  const parsed = parseJson(stored.text)
  amend(parsed.value, stored, conflicts)
  if (parsed.exact !== parsed.value) amend(parsed.exact, stored, conflicts)
  return parsed
}

/** Freshly parsed, so nobody else sees the change. */
function amend(document: Json, { id, gen, hash }: StoredDocument, conflicts: readonly string[]): void {
  const members = document as Record<string, Json>
  members['_id'] = id
  members['_rev'] = `${gen}-${hash}`
  if (conflicts.length > 0) members['_conflicts'] = conflicts
}

/** The document as JSON text, its body as it was stored. */
export function storedText({ id, gen, hash, text }: StoredDocument, conflicts: readonly string[]): string {
  let head = `{"_id":${quoteJson(id)},"_rev":${quoteJson(`${gen}-${hash}`)}`
  if (conflicts.length > 0) head += `,"_conflicts":${JSON.stringify(conflicts)}`
  return /^\{\s*\}/.test(text) ? `${head}}` : `${head},${text.slice(1)}`
}
