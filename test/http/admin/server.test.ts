/** Instances on the real server: what only shows with sockets, the real store and the data API together. */
import { beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { sharedServer, type TestServer } from '../../support/server.ts'

setDefaultTimeout(60_000)

let server: TestServer
let count = 0
const fresh = (name: string) => `${name}-${Date.now().toString(36)}-${count++}.localhost:8080`

beforeAll(async () => {
  server = await sharedServer()
})

const ask = (request: string, headers: Readonly<Record<string, string>> = {}) => {
  const [method = '', path = ''] = request.split(' ')
  const authorization = `Basic ${Buffer.from(`admin:${server.passphrase}`).toString('base64')}`
  return server.fetch(`${server.adminUrl}${path}`, { method, headers: { authorization, ...headers } })
}
const statusOf = async (request: string) => {
  const answer = await ask(request)
  await answer.arrayBuffer()
  return answer.status
}
const data = async (domain: string, token: string, request: string, body?: string) => {
  const [method = '', path = ''] = request.split(' ')
  const answer = await server.fetch(path, {
    method,
    headers: { host: domain, authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body }),
  })
  return { status: answer.status, text: await answer.text() }
}

describe('instances on the real server', () => {
  test('of ten concurrent creations one is 201 and nine are 409', async () => {
    const domain = fresh('race')
    const statuses = await Promise.all(Array.from({ length: 10 }, () => statusOf(`POST /instances?Domain=${domain}`)))
    expect(statuses.sort()).toEqual([201, ...Array.from({ length: 9 }, () => 409)])
    const token = await server.token('*', { domain })
    const doctypes = await data(domain, token, 'GET /data/_all_doctypes')
    expect(doctypes.status).toBe(200)
    expect(JSON.parse(doctypes.text)).toContain('io.cozy.settings')
  })

  test('a domain with a port is found raw and encoded, and by its alias', async () => {
    const domain = fresh('colon')
    const alias = fresh('alias')
    expect(await statusOf(`POST /instances?Domain=${domain}&DomainAliases=${alias}&Email=a%40example.org`)).toBe(201)
    for (const name of [domain, encodeURIComponent(domain), alias]) {
      expect((await (await ask(`GET /instances/${name}`)).json()).data.attributes.domain).toBe(domain)
    }
    const token = await server.token('io.cozy.settings:GET', { domain })
    const settings = await data(alias, token, 'GET /data/io.cozy.settings/io.cozy.settings.instance')
    expect(JSON.parse(settings.text)).toMatchObject({ email: 'a@example.org' })
    const contacts = await data(
      domain,
      await server.token('io.cozy.contacts', { domain }),
      'GET /data/io.cozy.contacts/_normal_docs',
    )
    expect(JSON.parse(contacts.text).rows).toEqual([expect.objectContaining({ me: true })])
  })

  test('a token works on its own instance only', async () => {
    const [one, two] = [fresh('one'), fresh('two')]
    await server.createInstance(one)
    await server.createInstance(two)
    const token = await server.token('*', { domain: one })
    expect((await data(one, token, 'POST /data/org.example.notes/', '{"title":"secret"}')).status).toBe(201)
    expect((await data(one, token, 'GET /data/org.example.notes/_all_docs')).status).toBe(200)
    const other = await data(two, token, 'GET /data/org.example.notes/_all_docs')
    expect(other.status).toBeGreaterThanOrEqual(400)
    expect(other.text).toContain('Invalid JWT token')
    const own = await data(two, await server.token('*', { domain: two }), 'GET /data/org.example.notes/_all_docs')
    expect(own.status).toBe(404)
  })

  test('after deletion nothing is left: no host, no token, no data for a later owner of the domain', async () => {
    const domain = fresh('gone')
    await server.createInstance(domain)
    const token = await server.token('*', { domain, expire: '24h' })
    expect((await data(domain, token, 'POST /data/org.example.notes/', '{"title":"secret"}')).status).toBe(201)
    expect(await statusOf(`DELETE /instances/${domain}`)).toBe(204)
    expect((await data(domain, token, 'GET /data/org.example.notes/_all_docs')).status).toBe(404)
    expect(await statusOf(`GET /instances/${domain}`)).toBe(404)
    expect(await statusOf(`DELETE /instances/${domain}`)).toBe(404)
    await server.createInstance(domain)
    expect((await data(domain, token, 'GET /data/org.example.notes/_all_docs')).text).toContain('Invalid JWT token')
    const later = await server.token('*', { domain })
    expect((await data(domain, later, 'GET /data/org.example.notes/_all_docs')).status).toBe(404)
  })

  test('an expired token is told so', async () => {
    const domain = fresh('late')
    await server.createInstance(domain)
    const token = await server.token('*', { domain, expire: '-1s' })
    expect((await data(domain, token, 'GET /data/_all_doctypes')).text).toContain('Expired token')
  })

  test('odd names and values never give a 5xx', async () => {
    for (const query of [
      'Domain=%00',
      'Domain=%ff',
      'Domain=_design',
      'Domain=__proto__',
      `Domain=${'x'.repeat(300)}`,
      'Domain=io.cozy.settings.instance',
      'Domain=odd.localhost&PublicName=%00%F0%9F%98%80&Settings=constructor:y',
    ]) {
      const status = await statusOf(`POST /instances?${query}`)
      expect([query, status < 500]).toEqual([query, true])
    }
    const settings = await data(
      'odd.localhost',
      await server.token('*', { domain: 'odd.localhost' }),
      'GET /data/io.cozy.settings/io.cozy.settings.instance',
    )
    expect(settings.text).toContain('"public_name":"\\u0000😀"')
    expect(settings.text).toContain('"constructor":"y"')
  })

  test('without the passphrase nothing is answered but health', async () => {
    expect((await ask('GET /instances', { authorization: '' })).status).toBe(401)
    expect((await ask('GET /instances', { authorization: 'Basic eDp5' })).status).toBe(403)
    expect((await ask('GET /healthz', { authorization: '' })).status).toBe(200)
    expect((await ask('GET /metrics', { authorization: '' })).status).toBe(401)
    expect(await (await ask('GET /metrics')).text()).toContain('hearth')
  })
})
