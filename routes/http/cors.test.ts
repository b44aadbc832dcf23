import { expect, test } from 'bun:test'
import { cors } from './cors.ts'
import { newRouter } from './router.ts'

const app = newRouter()
app.use('*', cors())
app.get('/there', () => new Response('{}', { headers: { vary: 'Accept-Encoding' } }))

test('a preflight is answered on every path, without a token', async () => {
  const headers = {
    origin: 'https://app.example',
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'authorization,x-a',
  }
  const answer = await app.request('/nowhere', { method: 'OPTIONS', headers })
  expect(answer.status).toBe(204)
  expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example')
  expect(answer.headers.get('access-control-allow-credentials')).toBe('true')
  expect(answer.headers.get('access-control-allow-methods')).toContain('COPY')
  expect(answer.headers.get('access-control-allow-headers')).toBe('authorization,x-a')
  expect(answer.headers.get('access-control-max-age')).toBe('43200')
})

test.each(['/there', '/nowhere'])('the origin is reflected on %s', async (path) => {
  const answer = await app.request(path, { headers: { origin: 'https://app.example' } })
  expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example')
  expect(answer.headers.get('access-control-expose-headers')).toBe('ETag, Location, WWW-Authenticate')
  expect(answer.headers.get('vary')).toContain('Origin')
})

test('without an origin nothing is added', async () => {
  const answer = await app.request('/there')
  expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  expect(answer.headers.get('vary')).toBe('Accept-Encoding')
})
