import { expect, test } from 'bun:test'
import { type Log, silentLog } from '../../src/log.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, newFace } from './endpoint.ts'
import { ErrorText } from './errors.ts'

/** What a face answers to something thrown, and how often it was logged. */
async function answerTo(error: unknown, options: Partial<Parameters<typeof newFace>[0]> = {}, method = 'GET') {
  let logged = 0
  const log: Log = { ...silentLog, error: () => void logged++ }
  const face = newFace({ log, errorBody: ({ code, reason }) => ({ code, reason }), ...options })
  endpoint(face, { method: 'GET', path: '/x', summary: 'x', tag: 'x', answers: {} }, () => {
    throw error
  })
  const answer = await face.router.request('/x', { method })
  return { status: answer.status, text: await answer.text(), headers: answer.headers, logged }
}

const token = (state: 'missing' | 'invalid' | 'expired') =>
  new Problem('unauthorized', 'no', { identity: { kind: 'token', token: state } })

test.each<[string, Problem, string, string | null]>([
  ['a 503 says when to come back', new Problem('store_unavailable', 'x'), 'retry-after', '5'],
  [
    'unless it says so itself',
    new Problem('store_unavailable', 'x', { headers: { 'retry-after': '1' } }),
    'retry-after',
    '1',
  ],
  ['a 500 does not', new Problem('timeout', 'x'), 'retry-after', null],
  ['headers of a failure are sent', new Problem('not_found', 'x', { headers: { allow: 'GET' } }), 'allow', 'GET'],
  ['a missing token is asked for', token('missing'), 'www-authenticate', 'Bearer'],
  ['a bad one is named', token('invalid'), 'www-authenticate', 'Bearer error="invalid_token"'],
])('%s', async (_name, problem, name, value) => {
  expect((await answerTo(problem)).headers.get(name)).toBe(value)
})

test.each<[string, unknown, number, number]>([
  ['what is not a Problem', new Error('select * from secrets'), 500, 1],
  ['a 5xx', new Problem('store_unavailable', 'x'), 503, 1],
  ['a 4xx', new Problem('not_found', 'x'), 404, 0],
  ['a feature that does not exist', new Problem('not_implemented', 'x'), 501, 0],
])('%s is logged as often as it should be, and never shown', async (_name, error, status, logged) => {
  const answer = await answerTo(error)
  expect([answer.status, answer.logged]).toEqual([status, logged])
  expect(answer.text).not.toContain('secrets')
})

test.each<['missing' | 'invalid' | 'expired', 400 | 401, number]>([
  ['missing', 400, 401],
  ['invalid', 400, 400],
  ['expired', 400, 400],
  ['expired', 401, 401],
])('a token that is %s on a face that says %d is %d', async (state, invalidTokenStatus, status) => {
  expect((await answerTo(token(state), { invalidTokenStatus })).status).toBe(status)
})

test('the body is sent in the media type of the face', async () => {
  const answer = await answerTo(new Problem('not_found', 'x'), { media: 'application/vnd.api+json' })
  expect([answer.headers.get('content-type'), answer.text]).toEqual([
    'application/vnd.api+json',
    '{"code":"not_found","reason":"x"}',
  ])
})

test('a face may choose another form for one failure; HEAD gets no body', async () => {
  const errorBody = () => new ErrorText('text/plain', 'no')
  const options = { errorBody, headers: { 'cache-control': 'no-store' } }
  const answer = await answerTo(new Problem('not_found', 'x'), options)
  expect([answer.headers.get('content-type'), answer.headers.get('cache-control'), answer.text]).toEqual([
    'text/plain',
    'no-store',
    'no',
  ])
  expect((await answerTo(new Problem('not_found', 'x'), options, 'HEAD')).text).toBe('')
})
