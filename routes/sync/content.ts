/** API 1.1: the bytes of a file, from an entry that has the newest ones. */
import { Problem } from '../../src/model/errors.ts'
import { openContent } from '../../src/sync/content-reading.ts'
import { mediaTypeOf } from '../../src/sync/engine/media-type.ts'
import { fileNotFound } from '../../src/sync/problems.ts'
import { rangeOf } from '../http/byte-range.ts'
import { contentDisposition } from '../http/content-disposition.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { header } from '../http/router.ts'
import { streamBytes } from '../http/stream.ts'
import { logFailure } from '../observe.ts'
import { usualHeaders } from './answer.ts'
import { isUuid } from './request.ts'
import { failures } from './schemas.ts'
import type { SyncServices } from './services.ts'

export function contentRoute(face: Face, { sync, log }: SyncServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.1/files/{fid}/content',
      summary: 'The bytes of a file, or a range of them',
      tag: 'sync files',
      needs: 'the token of the sync API',
      headers: { Range: 'One range of bytes' },
      answers: { 200: 'All bytes', 206: 'A range', 416: 'The range lies behind the end', ...failures },
    },
    async (c, { path: { fid } }) => {
      const detail = isUuid(fid) ? await sync.store.detail(fid) : undefined
      if (detail === undefined || !detail.state.file.live) throw fileNotFound(fid)
      const { size, filename, hash } = detail.state.file
      const asked = rangeOf(c.req.raw.method === 'GET' ? header(c, 'range') : undefined, size)
      if (asked.kind === 'unsatisfiable') {
        const headers = { 'content-range': `bytes */${size}` }
        throw new Problem('range_not_satisfiable', `there are only ${size} bytes`, { headers })
      }
      const [start, end] = asked.kind === 'part' ? [asked.start, asked.end + 1] : [0, size]
      const bytes =
        c.req.raw.method === 'HEAD' ? new ReadableStream<Uint8Array>() : await openContent(sync, detail, start, end)
      const headers: Record<string, string> = {
        ...usualHeaders,
        'content-type': mediaTypeOf(filename),
        'content-length': `${end - start}`,
        'content-disposition': contentDisposition('attachment', filename.slice(filename.lastIndexOf('/') + 1)),
        'x-content-type-options': 'nosniff',
        'accept-ranges': 'bytes',
        etag: `"${hash}"`,
      }
      if (asked.kind === 'part') headers['content-range'] = `bytes ${asked.start}-${asked.end}/${size}`
      const status = asked.kind === 'part' ? 206 : 200
      return streamBytes(c, { status, headers, bytes, failed: (error) => logFailure(log, c, error) })
    },
  )
}
