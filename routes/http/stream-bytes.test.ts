import { afterAll, describe, expect, test } from 'bun:test'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import { newRouter } from './router.ts'
import { streamBytes } from './stream.ts'

/** Every chunk has bytes of its own, and a memory of its own: it is given back once it was sent. */
const chunkOf = (number: number) => new Uint8Array(1 << 20).fill(number % 251)

/** What became of the last source and of the answer made of it. */
const seen = { read: 0, ended: 0, failed: '' }

function stream(chunks: number, failAt: number): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      pull(controller) {
        if (seen.read === failAt) throw new Error('the store is gone')
        if (seen.read === chunks) return controller.close()
        controller.enqueue(chunkOf(seen.read))
        seen.read += 1
      },
      cancel() {
        seen.ended += 1
      },
    },
    { highWaterMark: 0 },
  )
}

async function* generator(chunks: number, failAt: number): AsyncGenerator<Uint8Array> {
  try {
    for (; seen.read < chunks; seen.read++) {
      if (seen.read === failAt) throw new Error('the store is gone')
      yield chunkOf(seen.read)
    }
  } finally {
    seen.ended += 1
  }
}

const app = newRouter()
app.get('/:kind/:chunks/:fail', (c) => {
  Object.assign(seen, { read: 0, ended: 0, failed: '' })
  const [chunks, failAt] = [Number(c.req.param('chunks')), Number(c.req.param('fail'))]
  const bytes = c.req.param('kind') === 'stream' ? stream(chunks, failAt) : generator(chunks, failAt)
  const length: Record<string, string> = c.req.query('length') === '1' ? { 'content-length': `${chunks << 20}` } : {}
  return streamBytes(c, {
    status: 200,
    headers: { 'content-type': 'text/plain', ...length },
    bytes,
    failed: (error) => {
      seen.failed = error instanceof Error ? error.message : 'something else'
    },
  })
})
app.onError((error, c) => c.text(error.message, 503))

const server = createServer(getRequestListener(app.fetch as never) as RequestListener)
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

async function ask(path: string, method = 'GET'): Promise<IncomingMessage> {
  const asking = request({ port, path, method, agent: false })
  asking.end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  return answer
}

async function sizeOf(answer: IncomingMessage): Promise<number> {
  let size = 0
  for await (const part of answer) size += (part as Uint8Array).length
  return size
}

/** Reads a little now and then, and gives the places where other bytes came than were sent. */
async function wrongBytes(answer: IncomingMessage, pauseMs: number): Promise<readonly number[]> {
  const wrong: number[] = []
  let at = 0
  for await (const part of answer) {
    for (const byte of part as Uint8Array) {
      if (byte !== (at >> 20) % 251) wrong.push(at)
      at += 1
    }
    if (pauseMs > 0 && Math.random() < 0.05) await delay(pauseMs)
  }
  return wrong.slice(0, 5)
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await delay(10)
}

describe.each(['stream', 'generator'])('streamBytes() of a %s', (kind) => {
  test.each(['', '?length=1'])('sends all of it (%s)', async (query) => {
    const answer = await ask(`/${kind}/20/-1${query}`)
    expect(answer.headers['content-length']).toBe(query === '' ? undefined : `${20 << 20}`)
    expect(await sizeOf(answer)).toBe(20 << 20)
    expect(seen.failed).toBe('')
  })

  test.each([0, 15])('sends the right bytes to a client that stops for %d ms now and then', async (pauseMs) => {
    const answer = await ask(`/${kind}/60/-1?length=1`)
    expect(await wrongBytes(answer, pauseMs)).toEqual([])
    expect(seen.read).toBe(60)
  })

  test.each([1, 2])('sends %d chunks whole', async (chunks) => {
    const answer = await ask(`/${kind}/${chunks}/-1?length=1`)
    expect(await sizeOf(answer)).toBe(chunks << 20)
  })

  test('sends nothing of nothing', async () => {
    const answer = await ask(`/${kind}/0/-1?length=1`)
    expect([answer.statusCode, await sizeOf(answer)]).toEqual([200, 0])
  })

  test('reads no further than the client does, and ends the source when it leaves', async () => {
    const answer = await ask(`/${kind}/2000/-1?length=1`)
    await delay(300)
    // What the two sockets hold.
    expect(seen.read).toBeLessThan(30)
    expect(seen.ended).toBe(0)
    answer.destroy()
    await until(() => seen.ended > 0)
    expect([seen.ended, seen.failed]).toEqual([1, ''])
  })

  test('a failure before the first byte is an answer', async () => {
    const answer = await ask(`/${kind}/20/0?length=1`)
    expect(answer.statusCode).toBe(503)
    expect(await sizeOf(answer)).toBe('the store is gone'.length)
  })

  test.each(['', '?length=1'])('a later one cuts the connection (%s)', async (query) => {
    const answer = await ask(`/${kind}/20/10${query}`)
    expect(answer.statusCode).toBe(200)
    let text = ''
    const reading = (async () => {
      for await (const part of answer) text += (part as Buffer).toString('latin1')
    })()
    await expect(reading).rejects.toThrow()
    expect(answer.complete).toBe(false)
    expect(text).not.toContain('gone')
    expect(seen.failed).toBe('the store is gone')
  })

  test('HEAD reads nothing', async () => {
    const answer = await ask(`/${kind}/20/-1?length=1`, 'HEAD')
    expect([answer.statusCode, answer.headers['content-length']]).toEqual([200, `${20 << 20}`])
    expect(await sizeOf(answer)).toBe(0)
    expect(seen.read).toBe(0)
  })
})
