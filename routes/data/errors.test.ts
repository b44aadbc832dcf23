import { expect, test } from 'bun:test'
import { silentLog } from '../../src/log.ts'
import { Problem } from '../../src/model/errors.ts'
import { newFace } from '../http/endpoint.ts'
import type { ErrorBody } from '../http/errors.ts'
import { newRouter } from '../http/router.ts'
import {
  bareProblem,
  couchErrorBody,
  frameworkProblem,
  missingDocument,
  ownErrorBody,
  requestProblem,
} from './errors.ts'

/** Status, parsed body and headers of a failure as one of the two ways renders it. */
async function rendered(error: unknown, errorBody: ErrorBody, accept = '*/*', expiredStatus: 400 | 401 = 400) {
  const app = newRouter()
  const face = newFace({ log: silentLog, errorBody, invalidTokenStatus: expiredStatus })
  app.get('/', (c) => face.onError(error, c))
  const answer = await app.request('/', { headers: { accept } })
  return { status: answer.status, body: await answer.json(), headers: answer.headers }
}

const conflict = new Problem('conflict', 'Document update conflict.')
const token = (state: 'missing' | 'invalid' | 'expired') =>
  new Problem('unauthorized', 'no good', { identity: { kind: 'token', token: state } })

test.each<[string, ErrorBody, unknown, number, unknown]>([
  [
    'E1',
    ownErrorBody,
    conflict,
    409,
    { ok: false, status: 409, error: 'conflict', reason: 'Document update conflict.' },
  ],
  ['E2', couchErrorBody, conflict, 409, { error: 'conflict', reason: 'Document update conflict.' }],
  ['E3', ownErrorBody, requestProblem('x'), 400, { error: 'Bad Request(400): x' }],
  ['E4', couchErrorBody, frameworkProblem('not_found', 'Not Found'), 404, { error: 'code=404, message=Not Found' }],
  ['E4 of every 403', ownErrorBody, new Problem('forbidden', 'no'), 403, { error: 'code=403, message=no' }],
  ['a bare object', couchErrorBody, bareProblem('forbidden', { error: 'no' }), 403, { error: 'no' }],
  ['a bare string', ownErrorBody, bareProblem('bad_request', 'no'), 400, 'no'],
  ['no token', ownErrorBody, token('missing'), 401, { error: 'code=401, message=No token in request' }],
  ['a bad token', ownErrorBody, token('invalid'), 400, { error: 'code=400, message=Invalid JWT token' }],
  ['an expired token', ownErrorBody, token('expired'), 400, { error: 'code=400, message=Expired token' }],
])('%s', async (_name, way, error, status, body) => {
  const answer = await rendered(error, way)
  expect([answer.status, answer.body]).toEqual([status, body])
})

test('an expired token is told in the header that clients look at', async () => {
  const { headers } = await rendered(token('expired'), ownErrorBody)
  expect(headers.get('www-authenticate')).toBe(
    'Bearer error="invalid_token" error_description="The access token expired"',
  )
})

test('a missing document is told as the contract tells it', async () => {
  const { body } = await rendered(missingDocument('io.cozy.events', 'abc', 'deleted'), ownErrorBody)
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
  const unknown = new Problem('not_found', 'Instance not found', { identity: { kind: 'host', host: 'h' } })
  const api = await rendered(unknown, ownErrorBody)
  expect(api.headers.get('content-type')).toBe('application/vnd.api+json')
  expect(api.body).toMatchObject({ errors: [{ status: '404' }] })
  expect((await rendered(unknown, ownErrorBody, 'application/json')).body).toEqual({ error: 'Instance not found' })
})

test('what is no Problem says nothing of itself', async () => {
  const { status, body } = await rendered(new Error('select * from secrets'), ownErrorBody)
  expect(status).toBe(500)
  expect(JSON.stringify(body)).not.toContain('secrets')
})

test('the settings may ask for 401 where a token is no good', async () => {
  const { status, body } = await rendered(token('expired'), ownErrorBody, '*/*', 401)
  expect([status, body]).toEqual([401, { error: 'code=401, message=Expired token' }])
})
