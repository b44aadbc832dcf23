import { expect, test } from 'bun:test'
import { newRouter } from './router.ts'
import { streamJson } from './stream.ts'

/** Pages that tell how far they were read and whether they were closed. */
function pages(texts: readonly string[], failAfter = Number.POSITIVE_INFINITY) {
  const seen = { read: 0, closed: false }
  async function* read() {
    try {
      for (const text of texts) {
        if (seen.read >= failAfter) throw new Error('the store is gone')
        seen.read += 1
        yield text
      }
    } finally {
      seen.closed = true
    }
  }
  return { seen, read }
}

function serve(source: ReturnType<typeof pages>) {
  const app = newRouter()
  app.get('/', (c) => streamJson(c, '[', source.read(), () => `,${source.seen.read}]`))
  app.onError((error, c) => c.text(error.message, 500))
  return app
}

test.each([[[]], [['1']], [['1', ',2']], [['1', ',2', ',3', ',4']]])('%j is sent whole', async (texts) => {
  const answer = await serve(pages(texts)).request('/')
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(await answer.text()).toBe(`[${texts.join('')},${texts.length}]`)
})

test('reads ahead no more than the client takes', async () => {
  const source = pages(Array.from({ length: 100 }, () => '1,'))
  const answer = await serve(source).request('/')
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(source.seen.read).toBeLessThanOrEqual(3)
  await answer.body?.cancel()
  expect(source.seen.closed).toBe(true)
})

test('HEAD closes what it does not read', async () => {
  const source = pages(['1', '2', '3'])
  const answer = await serve(source).request('/', { method: 'HEAD' })
  expect([answer.status, await answer.text(), source.seen.closed]).toEqual([200, '', true])
})

test('an error before the first byte is an error answer', async () => {
  const answer = await serve(pages(['1', '2'], 0)).request('/')
  expect([answer.status, await answer.text()]).toEqual([500, 'the store is gone'])
})

test('a later error breaks the body off', async () => {
  const answer = await serve(pages(['1', '2', '3'], 2)).request('/')
  expect(answer.status).toBe(200)
  expect(answer.text()).rejects.toThrow()
})
