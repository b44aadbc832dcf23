import { beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { sharedServer, type TestServer } from '../../support/server.ts'
import { type Browser, hiddenFields, openBrowser } from './browser.ts'

const domain = 'person.oauth.test'
const other = 'other.oauth.test'
const callback = 'http://app.test/callback?x=1'
const verifier = 'a-verifier-with-enough-characters-to-be-valid-0123456789'
const challenge = createHash('sha256').update(verifier).digest('base64url')
let server: TestServer
let browser: Browser

interface Registered {
  readonly client_id: string
  readonly client_secret: string
  readonly registration_access_token: string
}

const call = async (
  method: string,
  path: string,
  body: unknown,
  host = domain,
  headers: Record<string, string> = {},
) => {
  const response = await server.fetch(path, {
    method,
    headers: { host, 'content-type': 'application/json', accept: 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}
const register = async (more: object = {}, host = domain): Promise<Registered> =>
  (
    await call(
      'POST',
      '/auth/register',
      { redirect_uris: [callback], client_name: 'An app', software_id: 'test', ...more },
      host,
    )
  ).body

const authorizePath = (client: Registered, more: Record<string, string> = {}) =>
  `/auth/authorize?${new URLSearchParams({ client_id: client.client_id, redirect_uri: callback, state: 's t', response_type: 'code', scope: 'io.cozy.notes:GET io.cozy.contacts', ...more })}`

async function codeFor(client: Registered, more: Record<string, string> = {}): Promise<string> {
  const answer = await browser.submit(authorizePath(client, more), { decision: 'allow' })
  return new URL(answer.location).searchParams.get('code') ?? ''
}

const exchange = (client: Pick<Registered, 'client_id' | 'client_secret'>, more: object, host = domain) =>
  call(
    'POST',
    '/auth/access_token',
    { client_id: client.client_id, client_secret: client.client_secret, ...more },
    host,
  )

beforeAll(async () => {
  server = await sharedServer()
  for (const name of [domain, other]) {
    await server.fetch(`${server.adminUrl}/instances?Domain=${name}&Passphrase=secret%20words`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` },
    })
  }
  browser = openBrowser(server, domain)
  await browser.submit('/auth/login', { password: 'secret words' })
})

describe('registration', () => {
  test('gives an id, a secret and a token to change it', async () => {
    const answer = await call('POST', '/auth/register', {
      redirect_uris: [callback],
      client_name: 'Two',
      software_id: 'test',
      client_kind: 'mobile',
    })
    expect(answer).toMatchObject({
      status: 201,
      body: {
        client_secret_expires_at: 0,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        client_kind: 'mobile',
      },
    })
    const { client_id, registration_access_token } = answer.body
    const path = `/auth/register/${client_id}`
    const token = { authorization: `Bearer ${registration_access_token}` }
    expect(await call('GET', path, undefined, domain, token)).toMatchObject({
      status: 200,
      body: { client_name: 'Two' },
    })
    expect((await call('GET', path, undefined, domain, token)).body).not.toHaveProperty('client_secret')
    expect((await call('GET', path, undefined)).status).toBe(401)
    expect((await call('GET', path, undefined, other, token)).status).toBe(401)
    const changed = { redirect_uris: [callback], client_name: 'Three', software_id: 'test' }
    expect(await call('PUT', path, changed, domain, token)).toMatchObject({
      status: 200,
      body: { client_name: 'Three' },
    })
    expect((await call('DELETE', path, undefined, domain, token)).status).toBe(204)
    expect((await call('GET', path, undefined, domain, token)).status).toBe(404)
  })

  test.each([
    [{ redirect_uris: undefined }, 'invalid_redirect_uri'],
    [{ redirect_uris: [] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['/relative'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['http://a.test/#x'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['data:text/html,x'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['http://a.test/\r\nx: y'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: [{ toString: 1, valueOf: 1 }] }, 'invalid_redirect_uri'],
    [{ redirect_uris: [null] }, 'invalid_redirect_uri'],
    [{ client_name: '' }, 'invalid_client_metadata'],
    [{ software_id: 7 }, 'invalid_client_metadata'],
  ])('%j is refused as %s', async (more, error) => {
    const body = { redirect_uris: [callback], client_name: 'x', software_id: 'y', ...more }
    expect(await call('POST', '/auth/register', body)).toMatchObject({ status: 400, body: { error } })
  })

  test('a second client of the same name gets a number', async () => {
    const names = [await register({ client_name: 'Same' }), await register({ client_name: 'Same' })]
    expect(names).toMatchObject([{ client_name: 'Same' }, { client_name: 'Same-2' }])
  })
})

describe('the page where a person agrees', () => {
  test('needs a session, names every right, and leads back with a code or a refusal', async () => {
    const client = await register()
    const stranger = await openBrowser(server, domain).get(authorizePath(client))
    expect(stranger.status).toBe(303)
    expect(stranger.location).toStartWith('/auth/login?redirect=%2Fauth%2Fauthorize%3F')
    const { text, headers } = await browser.get(authorizePath(client))
    expect(text).toContain('io.cozy.notes')
    expect(text).toContain('io.cozy.contacts')
    expect(headers.get('content-security-policy')).toContain("form-action 'self' http://app.test;")
    const denied = await browser.submit(authorizePath(client), { decision: 'deny' })
    expect([denied.status, denied.location]).toEqual([302, `${callback}&error=access_denied&state=s+t#`])
    const allowed = await browser.submit(authorizePath(client), { decision: 'allow' })
    expect(allowed.location).toMatch(/^http:\/\/app\.test\/callback\?x=1&code=[A-Za-z0-9]{32}&state=s\+t#$/)
    expect((await browser.post('/auth/authorize', { client_id: client.client_id, decision: 'allow' })).status).toBe(403)
  })

  test.each([
    [{ client_id: 'unknown' }],
    [{ redirect_uri: 'http://app.test/callback?x=12' }],
    [{ redirect_uri: 'http://app.test/callback' }],
    [{ redirect_uri: 'http://evil.test/' }],
    [{ response_type: 'token' }],
    [{ state: '' }],
    [{ scope: '' }],
    [{ scope: '*' }],
    [{ scope: 'io.cozy.notes:FOO' }],
    [{ code_challenge: challenge }],
    [{ code_challenge: verifier, code_challenge_method: 'plain' }],
  ])('%j is 400, and nothing is sent to the client', async (more) => {
    const answer = await browser.get(authorizePath(await register(), more as Record<string, string>))
    expect([answer.status, answer.location]).toEqual([400, ''])
  })
})

describe('tokens', () => {
  test('a code gives tokens once, to its client on its instance', async () => {
    const client = await register()
    const code = await codeFor(client)
    const wanted = { grant_type: 'authorization_code', code }
    expect(await exchange({ ...client, client_secret: 'x' }, wanted)).toEqual({
      status: 400,
      body: { error: 'invalid client_secret' },
    })
    const { status, body } = await exchange(client, wanted)
    expect(status).toBe(200)
    expect(body).toEqual({
      token_type: 'bearer',
      scope: 'io.cozy.notes:GET io.cozy.contacts',
      access_token: expect.any(String),
      refresh_token: expect.any(String),
    })
    const use = (path: string, token: string, host = domain) =>
      call('GET', path, undefined, host, { authorization: `Bearer ${token}` })
    expect((await use('/data/io.cozy.contacts/_all_docs', body.access_token)).status).toBe(200)
    expect((await use('/data/io.cozy.files/_all_docs', body.access_token)).status).toBe(403)
    expect((await use('/data/io.cozy.contacts/_all_docs', body.access_token, other)).status).toBe(400)
    expect((await use('/data/io.cozy.contacts/_all_docs', body.refresh_token)).status).toBe(400)
    expect(await exchange(client, wanted)).toEqual({ status: 400, body: { error: 'invalid code' } })
  })

  test('a code of one client is of no use to another', async () => {
    const [one, two] = [await register(), await register()]
    const wanted = { grant_type: 'authorization_code', code: await codeFor(one) }
    expect(await exchange(two, wanted)).toEqual({ status: 400, body: { error: 'invalid code' } })
  })

  test('a code with a challenge needs its verifier', async () => {
    const client = await register()
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
    const wrong = { grant_type: 'authorization_code', code: await codeFor(client, pkce), code_verifier: `${verifier}x` }
    expect(await exchange(client, wrong)).toEqual({ status: 400, body: { error: 'invalid code_verifier' } })
    const none = { grant_type: 'authorization_code', code: await codeFor(client, pkce) }
    expect((await exchange(client, none)).status).toBe(400)
    const right = { grant_type: 'authorization_code', code: await codeFor(client, pkce), code_verifier: verifier }
    expect((await exchange(client, right)).status).toBe(200)
  })

  test('a lost answer can be asked for again, a replayed refresh token ends the client', async () => {
    const client = await register()
    const { body } = await exchange(client, { grant_type: 'authorization_code', code: await codeFor(client) })
    const refresh = (token: string) => exchange(client, { grant_type: 'refresh_token', refresh_token: token })
    const lost = await refresh(body.refresh_token)
    expect(lost.status).toBe(200)
    const second = await refresh(body.refresh_token)
    expect(second.status).toBe(200)
    const third = await refresh(second.body.refresh_token)
    expect(third.status).toBe(200)
    expect(await refresh(body.refresh_token)).toEqual({ status: 400, body: { error: 'invalid refresh token' } })
    expect(await refresh(third.body.refresh_token)).toEqual({
      status: 400,
      body: { error: 'the client must be registered' },
    })
    const used = await call('GET', '/data/io.cozy.contacts/_all_docs', undefined, domain, {
      authorization: `Bearer ${third.body.access_token}`,
    })
    expect(used.status).toBe(400)
  })

  test.each([
    [{ grant_type: 'password' }, 'invalid grant type'],
    [{ grant_type: 'refresh_token', refresh_token: 'x' }, 'invalid refresh token'],
    [{ grant_type: 'authorization_code', code: 'x' }, 'invalid code'],
  ])('%j is 400 %s', async (wanted, error) => {
    expect(await exchange(await register(), wanted)).toEqual({ status: 400, body: { error } })
  })

  test('an unknown client is 400', async () => {
    const answer = await exchange(
      { client_id: 'x', client_secret: 'y' },
      { grant_type: 'authorization_code', code: 'z' },
    )
    expect(answer).toEqual({ status: 400, body: { error: 'the client must be registered' } })
  })
})

test('the fields of the form are those of the request', async () => {
  const client = await register()
  const { text } = await browser.get(authorizePath(client, { state: '"><b>&' }))
  expect(hiddenFields(text)).toMatchObject({ client_id: client.client_id, state: '"><b>&', redirect_uri: callback })
  expect(text).not.toContain('<b>')
})
