import { expect, test } from 'bun:test'
import { gunzipSync } from 'node:zlib'
import { jsonText } from './answer.ts'
import { newRouter } from './router.ts'
import { streamJson } from './stream.ts'

const sizes: Record<string, number> = { small: 10, middle: 5_000, large: 500_000 }
const textOf = (size: number) => `"${'xyz'.repeat(size / 3)}"`

const app = newRouter()
app.get('/text/:size', (c) => jsonText(c, 200, textOf(sizes[c.req.param('size')] ?? 0), { etag: '"1-a"' }))
app.get('/stream', (c) => {
  async function* pages() {
    for (let n = 0; n < 100; n++) yield `${n},`
  }
  return streamJson(c, '[', pages(), 'null]')
})

async function plain(answer: Response): Promise<string> {
  const bytes = new Uint8Array(await answer.arrayBuffer())
  return new TextDecoder().decode(answer.headers.get('content-encoding') === 'gzip' ? gunzipSync(bytes) : bytes)
}

test.each([
  ['small', 'gzip', null],
  ['middle', 'deflate, gzip', 'gzip'],
  ['middle', 'br', null],
  ['middle', 'gzip;q=0', null],
  ['middle', 'gzip;q=0.5', 'gzip'],
  ['large', 'gzip', 'gzip'],
])('%s text for %s: %p', async (size, accept, encoding) => {
  const answer = await app.request(`/text/${size}`, { headers: { 'accept-encoding': accept } })
  expect(answer.headers.get('content-encoding')).toBe(encoding)
  expect(answer.headers.get('etag')).toBe('"1-a"')
  expect(await plain(answer)).toBe(textOf(sizes[size]!))
})

test('a stream', async () => {
  const answer = await app.request('/stream', { headers: { 'accept-encoding': 'gzip' } })
  expect(answer.headers.get('content-encoding')).toBe('gzip')
  expect(JSON.parse(await plain(answer))).toHaveLength(101)
})
