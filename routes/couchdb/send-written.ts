import type { DatabaseRef } from '../../storage/documents/contract.ts'
import { jsonValue, revisionTag } from '../http/answer.ts'
import type { HttpContext } from '../http/router.ts'

/** What a write of one document made. */
export interface Written {
  readonly id: string
  readonly rev: string
}

/** Sends `{ok, id, rev}` with the headers that CouchDB adds: the new revision as tag, and where the document is. */
export function sendWritten(c: HttpContext, status: number, ref: DatabaseRef, { id, rev }: Written): Response {
  return jsonValue(
    c,
    status,
    { ok: true, id, rev },
    { etag: revisionTag(rev), location: documentPath(ref, id), 'x-couch-update-newrev': encodeURIComponent(rev) },
  )
}

/** Where a document is. */
export function documentPath(ref: DatabaseRef, id: string): string {
  const path = id.startsWith('_design/') ? `_design/${encodeURIComponent(id.slice(8))}` : encodeURIComponent(id)
  return `/couchdb/${encodeURIComponent(ref.name)}/${path}`
}
