/** Sends a part of an archive, whole or from somewhere on. */
import type { Log } from '../../src/log.ts'
import { Problem } from '../../src/model/errors.ts'
import type { Part } from '../../src/move/exports.ts'
import { rangeOf } from '../http/byte-range.ts'
import { precondition, rangeApplies } from '../http/conditional.ts'
import { type HttpContext, headerReader } from '../http/router.ts'
import { streamBytes } from '../http/stream.ts'
import { logFailure } from '../observe.ts'

/** A part may be asked for by Range: it is the same bytes each time. */
export function sendPart(c: HttpContext, { log }: { readonly log: Log }, part: Part): Promise<Response> | Response {
  const { etag, length, name } = part
  const read = headerReader(c)
  const outcome = precondition(read, { etag, modifiedMs: Number.NaN })
  if (outcome === 'failed') throw new Problem('precondition_failed', 'The archive is not the one that was asked for')
  if (outcome === 'not_modified') return new Response(null, { status: 304, headers: { etag } })
  const asked = rangeOf(rangeApplies(read, { etag }) ? read('range') : undefined, length)
  if (asked.kind === 'unsatisfiable') {
    const headers = { 'content-range': `bytes */${length}`, 'accept-ranges': 'bytes' }
    throw new Problem('range_not_satisfiable', `There are only ${length} bytes`, { headers })
  }
  const range = asked.kind === 'part' ? { start: asked.start, end: asked.end } : { start: 0, end: length - 1 }
  const headers: Record<string, string> = {
    'content-type': 'application/zip',
    // The names hold spaces, which only a quoted name may (RFC 6266, section 4.1).
    'content-disposition': `attachment; filename="${name}"`,
    'content-length': `${range.end - range.start + 1}`,
    'accept-ranges': 'bytes',
    // The identifier in the address opens it: no cache may keep it.
    'cache-control': 'private, no-store',
    etag,
  }
  if (asked.kind === 'part') headers['content-range'] = `bytes ${range.start}-${range.end}/${length}`
  return streamBytes(c, {
    status: asked.kind === 'part' ? 206 : 200,
    headers,
    bytes: part.bytes(range),
    failed: (error) => logFailure(log, c, error),
  })
}
