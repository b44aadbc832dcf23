import { afterAll, describe, expect, test } from 'bun:test'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Problem } from '../../src/model/errors.ts'
import { readJson, readOptionalJson } from './body.ts'
import { newRouter } from './router.ts'

const limit = { maxBytes: 1000 }
const app = newRouter()
app.post('/', async (c) => Response.json((await readJson(c, limit)).value))
app.post('/optional', async (c) => Response.json((await readOptionalJson(c, limit))?.value ?? 'none'))
app.onError((error, c) => {
  if (!(error instanceof Problem)) throw error
  return c.text(`${error.code} ${error.reason}`, error.status as 400)
})

const server = createServer(getRequestListener(app.fetch as never) as RequestListener)
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
afterAll(() => {
  server.close()
})

/** The same requests to the application in this process and over a socket. */
describe.each<[string, (path: string, body: BodyInit | null) => Promise<Response>]>([
  ['in process', async (path, body) => app.request(path, { method: 'POST', body })],
  ['over a socket', (path, body) => fetch(url + path, { method: 'POST', body })],
])('bodies %s', (_name, post) => {
  const chunks = (count: number) =>
    new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(count === 10 ? '["' : 'x'.repeat(100)))
        if (count-- === 0) controller.close()
      },
    })

  test('are JSON', async () => expect(await (await post('/', '{"é":[1]}')).text()).toBe('{"é":[1]}'))

  test.each<[string, BodyInit | null, string]>([
    ['none', null, 'bad_request invalid UTF-8 JSON'],
    ['no JSON', '{', 'bad_request invalid UTF-8 JSON'],
    ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'bad_request invalid UTF-8 JSON'],
    ['a byte order mark', '\ufeff{}', 'bad_request invalid UTF-8 JSON'],
    ['too large by its length', `"${'x'.repeat(1000)}"`, 'too_large The request body is larger than 1000 bytes.'],
    ['too large in pieces', chunks(10_000), 'too_large The request body is larger than 1000 bytes.'],
  ])('%s', async (_case, body, problem) => {
    const answer = await post('/', body)
    expect(await answer.text()).toBe(problem)
  })

  test('may be left out where that is allowed', async () => {
    expect(await (await post('/optional', null)).text()).toBe('"none"')
    expect(await (await post('/optional', '[1]')).text()).toBe('[1]')
  })
})
