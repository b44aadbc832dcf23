/** Blocked and moved instances, and former domains. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { sharedServer, type TestServer } from '../../support/server.ts'

const domain = 'blocked.door.test'
let server: TestServer

const admin = (method: string, path: string) =>
  server.fetch(`${server.adminUrl}${path}`, {
    method,
    headers: { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` },
  })
const ask = (path: string, headers: Record<string, string> = {}, host = domain) =>
  server.fetch(path, { headers: { host, ...headers } })

beforeAll(async () => {
  server = await sharedServer()
  await server.createInstance(domain)
})

describe('an instance that is blocked', () => {
  const html = { accept: 'text/html' }
  const json = { accept: 'application/json' }
  test.each([
    ['PAYMENT_FAILED', html, 402, 'requires a payment'],
    ['PAYMENT_FAILED', json, 402, '"code":"UNKNOWN"'],
    ['LOGIN_FAILED', html, 503, '<html'],
    ['LOGIN_FAILED', json, 503, '<html'],
    ['UNKNOWN', json, 503, '"code":"UNKNOWN"'],
    ['whatever', html, 503, 'is blocked'],
    ['IMPORTING', json, 503, '"error"'],
    ['MOVING', json, 503, '"error"'],
    ['IMPORTING', html, 302, ''],
    ['MOVING', html, 302, ''],
  ])('by %s, answers %j with %i', async (reason, headers, status, text) => {
    await admin('PATCH', `/instances/${domain}?Blocked=true&BlockingReason=${reason}`)
    const answer = await ask('/data/', headers)
    expect(answer.status).toBe(status)
    expect(await answer.text()).toContain(text)
    if (status === 302) expect(answer.headers.get('location')).toBe(`http://${domain}/move/importing`)
  })

  test('lets settings, the login page and tokens of the command line pass, and nobody else’s', async () => {
    await admin('PATCH', `/instances/${domain}?Blocked=true&BlockingReason=PAYMENT_FAILED`)
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
    const cli = await server.token('*', { domain })
    const app = await server.token('io.cozy.files', { domain, audience: 'app', subject: 'drive' })
    expect((await ask('/data/', bearer(cli))).status).not.toBe(402)
    expect((await ask('/data/', bearer(app))).status).toBe(402)
    expect((await ask('/auth/login', html)).status).toBe(200)
    expect((await ask('/settings/capabilities')).status).toBe(401)
    const forged = `${cli.split('.').slice(0, 2).join('.')}.AAAA`
    expect((await ask('/data/io.cozy.x/_all_docs', bearer(forged))).status).toBe(400)
    await admin('PATCH', `/instances/${domain}?Blocked=false`)
    expect((await ask('/data/', bearer(cli))).status).not.toBe(402)
    expect((await ask('/data/', bearer(app))).status).not.toBe(402)
  })
})

describe('a former domain', () => {
  test('is answered with 308 to the new one, below it too, until another instance takes it', async () => {
    await server.createInstance('new.door.test')
    await admin('PATCH', '/instances/new.door.test?OldDomain=old.door.test')
    const read = await ask('/data/io.cozy.x/y?a=b', {}, 'old.door.test')
    expect([read.status, read.headers.get('location')]).toEqual([308, 'http://new.door.test/data/io.cozy.x/y?a=b'])
    const app = await ask('/x?y=z', {}, 'drive.old.door.test')
    expect([app.status, app.headers.get('location')]).toEqual([308, 'http://drive.new.door.test/x?y=z'])
    expect((await ask('/x', {}, 'strange.door.test')).status).toBe(404)
    await server.createInstance('old.door.test')
    expect((await ask('/data/', {}, 'old.door.test')).status).toBe(200)
    await admin('PATCH', '/instances/new.door.test?OldDomain=other.door.test')
    expect((await ask('/x', {}, 'other.door.test')).headers.get('location')).toBe('http://new.door.test/x')
  })
})
