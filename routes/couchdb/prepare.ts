import { type PreparedDocument, prepareDocument } from '../../src/documents/document.ts'
import { Problem } from '../../src/errors.ts'
import type { ParsedJson } from '../../src/json/exact.ts'

/** A document as this face takes it: `_type` is a special member that CouchDB does not know. */
export function prepare(body: ParsedJson, maxBytes: number, id?: string): PreparedDocument {
  const prepared = prepareDocument(body, { maxBytes, id })
  if (prepared.type === undefined) return prepared
  throw new Problem('doc_validation', 'Bad special document member: _type')
}
