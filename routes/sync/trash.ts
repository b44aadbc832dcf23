/** API 1.1: contents that were displaced or deleted, by whom and when, and the way back. */
import { z } from 'zod'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { answer } from './answer.ts'
import { afterOf, countOf, isUuid, textOf } from './request.ts'
import { failures } from './schemas.ts'
import type { SyncServices } from './services.ts'

const tag = 'sync management'
const needs = 'the token of the sync API'

export function trashRoutes(face: Face, { sync }: SyncServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.1/trash',
      summary: 'Contents in the trash of the entries',
      tag,
      needs,
      query: z.object({ entry: z.string().optional(), after: z.string().optional(), limit: z.string().optional() }),
      answers: { 200: 'Contents by key', ...failures },
    },
    async (c) => {
      const limit = countOf(c, 'limit', { byDefault: 100, most: 1_000 })
      const found = await sync.store.trash({ entry: textOf(c, 'entry'), after: afterOf(c), limit })
      return answer(c, { trash: found.map(({ atMs, ...one }) => ({ ...one, time: atMs / 1_000 })) })
    },
  )
  endpoint(
    face,
    {
      method: 'POST',
      path: '/api/v1.1/trash/{key}/restore',
      summary: 'Put content back under its name, or a similar one if that is taken',
      tag,
      needs,
      answers: { 200: 'Where it is now', 409: 'The entry does not run', ...failures },
    },
    async (c, { path: { key } }) =>
      answer(c, { status: 'ok', ...((await sync.run({ kind: 'restore', key: checked(key) })) as object) }),
  )
  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/api/v1.1/trash/{key}',
      summary: 'Remove content for good',
      tag,
      needs,
      answers: { 200: 'Done', 409: 'The entry does not run', ...failures },
    },
    async (c, { path: { key } }) => {
      await sync.run({ kind: 'purge', key: checked(key) })
      return answer(c, { status: 'ok' })
    },
  )
}

function checked(key: string): string {
  if (isUuid(key)) return key
  throw new Problem('not_found', `trash ${key} not found`)
}
