/** The rules of API 1.0: a document that is put first and applied when somebody says so. */
import { z } from 'zod'
import { readRules } from '../../src/sync/rule-document.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { header } from '../http/router.ts'
import { answer } from './answer.ts'
import { flagOf, readBody } from './request.ts'
import { Done, failures, Rules } from './schemas.ts'
import type { SyncServices } from './services.ts'

const tag = 'sync rules'

export function ruleRoutes(face: Face, { sync }: SyncServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.0/rules',
      summary: 'The rules put last, or with `applied=1` those in force',
      tag,
      query: z.object({ applied: z.string().optional() }),
      answers: { 200: Rules, ...failures },
    },
    async (c) => {
      const { rev, pending, applied } = await sync.store.rules()
      const document = JSON.parse(flagOf(c, 'applied') ? applied : pending) as object
      const headers = { etag: `"${rev}"`, 'x-rules-applied': `${pending === applied}` }
      return answer(c, document, { headers })
    },
  )
  endpoint(
    face,
    {
      method: 'PUT',
      path: '/api/v1.0/rules',
      summary: 'Put rules; nothing changes before they are reloaded',
      tag,
      headers: { 'If-Match': 'The revision that is replaced' },
      body: Rules,
      answers: { 200: Done, 412: 'They are at another revision', 413: 'Too large', 415: 'Not JSON', ...failures },
    },
    async (c) => {
      const names = new Set((await sync.store.entries()).map(({ name }) => name))
      const document = readRules(await readBody(c), names)
      const ifMatch = header(c, 'if-match')
      const { rev } = (await sync.run({ kind: 'put-rules', ...document, ifMatch })) as { rev: number }
      return answer(c, { status: 'ok' }, { headers: { etag: `"${rev}"` } })
    },
  )
  endpoint(
    face,
    {
      method: 'PUT',
      path: '/api/v1.0/rules/reload',
      summary: 'Apply the rules, or with `dry_run=1` tell what that would do',
      tag,
      query: z.object({ dry_run: z.string().optional() }),
      answers: { 200: Done, ...failures },
    },
    async (c) => {
      const done = (await sync.run({ kind: 'reload-rules', dryRun: flagOf(c, 'dry_run') })) as object
      return answer(c, { status: 'ok', ...done })
    },
  )
}
