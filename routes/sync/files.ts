/** `GET /api/v1.0/files` and what is known of one file. */
import { z } from 'zod'
import { pageLimits } from '../../src/model/page-limits.ts'
import { mediaTypeOf } from '../../src/sync/engine/media-type.ts'
import { fileId } from '../../src/sync/names.ts'
import { fileNotFound } from '../../src/sync/problems.ts'
import type { FileDetail, FileView } from '../../storage/sync/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { answer } from './answer.ts'
import { countOf, flagOf, isUuid } from './request.ts'
import { File, failures } from './schemas.ts'
import type { SyncServices } from './services.ts'

const tag = 'sync files'
const maxOffset = Number.MAX_SAFE_INTEGER

export function fileRoutes(face: Face, { sync }: SyncServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.0/files',
      summary: 'List the files',
      tag,
      query: z.object({ offset: z.string().optional(), limit: z.string().optional() }),
      answers: { 200: z.object({ files: z.array(File) }).describe('Files by id'), ...failures },
    },
    async (c) => {
      const offset = countOf(c, 'offset', { byDefault: 0, most: maxOffset })
      const limit = countOf(c, 'limit', pageLimits.sync)
      const { files, total } = await sync.store.listFiles({ offset, limit })
      const next = offset + limit
      const link = `</api/v1.0/files?offset=${next}&limit=${limit}>; rel="next"`
      const more = limit > 0 && next < total ? { link } : {}
      return answer(c, { files }, { headers: { 'x-total-count': `${total}`, ...more } })
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.0/files/id/{name*}',
      summary: 'The id that a file of this name has or would have',
      tag,
      answers: { 200: z.record(z.string(), z.string()).describe('The id by name') },
    },
    (c, { path }) => answer(c, { [path.name]: fileId(path.name) }),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.0/files/{fid}/metadata',
      summary: 'What is known of a file',
      tag,
      query: z.object({ extended: z.string().optional() }),
      answers: { 200: File, ...failures },
    },
    async (c, { path: { fid } }) => {
      const file = isUuid(fid) ? await sync.store.file(fid) : undefined
      if (file === undefined) throw fileNotFound(fid)
      if (!flagOf(c, 'extended')) return answer(c, file)
      const detail = await sync.store.detail(fid)
      return answer(c, detail === undefined ? file : extended(file, detail))
    },
  )
}

function extended(view: FileView, { state: { file, replicas }, version }: FileDetail): object {
  return {
    ...view,
    mimetype: mediaTypeOf(file.filename),
    version: version.id,
    hash: version.hash,
    mtime: file.mtimeMs / 1_000,
    origins: replicas.filter(({ origin }) => origin).map(({ entry }) => entry),
    conflict_of: file.conflictOf,
    states: Object.fromEntries(
      replicas.map(({ entry, owner, base, blocked, native }) => [
        entry,
        { state: stateOf(owner, base === file.head, blocked), name: native, version: base },
      ]),
    ),
  }
}

function stateOf(isOwner: boolean, isCurrent: boolean, blocked: string | null): string {
  if (!isOwner) return 'released'
  if (isCurrent) return 'uptodate'
  return blocked === null ? 'wanted' : `blocked: ${blocked}`
}
