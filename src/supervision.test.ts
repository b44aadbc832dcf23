import { expect, test } from 'bun:test'
import { silentLog } from './log.ts'
import { supervise } from './supervision.ts'

/** Servers whose death is in our hand. */
function servers(connection: (count: number) => string = () => 'socket') {
  const opened: { die: () => void; stopped: boolean }[] = []
  const open = async () => {
    let die = () => {}
    const died = new Promise<string>((resolve) => {
      die = () => resolve('killed')
    })
    const server = {
      connection: connection(opened.length),
      died,
      die,
      stopped: false,
      async stop() {
        server.stopped = true
      },
    }
    opened.push(server)
    return server
  }
  return { opened, open }
}

const settle = () => Bun.sleep(5)

test('a server that dies is started again after what is left of it was stopped', async () => {
  const { opened, open } = servers()
  const supervised = await supervise(open, silentLog)
  opened[0]?.die()
  await settle()
  expect(opened.map((server) => server.stopped)).toEqual([true, false])
  await supervised.stop()
  expect(opened.map((server) => server.stopped)).toEqual([true, true])
})

test('a second death within a minute is the end, one after a minute is not', async () => {
  let now = 0
  const { opened, open } = servers()
  const supervised = await supervise(open, silentLog, () => now)
  for (const at of [0, 60_000]) {
    now = at
    opened.at(-1)?.die()
    await settle()
  }
  expect(opened).toHaveLength(3)
  now = 60_001
  opened.at(-1)?.die()
  expect((await supervised.failed).message).toBe('the database server died twice within a minute')
  expect(opened).toHaveLength(3)
})

test('a server that comes back elsewhere is the end', async () => {
  const { opened, open } = servers((count) => `socket ${count}`)
  const supervised = await supervise(open, silentLog)
  opened[0]?.die()
  expect((await supervised.failed).message).toContain('another place')
})

test('nothing is started again once stopped', async () => {
  const { opened, open } = servers()
  const supervised = await supervise(open, silentLog)
  await supervised.stop()
  opened[0]?.die()
  await settle()
  expect(opened).toHaveLength(1)
})
