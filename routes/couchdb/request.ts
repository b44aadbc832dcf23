/** What this face reads from a request: content types, ids, documents. */
import {
  checkDocumentId,
  type DocumentRules,
  type PreparedDocument,
  prepareDocument,
} from '../../src/documents/document.ts'
import { type PreparedLocal, prepareLocal } from '../../src/documents/local-document.ts'
import { Problem } from '../../src/model/errors.ts'
import type { ParsedJson } from '../../src/model/json/exact.ts'
import type { Json } from '../../src/model/json/value.ts'
import { readJson } from '../http/body.ts'
import { type HttpContext, header } from '../http/router.ts'
import { noDocument, words } from './errors.ts'

/** 415 where CouchDB takes nothing but `Content-Type: application/json` (parameters may follow). */
export function requireJson(c: HttpContext): void {
  const type = header(c, 'content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw new Problem('bad_content_type', words.contentType)
}

/** A body that is announced as JSON and is JSON. Throws 415, `bad_request` and 413. */
export async function readJsonBody(c: HttpContext, maxBytes: number): Promise<Json> {
  requireJson(c)
  return (await readJson(c, { maxBytes })).value
}

/** The answer to creating a database with a bad name. */
export function illegalName(name: string): Problem {
  return new Problem('illegal_database_name', words.databaseName(name))
}

/**
 * Checks the id of a document to read or delete. Ids with an underscore in front are 404, since every route that begins
 * so was declared before; throws `illegal_docid` for ids that no document can have.
 */
export function checkPathId(id: string): void {
  if (id.startsWith('_') && !id.startsWith('_design/')) throw noDocument('missing')
  checkDocumentId(id)
}

/** A document as this face accepts it: `_type` is a special member that CouchDB does not know. */
export function prepare(body: ParsedJson, rules: DocumentRules): PreparedDocument {
  return withoutType(prepareDocument(body, { ...rules, replicatorMembers: true }))
}

/** The same for a local document, whose id has its prefix. */
export function prepareLocalDocument(body: ParsedJson, maxBytes: number, id: string): PreparedLocal {
  return withoutType(prepareLocal(body, id, maxBytes))
}

function withoutType<Prepared extends { readonly type?: string | undefined }>(prepared: Prepared): Prepared {
  if (prepared.type === undefined) return prepared
  throw new Problem('doc_validation', 'Bad special document member: _type')
}
