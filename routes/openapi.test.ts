import { expect, test } from 'bun:test'
import { silentLog } from '../src/log.ts'
import { newSecrets } from '../src/secrets/secrets.ts'
import { dataRoutes } from './data/routes.ts'
import { defaultLimits } from './data/services.ts'
import { newRouter } from './http/router.ts'
import { openApiRoute } from './openapi.ts'

const data = dataRoutes({
  documents: {} as never,
  instances: {} as never,
  secrets: newSecrets(new Uint8Array(32)),
  actorOf: async () => ({}),
  log: silentLog,
  limits: defaultLimits,
  expiredStatus: 400 as const,
})
const router = newRouter()
openApiRoute(router, [data], { version: '1.2.3' })
const document = (await (await router.request('/openapi.json')).json()) as {
  openapi: string
  info: { version: string }
  paths: Record<string, Record<string, { parameters?: { name: string; in: string }[]; security?: unknown[] }>>
}

test('describes every route once, in OpenAPI 3.1', () => {
  expect([document.openapi, document.info.version]).toEqual(['3.1.0', '1.2.3'])
  const routes = Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.keys(verbs).map((v) => `${v} ${path}`),
  )
  const served = data.router.routes.filter(({ method }) => method !== 'ALL')
  expect(routes.length).toBeGreaterThan(20)
  expect(routes.sort()).toEqual(served.map(({ method, path }) => `${method.toLowerCase()} ${braces(path)}`).sort())
})

test('says what parameters a route reads', () => {
  const names = document.paths['/data/{type}/{id}']?.['get']?.parameters?.map(
    ({ name, in: place }) => `${place} ${name}`,
  )
  expect(names).toEqual(
    expect.arrayContaining(['path type', 'path id', 'query rev', 'query open_revs', 'header If-None-Match']),
  )
})

test('says which route needs no token', () => {
  const open = Object.entries(document.paths).filter(([, verbs]) =>
    Object.values(verbs).some(({ security }) => security?.length === 0),
  )
  expect(open.map(([path]) => path)).toEqual(['/data'])
})

function braces(pattern: string): string {
  return pattern.replace('{.+}', '').replaceAll(/:(\w+)/g, '{$1}')
}
