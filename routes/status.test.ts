import { expect, test } from 'bun:test'
import { silentLog } from '../src/log.ts'
import { statusRoutes } from './status.ts'

test('many strangers who ask cost the stores one question', async () => {
  const asked = { cache: 0, couchdb: 0, fs: 0 }
  const part = (name: keyof typeof asked) => async () => {
    asked[name]++
  }
  const { router } = statusRoutes({
    log: silentLog,
    parts: { cache: part('cache'), couchdb: part('couchdb'), fs: part('fs') },
  })
  const answers = await Promise.all(Array.from({ length: 50 }, () => router.request('/status')))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(await answers[0]?.json()).toMatchObject({ status: 'OK', fs: 'healthy' })
  expect(asked).toEqual({ cache: 1, couchdb: 1, fs: 1 })
})
