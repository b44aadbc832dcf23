import { expect, test } from 'bun:test'
import { Problem } from './model/errors.ts'
import { newReadyCheck, type Pinged, remembered } from './readiness.ts'

const fine: Pinged = { ping: async () => {} }
const refusing = (error: Error): Pinged => ({ ping: () => Promise.reject(error) })

test('ready when all stores answer', async () => {
  expect(await newReadyCheck({ 'document store': fine, 'object store': fine })()).toBeUndefined()
})

test('not ready when one store refuses; the reason tells no internals', async () => {
  const busy = refusing(new Problem('store_unavailable', 'The database is busy.'))
  expect(await newReadyCheck({ 'document store': busy, 'object store': fine })()).toBe('The database is busy.')
  const broken = refusing(new Error('ECONNREFUSED /secret/path'))
  expect(await newReadyCheck({ 'document store': fine, 'object store': broken })()).toBe(
    'The object store does not answer.',
  )
})

test('not ready when a store takes longer than two seconds', async () => {
  const hanging = newReadyCheck({ 'document store': { ping: () => new Promise(() => {}) } })
  const before = performance.now()
  expect(await hanging()).toBe('The document store takes too long to answer.')
  expect(performance.now() - before).toBeLessThan(3_000)
})

test('many probes are one question', async () => {
  let pings = 0
  let now = 0
  const ready = newReadyCheck({ 'document store': { ping: async () => void pings++ } }, () => now)
  for (let i = 0; i < 10; i++) await ready()
  expect(pings).toBe(1)
  now = 1_001
  await ready()
  expect(pings).toBe(2)
})

test('who asks while the answer is awaited waits for the same one, however long it takes', async () => {
  let asked = 0
  let now = 0
  const { promise, resolve } = Promise.withResolvers<string>()
  const ask = remembered(
    () => {
      asked++
      return promise
    },
    () => now,
  )
  const first = ask()
  now = 10_000
  const second = ask()
  resolve('well')
  expect([await first, await second, asked]).toEqual(['well', 'well', 1])
  await ask()
  expect(asked).toBe(2)
})
