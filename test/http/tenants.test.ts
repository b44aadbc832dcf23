/** A token of one instance on another one: every route of the public listener that asks for a token is walked. */
import { expect, test } from 'bun:test'
import { sharedServer } from '../support/server.ts'

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly security?: readonly unknown[] }>>>>
}

test('is refused on every route of every public API', async () => {
  const server = await sharedServer()
  const [mine, theirs] = ['mine.tenants.test', 'theirs.tenants.test']
  for (const domain of [mine, theirs]) await server.createInstance(domain)
  const token = await server.token('*', { domain: mine })
  const described = (await (await server.fetch('/openapi.json', { headers: { host: mine } })).json()) as Described
  const wrong: string[] = []
  let walked = 0
  for (const [path, methods] of Object.entries(described.paths)) {
    for (const [method, { security }] of Object.entries(methods)) {
      // Routes that need no token say so.
      if (security?.length === 0) continue
      walked += 1
      const asked = path.replaceAll(/\{\w+\}/g, 'io.cozy.notes')
      const hasBody = !['get', 'head', 'delete'].includes(method)
      const answer = await server.fetch(asked, {
        method: method.toUpperCase(),
        headers: { host: theirs, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(hasBody ? { body: '{}' } : {}),
      })
      await answer.text()
      // Pages send whoever has no session to the login.
      const location = answer.headers.get('location') ?? ''
      const isLogin = answer.status === 303 && new URL(location, `http://${theirs}`).pathname === '/auth/login'
      const isRefused = answer.status >= 400 && answer.status < 500
      if (!isRefused && !isLogin) wrong.push(`${method} ${path}: ${answer.status} ${location}`)
    }
  }
  expect(wrong).toEqual([])
  expect(walked).toBeGreaterThan(80)
})
