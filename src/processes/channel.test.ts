import { expect, test } from 'bun:test'
import { type Answerer, type Channel, newChannel } from './channel.ts'

/** Two ends, with messages as they arrive from another process. */
function pair(left: Answerer, right: Answerer): readonly [Channel, Channel] {
  const carry = (to: () => Channel) => (message: object) => {
    const text = JSON.stringify(message)
    queueMicrotask(() => to().receive(JSON.parse(text)))
  }
  const one: Channel = newChannel(
    carry(() => two),
    left,
  )
  const two: Channel = newChannel(
    carry(() => one),
    right,
  )
  return [one, two]
}

test('questions cross, each gets its answer', async () => {
  const [owner, worker] = pair(
    { instancesChanged: async () => null },
    { metrics: async () => [{ name: 'a' }], alive: async () => null },
  )
  const answers = await Promise.all([
    owner.ask('metrics', null, 60_000),
    owner.ask('alive', null, 60_000),
    worker.ask('instancesChanged', null, 60_000),
  ])
  expect(answers).toEqual([[{ name: 'a' }], null, null])
})

test('a failure arrives with its message and the code of its cause', async () => {
  const taken = Object.assign(new Error('listen'), { code: 'EADDRINUSE' })
  const [owner] = pair(
    {},
    {
      close: async () => {
        throw new Error('the port is taken', { cause: taken })
      },
    },
  )
  const failure = await owner.ask('close', null, 60_000).catch((error: unknown) => error)
  expect(failure).toMatchObject({ message: 'the port is taken', code: 'EADDRINUSE' })
})

test.each([
  { what: 'a question that nobody answers', end: false, patienceMs: 60_000, says: 'nobody here answers open' },
  { what: 'an answer that takes too long', end: false, patienceMs: 1, says: 'no answer to close within 1 ms' },
  { what: 'the end of the other process', end: true, patienceMs: 60_000, says: 'the other process has ended' },
])('$what -> the question fails', async ({ end, patienceMs, says }) => {
  const [owner] = pair({}, { close: () => new Promise(() => {}) })
  const asked = owner
    .ask(says.includes('open') ? 'open' : 'close', null, patienceMs)
    .catch((error: Error) => error.message)
  if (end) owner.end()
  expect(await asked).toBe(says)
})

test('what is asked after the end fails at once', async () => {
  const [owner] = pair({}, {})
  owner.end()
  const failure = owner.ask('alive', null, 60_000).catch((error: Error) => error.message)
  expect(await failure).toContain('it has ended')
})

test('messages of strangers are passed over', () => {
  const [owner] = pair({}, {})
  for (const message of [null, 'text', 7, {}, { id: 99, answer: 1 }, { cmd: 'NODE_online' }]) owner.receive(message)
})
