import { Problem } from '../../src/model/errors.ts'
import type { ParsedJson } from '../../src/model/json/exact.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'

/** The body of `_bulk_docs`. */
export interface BulkRequest {
  /** Not checked yet. */
  readonly docs: readonly ParsedJson[]
  /** False: store revisions as they are given. */
  readonly newEdits: boolean
}

/** Reads the envelope of `_bulk_docs`. Throws `bad_request` with CouchDB's wordings. */
export function bulkRequest({ value, exact }: ParsedJson): BulkRequest {
  if (!isObject(value) || !isObject(exact)) throw new Problem('bad_request', 'Request body must be a JSON object')
  const { docs, new_edits: newEdits = true } = value
  if (docs === undefined) throw new Problem('bad_request', 'POST body must include `docs` parameter.')
  if (!Array.isArray(docs)) throw new Problem('bad_request', '`docs` parameter must be an array.')
  if (typeof newEdits !== 'boolean') throw new Problem('bad_request', '`new_edits` parameter must be a boolean.')
  const printed = exact['docs'] as readonly Json[]
  return { docs: docs.map((doc: Json, at) => ({ value: doc, exact: printed[at] as Json })), newEdits }
}
