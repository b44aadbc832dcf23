import { expect, test } from 'bun:test'
import { z } from '@hono/zod-openapi'
import { silentLog } from '../../src/log.ts'
import { jsonValue } from './answer.ts'
import { endpoint, newFace, refuseOtherMethods } from './endpoint.ts'
import { countParameter, exactlyTrue } from './parameters.ts'

const face = newFace({
  log: silentLog,
  errorBody: ({ code, reason, headers }) => ({ error: code, reason, allow: headers['allow'] }),
})
const common = { summary: 'x', tag: 'x', answers: { 200: 'x' } }
endpoint(face, { ...common, method: 'POST', path: '/t/{type}/_fixed' }, (c) => jsonValue(c, 200, 'fixed'))
refuseOtherMethods(face)
endpoint(
  face,
  {
    ...common,
    method: 'GET',
    path: '/t/{type}/{id}',
    query: z.object({ limit: countParameter(), all: exactlyTrue() }),
  },
  (c, { path, query }) => jsonValue(c, 200, { path, query }),
)
endpoint(face, { ...common, method: 'COPY', path: '/t/{type}/{id}' }, (c) => jsonValue(c, 200, 'copied'))
refuseOtherMethods(face)

const ask = async (method: string, path: string) => {
  const answer = await face.router.request(path, { method })
  return [answer.status, await answer.json()]
}

test.each([
  ['/t/a/b%2Fc', { path: { type: 'a', id: 'b/c' }, query: { all: false } }],
  ['/t/a/b/', { path: { type: 'a', id: 'b' }, query: { all: false } }],
  ['/t/a/b?limit=3&limit=4&all=true&other=1', { path: { type: 'a', id: 'b' }, query: { limit: 4, all: true } }],
])('GET %s gives the handler its path and query', async (path, input) => {
  expect(await ask('GET', path)).toEqual([200, input])
})

test.each([
  ['/t/a/b?limit=x', 'Invalid value for integer: "x"'],
  ['/t/a/b?limit=-1', 'Invalid value for positive integer: "-1"'],
])('%s is refused by the schema', async (path, reason) => {
  expect(await ask('GET', path)).toEqual([400, { error: 'query_parse_error', reason }])
})

test('a path that is no UTF-8 is refused', async () => {
  expect(await ask('GET', '/t/a/%ff')).toMatchObject([400, { error: 'bad_request' }])
})

test('other methods are refused, also where a fixed name could be an id', async () => {
  expect(await ask('GET', '/t/a/_fixed')).toMatchObject([405, { error: 'method_not_allowed', allow: 'POST' }])
  expect(await ask('PUT', '/t/a/b')).toMatchObject([405, { allow: 'GET,HEAD,COPY' }])
  expect(await ask('POST', '/t/a/_fixed')).toEqual([200, 'fixed'])
  expect(await ask('COPY', '/t/a/b')).toEqual([200, 'copied'])
})

test('routes are described, apart from COPY', () => {
  const described = face.registry.definitions.flatMap((definition) =>
    definition.type === 'route' ? [`${definition.route.method} ${definition.route.path}`] : [],
  )
  expect(described).toEqual(['post /t/{type}/_fixed', 'get /t/{type}/{id}'])
})
