/** API 1.1: files with two contents, and which one stays. */
import { z } from 'zod'
import { fileNotFound, unacceptable } from '../../src/sync/problems.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { answer } from './answer.ts'
import { afterOf, countOf, isUuid, readObject } from './request.ts'
import { failures } from './schemas.ts'
import type { SyncServices } from './services.ts'

const tag = 'sync management'
const needs = 'the token of the sync API'
const keeps = ['this', 'other', 'both'] as const

export function conflictRoutes(face: Face, { sync }: SyncServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.1/conflicts',
      summary: 'Copies that were made because two contents had one name',
      tag,
      needs,
      query: z.object({ after: z.string().optional(), limit: z.string().optional() }),
      answers: { 200: 'Conflict copies by id', ...failures },
    },
    async (c) => {
      const limit = countOf(c, 'limit', { byDefault: 100, most: 1_000 })
      const found = await sync.store.conflicts({ after: afterOf(c), limit })
      return answer(c, { conflicts: found.map(({ conflictOf, ...file }) => ({ ...file, conflict_of: conflictOf })) })
    },
  )
  endpoint(
    face,
    {
      method: 'POST',
      path: '/api/v1.1/conflicts/{fid}/resolve',
      summary: 'Decide: the copy becomes the file (`this`), the copy goes (`other`), or both stay (`both`)',
      tag,
      needs,
      body: z.object({ keep: z.enum(keeps) }),
      answers: { 200: 'Done', 409: 'It is not a conflict copy', ...failures },
    },
    async (c, { path: { fid } }) => {
      if (!isUuid(fid)) throw fileNotFound(fid)
      const { keep } = await readObject(c)
      const chosen = keeps.find((one) => one === keep)
      if (chosen === undefined) throw unacceptable(`keep must be one of ${keeps.join(', ')}`)
      await sync.run({ kind: 'resolve', fid, keep: chosen })
      return answer(c, { status: 'ok' })
    },
  )
}
