import { expect, test } from 'bun:test'
import { Alarm } from './alarm.ts'

const took = async (work: Promise<void>) => {
  const started = performance.now()
  await work
  return performance.now() - started
}

test('a ring ends the wait', async () => {
  const alarm = new Alarm()
  setTimeout(alarm.ring, 10)
  expect(await took(alarm.wait(5_000))).toBeLessThan(1_000)
})

test('a ring before the wait is kept until it is cleared', async () => {
  const alarm = new Alarm()
  alarm.ring()
  expect(await took(alarm.wait(5_000))).toBeLessThan(1_000)
  expect(await took(alarm.wait(5_000))).toBeLessThan(1_000)
  alarm.clear()
  expect(await took(alarm.wait(30))).toBeGreaterThan(20)
})

test('a time that is up does not wait', async () => {
  expect(await took(new Alarm().wait(-5))).toBeLessThan(20)
})
