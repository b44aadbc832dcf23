import { type PreparedDocument, prepareDocument } from '../../src/documents/document.ts'
import { type PreparedLocal, prepareLocal } from '../../src/documents/locals.ts'
import { Problem } from '../../src/errors.ts'
import type { ParsedJson } from '../../src/json/exact.ts'

/** A document as this face takes it: `_type` is a special member that CouchDB does not know. */
export function prepare(body: ParsedJson, maxBytes: number, id?: string): PreparedDocument {
  return withoutType(prepareDocument(body, { maxBytes, id }))
}

/** The same for a local document, whose id has its prefix. */
export function prepareLocalDocument(body: ParsedJson, maxBytes: number, id: string): PreparedLocal {
  return withoutType(prepareLocal(body, id, maxBytes))
}

function withoutType<Prepared extends { readonly type?: string | undefined }>(prepared: Prepared): Prepared {
  if (prepared.type === undefined) return prepared
  throw new Problem('doc_validation', 'Bad special document member: _type')
}
