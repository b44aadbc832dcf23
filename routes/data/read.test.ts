import { describe, expect, test } from 'bun:test'
import type { Documents, ReadOptions, ReadOutcome } from '../../src/documents/service.ts'
import type { Instances } from '../../src/instances/service.ts'
import { silentLog } from '../../src/log.ts'
import { Problem } from '../../src/model/errors.ts'
import { noDatabase } from '../../src/model/no-database.ts'
import { grant } from '../../src/permissions/granted.ts'
import { parseScope } from '../../src/permissions/scope.ts'
import { newSecrets } from '../../src/secrets/secrets.ts'
import { dataRoutes } from './routes.ts'
import { defaultLimits } from './services.ts'

const text = '{"_id":"a","_rev":"1-x","_type":"test.notes","kind":"x"}'
const found: ReadOutcome = { kind: 'found', document: { id: 'a', rev: '1-x', deleted: false, text } }

/** The routes over an engine that always gives one outcome, and what was asked of it. */
function serve(scope: string, outcome: ReadOutcome | Problem = found) {
  const calls: unknown[] = []
  const documents = {
    read: async (...args: [unknown, string, ReadOptions?]) => {
      calls.push(args)
      if (outcome instanceof Problem) throw outcome
      return outcome
    },
  } as unknown as Documents
  const instance = { prefix: 'p' } as never
  const instances = {
    byHost: async () => instance,
    authorise: async () => grant(parseScope(scope)),
  } as unknown as Instances
  const { router } = dataRoutes({
    documents,
    instances,
    secrets: newSecrets(new Uint8Array(32)),
    actorOf: async () => ({}),
    log: silentLog,
    limits: defaultLimits,
    expiredStatus: 400 as const,
  })
  return {
    calls,
    get: (path: string) => router.request(path, { headers: { host: 'h', authorization: 'Bearer t' } }),
  }
}

describe('GET one document', () => {
  test('asks the engine once, for the winner with its type, and sends its text untouched', async () => {
    const { calls, get } = serve('test.notes')
    const answer = await get('/data/test.notes/a')
    expect(await answer.text()).toBe(text)
    expect(calls).toEqual([[{ prefix: 'p', name: 'test.notes' }, 'a', expect.objectContaining({ type: 'test.notes' })]])
  })

  test.each([
    ['test.notes', 200],
    ['test.notes:GET', 200],
    ['test.notes:GET:a', 200],
    ['test.notes:GET:b', 403],
    ['test.notes:GET:x:kind', 200],
    ['test.notes:GET:y:kind', 403],
    ['test.notes:PUT', 403],
    ['test.others', 403],
  ])('with the scope %s: %d', async (scope, status) => {
    expect((await serve(scope).get('/data/test.notes/a')).status).toBe(status)
  })

  test.each([
    ['test.notes', 404],
    ['test.notes:GET:a', 403],
  ])('of nothing, with the scope %s: %d', async (scope, status) => {
    expect((await serve(scope, { kind: 'missing' }).get('/data/test.notes/b')).status).toBe(status)
    expect((await serve(scope, noDatabase()).get('/data/test.notes/b')).status).toBe(status)
  })

  test.each([
    ['missing', { kind: 'missing' }, 'missing', 'Note missing'],
    ['deleted', { kind: 'deleted' }, 'deleted', 'Note deleted'],
    ['no database', noDatabase(), 'wrong_doctype', 'Note missing'],
  ] as const)('%s is worded', async (_name, outcome, reason, title) => {
    const answer = await serve('test.notes', outcome).get('/data/test.notes/b')
    expect(await answer.json()).toMatchObject({ ok: false, status: 404, error: 'not_found', reason, title })
  })

  test('an account carries no tag, because its answer depends on who asks', async () => {
    const answer = await serve('io.cozy.accounts').get('/data/io.cozy.accounts/a')
    expect([answer.status, answer.headers.get('etag')]).toEqual([200, null])
  })

  test('what fails unexpectedly tells the client nothing', async () => {
    const answer = await serve('test.notes', null as never).get('/data/test.notes/a')
    expect(answer.status).toBe(500)
    expect(await answer.json()).toMatchObject({ error: 'internal_server_error' })
  })
})
