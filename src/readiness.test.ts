import { expect, test } from 'bun:test'
import { Problem } from './errors.ts'
import { newReadyCheck } from './readiness.ts'

test('ready when the store answers', async () => {
  expect(await newReadyCheck({ ping: async () => {} })()).toBeUndefined()
})

test('not ready when the store refuses; the reason tells no internals', async () => {
  const refusing = newReadyCheck({
    ping: () => Promise.reject(new Problem('store_unavailable', 'The database is busy.')),
  })
  expect(await refusing()).toBe('The database is busy.')
  const broken = newReadyCheck({ ping: () => Promise.reject(new Error('ECONNREFUSED /secret/path')) })
  expect(await broken()).toBe('The document store does not answer.')
})

test('not ready when the store takes longer than two seconds', async () => {
  const hanging = newReadyCheck({ ping: () => new Promise(() => {}) })
  const before = performance.now()
  expect(await hanging()).toBe('The document store takes too long to answer.')
  expect(performance.now() - before).toBeLessThan(3_000)
})

test('many probes are one question', async () => {
  let pings = 0
  let now = 0
  const ready = newReadyCheck({ ping: async () => void pings++ }, () => now)
  for (let i = 0; i < 10; i++) await ready()
  expect(pings).toBe(1)
  now = 501
  await ready()
  expect(pings).toBe(2)
})
