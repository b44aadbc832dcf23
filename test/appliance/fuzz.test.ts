/** Random requests to the appliance: whatever comes, an answer of the contract, no failure of the server's own, nothing changed. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { paths, prefix } from '../../routes/appliance/paths.ts'
import { applianceRoutes } from '../../routes/appliance/routes.ts'
import { openApiDocument } from '../../routes/openapi.ts'
import { silentLog } from '../../src/log.ts'
import { type ApplianceStage, allEndpoints, openStage } from '../support/appliance.ts'
import { hashFor } from '../support/appliance-client.ts'
import { type HttpClient, openHttpClient } from '../support/http.ts'

let stage: ApplianceStage
let http: HttpClient
beforeAll(async () => {
  stage = await openStage({
    pauseMs: 1,
    config: { endpoints: [...allEndpoints, 'metrics'] },
    prepare: ({ root }) => writeFileSync(join(root, 'etc', 'version.txt'), '1.0.0\n'),
  })
  await stage.appliance.token.setFirst('yourtoken')
  http = openHttpClient()
})
afterAll(async () => {
  http.close()
  await stage.close()
})

const known = [...paths.keys()].map((path) => path.slice(prefix.length))
const text = fc.string({ unit: 'binary', maxLength: 30 }).filter((one) => one.isWellFormed())
const path = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...known) },
  text.map((one) => `/${encodeURIComponent(one)}`),
)
const method = fc.constantFrom('GET', 'POST', 'POST', 'POST', 'PUT', 'DELETE', 'HEAD')
const name = fc.oneof(
  fc.constantFrom('newtoken', 'update', 'settings', 'public', 'private', 'ca', 'license', 'action', 'archive'),
  text,
)
const content = fc.oneof(
  text,
  fc.json(),
  fc.constantFrom(
    'START',
    'STOP',
    '{"network":{}}',
    '{"storage":{"type":"nfs"}}',
    'Salted__x',
    'age-encryption.org/v1\n',
  ),
)
const part = fc.record({ name, file: fc.option(text, { nil: undefined }), content })
const body = fc.oneof(
  fc.array(part, { maxLength: 9 }).map((parts) => {
    const pieces = parts.map((one) => {
      const file = one.file === undefined ? '' : `; filename="${one.file}"`
      return `--b\r\nContent-Disposition: form-data; name="${one.name}"${file}\r\n\r\n${one.content}\r\n`
    })
    return `${pieces.join('')}--b--\r\n`
  }),
  text,
)

// Failures slow their address down: first come those who may, then those who may not.
test.each([
  ['who knows the token', true, 250],
  ['who does not', false, 60],
])(
  'random requests of one %s are answered by the contract',
  async (_name, authenticated, numRuns) => {
    const run = fc.asyncProperty(path, method, body, async (where, how, what) => {
      // The token must stay what it is, or nothing more is reached.
      if (where === '/setup' && authenticated) return
      const query = authenticated ? `?hash=${hashFor('yourtoken', how, where)}` : ''
      const answer = await http.fetch(`https://127.0.0.1:${stage.port}${prefix}${where}${query}`, {
        method: how,
        headers: { 'content-type': 'multipart/form-data; boundary=b' },
        ...(how === 'GET' || how === 'HEAD' ? {} : { body: what }),
      })
      const said = await answer.text()
      expect([200, 202, 400, 403, 404, 413]).toContain(answer.status)
      if (!authenticated) expect([403, 404]).toContain(answer.status)
      if (answer.status >= 400 && how !== 'HEAD') expect(said).toStartWith(`{"Status":"${answer.status} `)
    })
    await fc.assert(run, { numRuns })
    if (!authenticated) return
    const version = await http.fetch(`https://127.0.0.1:${stage.port}${prefix}/version?token=yourtoken`)
    expect(version.status).toBe(200)
  },
  60_000,
)

test('every path is described, and nothing else', () => {
  const face = applianceRoutes({ appliance: stage.appliance, log: silentLog })
  const document = openApiDocument([face], { version: '1' }) as { paths: Record<string, Record<string, unknown>> }
  const described = Object.entries(document.paths).flatMap(([where, methods]) =>
    Object.keys(methods).map((one) => `${one} ${where}`),
  )
  const served = [...paths].flatMap(([where, { methods }]) => methods.map((one) => `${one.toLowerCase()} ${where}`))
  expect(described.sort()).toEqual(served.sort())
})

test('the documentation is a page without scripts', async () => {
  const answer = await http.fetch(`https://127.0.0.1:${stage.port}/docs`)
  const page = await answer.text()
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  expect(page).toContain(`${prefix}/backup/restore`)
  expect(page).not.toContain('<script')
})
