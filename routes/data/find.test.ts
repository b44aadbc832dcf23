import { describe, expect, test } from 'bun:test'
import type { Documents, FindAnswer } from '../../src/documents/service.ts'
import type { Instances } from '../../src/instances/service.ts'
import { silentLog } from '../../src/log.ts'
import { grant } from '../../src/permissions/granted.ts'
import { parseScope } from '../../src/permissions/scope.ts'
import { newSecrets } from '../../src/secrets/secrets.ts'
import { dataRoutes } from './routes.ts'
import { defaultLimits } from './services.ts'

/** Asks `_find` of an engine that always gives one answer; tells what the engine was asked. */
async function find(body: object, given: Partial<FindAnswer> = {}) {
  const asked: unknown[] = []
  const answer: FindAnswer = {
    docs: [],
    bookmark: undefined,
    bookmarkAbsent: false,
    warnings: [],
    stats: { n: 1 },
    ...given,
  }
  const documents = {
    find: async (_ref: unknown, question: unknown, face: unknown) => {
      asked.push(question, face)
      return answer
    },
  } as unknown as Documents
  const instances = { byHost: async () => ({ prefix: 'p' }), authorise: async () => grant(parseScope('test.notes')) }
  const services = {
    documents,
    instances: instances as unknown as Instances,
    secrets: newSecrets(new Uint8Array(32)),
    actorOf: async () => ({}),
    log: silentLog,
    limits: defaultLimits,
    expiredStatus: 400 as const,
  }
  const init = { method: 'POST', headers: { host: 'h', authorization: 'Bearer t' }, body: JSON.stringify(body) }
  const response = await dataRoutes(services).router.request('/data/test.notes/_find', init)
  return { asked, text: await response.text() }
}

describe('_find', () => {
  test.each<[unknown, number]>([
    [undefined, 100],
    [5, 5],
    [0, 0],
    [1000, 1000],
    [1001, 100],
    ['5', 100],
    [null, 100],
  ])('the limit %p counts as %p', async (limit, effective) => {
    const { asked, text } = await find({ selector: {}, limit })
    expect(asked[0]).toMatchObject({ limit: effective })
    expect(JSON.parse(text)).toMatchObject({ limit: effective, next: effective === 0 })
  })

  test('a question without index is to be refused before it is run', async () => {
    expect((await find({ selector: {} })).asked[1]).toMatchObject({ refuseUnindexed: true })
  })

  test.each<[string, object, Partial<FindAnswer>, string]>([
    ['nothing found', {}, {}, '{"docs":[],"limit":100,"next":false,"bookmark":""}'],
    [
      'a full page',
      { limit: 2 },
      { docs: ['{"n":1.0}', '{}'], bookmark: 'b' },
      '{"docs":[{"n":1.0},\n{}],"limit":2,"next":true,"bookmark":"b"}',
    ],
    ['warnings', {}, { warnings: ['a', 'b'] }, '{"docs":[],"limit":100,"next":false,"bookmark":"","warning":"a\\nb"}'],
    [
      'statistics',
      { execution_stats: true },
      {},
      '{"docs":[],"limit":100,"next":false,"bookmark":"","execution_stats":{"n":1}}',
    ],
  ])('%s', async (_case, extra, given, text) => {
    expect((await find({ selector: {}, ...extra }, given)).text).toBe(text)
  })
})
