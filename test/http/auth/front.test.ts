/** What strangers find at the root of the public listener. */
import { expect, test } from 'bun:test'
import { version } from '../../../src/version.ts'
import { sharedServer } from '../../support/server.ts'

const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

test.each(['an instance', 'nobody.example.org', '127.0.0.1', 'localhost:1'])(
  'a browser at / of %s -> a page of its own',
  async (host) => {
    const server = await sharedServer()
    const known = host === 'an instance'
    const response = await server.fetch('/', { headers: { ...browser, host: known ? server.domain : host } })
    const text = await response.text()
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    for (const part of [
      'Hearth runs here',
      `Hearth ${version}`,
      'href="/docs"',
      'href="/openapi.json"',
      'color-scheme',
    ]) {
      expect(text).toContain(part)
    }
    expect(text.includes('/auth/login')).toBe(known)
    // Nothing runs and nothing is fetched.
    expect(text).not.toMatch(/<script|src=|https?:\/\/|@import|url\(/)
  },
)

test('a browser of somebody who reads French -> the page in French', async () => {
  const headers = { ...browser, host: 'x.example', 'accept-language': 'fr-FR,fr;q=0.9' }
  const text = await (await (await sharedServer()).fetch('/', { headers })).text()
  expect(text).toContain('Hearth fonctionne ici')
  expect(text).toContain('lang="fr"')
})

test.each([{ accept: 'application/json' }, { accept: '*/*' }, {}])(
  'a client that sends %p -> JSON',
  async (headers) => {
    const response = await (await sharedServer()).fetch('/', { headers: { host: 'nobody.example.org', ...headers } })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      hearth: 'Welcome',
      version,
      documentation: '/docs',
      description: '/openapi.json',
    })
  },
)
