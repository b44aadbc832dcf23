import { expect, test } from 'bun:test'
import { jsonText, notModified } from './answer.ts'
import { newRouter } from './router.ts'

const app = newRouter()
app.get('/text', (c) => jsonText(c, 200, '{"é":1}', { etag: '"1-a"' }))

test('text is sent as JSON', async () => {
  const answer = await app.request('/text')
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(answer.headers.get('cache-control')).toBe('must-revalidate')
  expect(answer.headers.get('etag')).toBe('"1-a"')
  expect(await answer.text()).toBe('{"é":1}')
})

test('HEAD has the headers and the length but no body', async () => {
  const answer = await app.request('/text', { method: 'HEAD' })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-length')).toBe('8')
  expect(await answer.text()).toBe('')
})

test('304 carries the tag and no body', async () => {
  const answer = notModified({ etag: '"1-a"' })
  expect([answer.status, answer.headers.get('etag'), await answer.text()]).toEqual([304, '"1-a"', ''])
})
