/** API 1.1: what is left to be done, and why it waits. */
import { z } from 'zod'
import { fileNotFound } from '../../src/sync/problems.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { answer } from './answer.ts'
import { countOf, isUuid, textOf } from './request.ts'
import { failures } from './schemas.ts'
import type { SyncServices } from './services.ts'

const tag = 'sync management'
const needs = 'the token of the sync API'

export function jobRoutes(face: Face, { sync }: SyncServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.1/jobs',
      summary: 'Copies and deletions that are left to be done',
      tag,
      needs,
      query: z.object({ entry: z.string().optional(), after: z.string().optional(), limit: z.string().optional() }),
      answers: { 200: 'Jobs; `next` continues the list', ...failures },
    },
    async (c) => {
      const limit = countOf(c, 'limit', { byDefault: 100, most: 1_000 })
      const work = await sync.store.work({ entry: textOf(c, 'entry'), after: textOf(c, 'after') ?? '', limit })
      const jobs = work.map(({ file, replica }) => ({
        fid: file.fid,
        entry: replica.entry,
        filename: file.filename,
        kind: file.live && replica.owner ? 'copy' : 'delete',
        version: file.head,
        size: file.size,
        blocked: replica.blocked,
        attempts: replica.attempts,
        not_before: replica.retryAtMs === null ? null : replica.retryAtMs / 1_000,
      }))
      const last = jobs.length === limit ? jobs.at(-1) : undefined
      return answer(c, { jobs, next: last === undefined ? null : `${last.fid} ${last.entry}` })
    },
  )
  for (const kind of ['retry', 'cancel'] as const) {
    endpoint(
      face,
      {
        method: 'POST',
        path: `/api/v1.1/jobs/{fid}/{entry}/${kind}`,
        summary: kind === 'retry' ? 'Try it again at once' : 'Do not try it again until the file changes',
        tag,
        needs,
        answers: { 200: 'Done', ...failures },
      },
      async (c, { path: { fid, entry } }) => {
        if (!isUuid(fid)) throw fileNotFound(fid)
        await sync.run({ kind, fid, entry })
        return answer(c, { status: 'ok' })
      },
    )
  }
}
