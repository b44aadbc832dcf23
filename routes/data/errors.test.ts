import { expect, test } from 'bun:test'
import { Problem } from '../../src/errors.ts'
import { silentLog } from '../../src/log.ts'
import { newRouter } from '../http/router.ts'
import { bareProblem, couchErrors, frameworkProblem, missingDocument, ownErrors, requestProblem } from './errors.ts'

/** Status, parsed body and headers of a failure as one of the two ways renders it. */
async function rendered(error: unknown, way: typeof ownErrors, accept = '*/*', expiredStatus: 400 | 401 = 400) {
  const app = newRouter()
  app.get('/', (c) => way({ log: silentLog, expiredStatus })(error, c))
  const answer = await app.request('/', { headers: { accept } })
  return { status: answer.status, body: await answer.json(), headers: answer.headers }
}

const conflict = new Problem('conflict', 'Document update conflict.')
const token = (state: string) => new Problem('unauthorized', 'no good', { detail: { token: state } })

test.each<[string, typeof ownErrors, unknown, number, unknown]>([
  ['E1', ownErrors, conflict, 409, { ok: false, status: 409, error: 'conflict', reason: 'Document update conflict.' }],
  ['E2', couchErrors, conflict, 409, { error: 'conflict', reason: 'Document update conflict.' }],
  ['E3', ownErrors, requestProblem('x'), 400, { error: 'Bad Request(400): x' }],
  ['E4', couchErrors, frameworkProblem('not_found', 'Not Found'), 404, { error: 'code=404, message=Not Found' }],
  ['E4 of every 403', ownErrors, new Problem('forbidden', 'no'), 403, { error: 'code=403, message=no' }],
  ['a bare object', couchErrors, bareProblem('forbidden', { error: 'no' }), 403, { error: 'no' }],
  ['a bare string', ownErrors, bareProblem('bad_request', 'no'), 400, 'no'],
  ['no token', ownErrors, token('missing'), 401, { error: 'code=401, message=No token in request' }],
  ['a bad token', ownErrors, token('invalid'), 400, { error: 'code=400, message=Invalid JWT token' }],
  ['an expired token', ownErrors, token('expired'), 400, { error: 'code=400, message=Expired token' }],
])('%s', async (_name, way, error, status, body) => {
  const answer = await rendered(error, way)
  expect([answer.status, answer.body]).toEqual([status, body])
})

test('an expired token is told in the header that clients look at', async () => {
  const { headers } = await rendered(token('expired'), ownErrors)
  expect(headers.get('www-authenticate')).toBe(
    'Bearer error="invalid_token" error_description="The access token expired"',
  )
})

test('a missing document is told as the contract tells it', async () => {
  const { body } = await rendered(missingDocument('io.cozy.events', 'abc', 'deleted'), ownErrors)
  expect(body).toEqual({
    ok: false,
    status: 404,
    error: 'not_found',
    reason: 'deleted',
    title: 'Event deleted',
    details: 'Event abc was deleted',
    links: { about: 'https://cozy.github.io/cozy-stack/errors.md#deleted' },
  })
})

test('an unknown host is JSON-API, or plain JSON when asked for', async () => {
  const unknown = new Problem('not_found', 'Instance not found', { detail: { host: 'h' } })
  const api = await rendered(unknown, ownErrors)
  expect(api.headers.get('content-type')).toBe('application/vnd.api+json')
  expect(api.body).toMatchObject({ errors: [{ status: '404' }] })
  expect((await rendered(unknown, ownErrors, 'application/json')).body).toEqual({ error: 'Instance not found' })
})

test('what is no Problem says nothing of itself', async () => {
  const { status, body } = await rendered(new Error('select * from secrets'), ownErrors)
  expect(status).toBe(500)
  expect(JSON.stringify(body)).not.toContain('secrets')
})

test('the settings may ask for 401 where a token is no good', async () => {
  const { status, body } = await rendered(token('expired'), ownErrors, '*/*', 401)
  expect([status, body]).toEqual([401, { error: 'code=401, message=Expired token' }])
})
