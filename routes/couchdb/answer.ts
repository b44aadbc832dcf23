/** How this face answers: the outcome of a write, the status of a database. */
import { formatSequence } from '../../src/documents/sequence.ts'
import type { DatabaseInfo, DatabaseRef } from '../../storage/documents/contract.ts'
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

/** A database's status as CouchDB prints it. The tenant's prefix stays inside. */
export function databaseInformation(info: DatabaseInfo): object {
  return {
    instance_start_time: info.epoch,
    db_name: info.ref.name,
    purge_seq: formatSequence({ updateSeq: 0n, epoch: info.epoch }),
    update_seq: formatSequence(info),
    sizes: { file: info.bytes, external: info.bytes, active: info.bytes },
    props: {},
    doc_del_count: info.deletedCount,
    doc_count: info.docCount,
    disk_format_version: 8,
    compact_running: false,
    cluster: { q: 1, n: 1, w: 1, r: 1 },
  }
}
