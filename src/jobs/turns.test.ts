import { expect, test } from 'bun:test'
import { silentLog } from '../log.ts'
import { Recurring } from './turns.ts'

async function until(check: () => boolean) {
  const deadline = Date.now() + 60_000
  while (!check()) {
    if (Date.now() > deadline) throw new Error('it did not happen')
    await Bun.sleep(2)
  }
}

test('work is done by whoever has the turn, again and again, one at a time, and goes on after a failure', async () => {
  let [asked, runs, together] = [0, 0, 0]
  const recurring = new Recurring({
    ...{ log: silentLog, store: { isTurn: async () => asked++ % 2 === 1 } },
    works: [
      {
        ...{ name: 'test', everyMs: 2 },
        async run() {
          together += 1
          expect(together).toBe(1)
          await Bun.sleep(5)
          together -= 1
          if (runs++ === 1) throw new Error('once')
        },
      },
    ],
  })
  recurring.start()
  await until(() => runs >= 5)
  await recurring.close()
  expect(asked).toBeGreaterThanOrEqual(2 * runs)
  const ended = runs
  await Bun.sleep(20)
  expect(runs).toBe(ended)
})

test('closing tells what is under way to stop and waits for it', async () => {
  let [isUnderWay, isOver] = [false, false]
  const recurring = new Recurring({
    ...{ log: silentLog, store: { isTurn: async () => true } },
    works: [
      {
        ...{ name: 'test', everyMs: 1 },
        async run(signal) {
          isUnderWay = true
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => setTimeout(resolve, 10)))
          isOver = true
        },
      },
    ],
  })
  recurring.start()
  await until(() => isUnderWay)
  await recurring.close()
  expect(isOver).toBeTrue()
})
