/** The admin API over its routes, in process: what is asked and answered. What instances do is tested beside them. */
import { beforeEach, describe, expect, test } from 'bun:test'
import { adminRoutes } from '../../../routes/admin/routes.ts'
import { openAdminAuth } from '../../../src/admin/passphrase.ts'
import { openInstances } from '../../../src/instances/instances.ts'
import { silentLog } from '../../../src/log.ts'
import { version } from '../../../src/version.ts'
import { memoryStore } from './memory-store.ts'
import { withoutFiles } from './without-files.ts'

type Ask = (request: string, headers?: Readonly<Record<string, string>>) => Promise<Response>

let ask: Ask
let instances: ReturnType<typeof openInstances>
const basic = (password: string) => `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`

beforeEach(async () => {
  const store = memoryStore()
  instances = openInstances({ store })
  const adminAuth = await openAdminAuth({ store, fromEnvironment: 's3cret:with:colons' })
  const metrics = { text: async () => 'a_metric 1\n' }
  const { router } = adminRoutes({ ...withoutFiles, store, instances, adminAuth, metrics, log: silentLog })
  ask = async (request, headers = {}) => {
    const [method = '', path = ''] = request.split(' ')
    const authorization = basic('s3cret:with:colons')
    return router.request(`http://localhost:6060${path}`, { method, headers: { authorization, ...headers } })
  }
})

const parsed = async (answer: Response) => ({ status: answer.status, body: JSON.parse(await answer.text()) })

describe('authentication', () => {
  test.each([
    [{ authorization: '' }, 401, 'missing basic auth'],
    [{ authorization: 'Bearer x' }, 401, 'missing basic auth'],
    [{ authorization: 'Basic' }, 401, 'missing basic auth'],
    [{ authorization: `Basic ${Buffer.from('nocolon').toString('base64')}` }, 401, 'missing basic auth'],
    [{ authorization: basic('wrong') }, 403, 'bad passphrase'],
    [{ authorization: basic('') }, 403, 'bad passphrase'],
  ])('%j: %p', async (headers, status, message) => {
    for (const request of ['GET /instances', 'GET /metrics', 'GET /nothing', 'POST /instances?Domain=a']) {
      const answer = await ask(request, headers)
      expect(answer.status).toBe(status)
      expect(await answer.text()).toBe(message)
      expect(answer.headers.get('content-type')).toStartWith('text/plain')
      expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Basic realm="admin"' : null)
    }
    expect(await instances.count()).toBe(0)
  })

  test('any user name and any case of the scheme will do', async () => {
    const authorization = `bAsIc ${Buffer.from('somebody:s3cret:with:colons').toString('base64')}`
    expect((await ask('GET /instances', { authorization })).status).toBe(200)
  })

  test('the form of the message follows Accept', async () => {
    const asked = (accept: string) => ask('GET /instances', { authorization: '', accept })
    expect(await (await asked('application/json')).json()).toEqual({ error: 'missing basic auth' })
    const page = await asked('text/html,*/*')
    expect(page.headers.get('content-type')).toStartWith('text/html')
    expect(await page.text()).toContain('<h1>missing basic auth</h1>')
    expect(await (await asked('text/html, application/json')).json()).toEqual({ error: 'missing basic auth' })
  })
})

describe('creating', () => {
  test('takes any version of the terms, and an alias twice as once', async () => {
    const { status, body } = await parsed(
      await ask('POST /instances?Domain=t&TOSSigned=20260101&TOSLatest=nope&DomainAliases=b,B'),
    )
    expect(status).toBe(201)
    expect(body.data.attributes).toMatchObject({ tos: '1.0.0-20260101', tos_latest: 'nope', domain_aliases: ['b'] })
  })

  test('answers the instance without secrets, all parameters coming from the query string', async () => {
    const parameters = new URLSearchParams({
      Domain: 'Alice.localhost:8080',
      DomainAliases: 'al.localhost, ali.localhost',
      Locale: 'fr',
      Email: 'alice@example.org',
      PublicName: 'Alice B.',
      DiskQuota: '9007199254740993',
      Settings: 'context:beta,url:http://x',
      AuthMode: 'two_factor_mail',
      sponsorships: 'one,two',
      feature_sets: 'f',
      AutoUpdate: 'false',
      KdfIterations: '100000',
      Passphrase: 'hashed',
    })
    const answer = await ask(`POST /instances?${parameters}`)
    expect(answer.headers.get('content-type')).toBe('application/vnd.api+json')
    const { status, body } = await parsed(answer)
    expect(status).toBe(201)
    expect(body).toEqual({
      data: {
        type: 'instances',
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        attributes: {
          domain: 'alice.localhost:8080',
          domain_aliases: ['al.localhost', 'ali.localhost'],
          prefix: expect.stringMatching(/^cozy[0-9a-f]{32}$/),
          locale: 'fr',
          context: 'beta',
          disk_quota: '9007199254740993',
          auth_mode: 1,
          sponsorships: ['one', 'two'],
          feature_sets: ['f'],
          no_auto_update: true,
          indexes_version: 1,
          swift_cluster: 2,
          password_defined: true,
          onboarding_finished: true,
        },
        meta: { rev: expect.stringMatching(/^1-[0-9a-f]{32}$/) },
        links: { self: `/instances/${body.data.id}` },
      },
    })
  })

  test('the register token is shown, for the onboarding link', async () => {
    const { body } = await parsed(await ask('POST /instances?Domain=a.localhost'))
    expect(Buffer.from(body.data.attributes.register_token, 'base64')).toHaveLength(16)
  })

  test.each([
    ['', 422, 'Invalid Parameter', 'Domain name contains illegal characters', 'domain'],
    ['?Domain=', 422, 'Invalid Parameter', 'Domain name contains illegal characters', 'domain'],
    ['?Domain=a%20b', 422, 'Invalid Parameter', 'Domain name contains illegal characters', 'domain'],
    ['?Domain=a%00', 422, 'Invalid Parameter', 'Domain name contains illegal characters', 'domain'],
    ['?Domain=taken', 409, 'Conflict', 'Instance already exists', undefined],
    ['?Domain=other', 409, 'Conflict', 'Instance already exists', undefined],
    ['?Domain=a&DomainAliases=b,taken', 409, 'Conflict', 'Instance already exists', undefined],
    ['?Domain=a&KdfIterations=1', 422, 'Invalid Parameter', 'The KdfIterations number is too low', 'KdfIterations'],
    [
      '?Domain=a&KdfIterations=9000000',
      422,
      'Invalid Parameter',
      'The KdfIterations number is too high',
      'KdfIterations',
    ],
    [
      '?Domain=a&KdfIterations=x',
      422,
      'Invalid Parameter',
      'KdfIterations must be a whole number, not x',
      'KdfIterations',
    ],
    ['?Domain=a&DiskQuota=1.5', 422, 'Invalid Parameter', 'DiskQuota must be a number of bytes, not 1.5', 'DiskQuota'],
    [
      '?Domain=a&AutoUpdate=maybe',
      422,
      'Invalid Parameter',
      'AutoUpdate must be true or false, not maybe',
      'AutoUpdate',
    ],
    ['?Domain=a&Settings=x', 422, 'Invalid Parameter', 'Settings are pairs of the form key:value, not x', 'Settings'],
    [
      '?Domain=a&SwiftLayout=0',
      422,
      'Invalid Parameter',
      'Swift layout v1 disabled for instance creation',
      'SwiftLayout',
    ],
  ])('%p: %p', async (query, status, title, detail, parameter) => {
    await instances.create({ domain: 'taken', domainAliases: ['other'] })
    const answer = await ask(`POST /instances${query}`)
    expect(answer.headers.get('content-type')).toBe('application/vnd.api+json')
    const source = parameter === undefined ? {} : { parameter }
    expect(await parsed(answer)).toEqual({ status, body: { errors: [{ status: `${status}`, title, detail, source }] } })
    expect(await instances.count()).toBe(1)
  })

  test('an escape that is no UTF-8 is a bad request', async () => {
    expect((await ask('POST /instances?Domain=%ff')).status).toBe(400)
    expect((await ask('GET /instances/%ff')).status).toBe(400)
  })
})

describe('showing', () => {
  test.each([
    'alice.localhost:8080',
    'alice.localhost%3A8080',
    'ALICE.localhost:8080',
    'al.localhost',
    'alice.localhost:8080/',
  ])('%s is found', async (domain) => {
    await instances.create({ domain: 'alice.localhost:8080', domainAliases: ['al.localhost'] })
    const { status, body } = await parsed(await ask(`GET /instances/${domain}`))
    expect(status).toBe(200)
    expect(body.data.attributes.domain).toBe('alice.localhost:8080')
    expect(Object.keys(body.data.attributes).filter((name) => /_secret$|hash/.test(name))).toEqual([])
  })

  test.each([
    ['bob.localhost', 404, 'Instance not found'],
    ['a%20b', 422, 'Domain name contains illegal characters'],
    ['a%2Fb', 422, 'Domain name contains illegal characters'],
    ['.a', 422, 'Domain name contains illegal characters'],
  ])('%s: %p', async (domain, status, detail) => {
    for (const request of [
      `GET /instances/${domain}`,
      `GET /instances/${domain}/prefix`,
      `PATCH /instances/${domain}`,
      `DELETE /instances/${domain}`,
    ]) {
      const { body, ...answer } = await parsed(await ask(request))
      expect(answer.status).toBe(status)
      expect(body.errors[0].detail).toBe(detail)
    }
  })

  test('HEAD answers the status without a body', async () => {
    await instances.create({ domain: 'a.localhost' })
    const found = await ask('HEAD /instances/a.localhost')
    expect([found.status, await found.text()]).toEqual([200, ''])
    const missing = await ask('HEAD /instances/b.localhost')
    expect([missing.status, await missing.text()]).toEqual([404, ''])
  })

  test('the prefix is a JSON string', async () => {
    const { prefix } = await instances.create({ domain: 'a.localhost' })
    expect(await parsed(await ask('GET /instances/a.localhost/prefix'))).toEqual({ status: 200, body: prefix })
  })

  test('answers are compressed for those who can read that', async () => {
    await instances.create({ domain: 'a.localhost' })
    const answer = await ask('GET /instances', { 'accept-encoding': 'br, gzip' })
    expect(answer.headers.get('content-encoding')).toBe('gzip')
    expect(answer.headers.get('vary')).toBe('Accept-Encoding')
    const text = await new Response(answer.body?.pipeThrough(new DecompressionStream('gzip'))).text()
    expect(JSON.parse(text).meta).toEqual({ count: 1 })
    expect((await ask('GET /instances', { 'accept-encoding': 'gzip;q=0' })).headers.get('content-encoding')).toBeNull()
  })
})

describe('listing', () => {
  test('without limit all of them, with one a page and a link', async () => {
    expect(await parsed(await ask('GET /instances'))).toEqual({ status: 200, body: { data: [], meta: { count: 0 } } })
    for (const name of ['a', 'b', 'c', 'd', 'e']) await instances.create({ domain: `${name}.localhost` })
    for (const query of ['', '?page[limit]=0', '?page[limit]=-1', '?page[limit]=x']) {
      const { body } = await parsed(await ask(`GET /instances${query}`))
      expect(body.meta).toEqual({ count: 5 })
      expect(body.links).toBeUndefined()
    }
    const seen: string[] = []
    let next: string | undefined = '/instances?page[limit]=2'
    const counts: number[] = []
    while (next !== undefined) {
      const { body } = await parsed(await ask(`GET ${next}`))
      seen.push(...body.data.map((item: { id: string }) => item.id))
      counts.push(body.meta.count)
      next = body.links?.next
      if (next !== undefined) expect(next).toMatch(/^\/instances\?page\[limit\]=2&page\[cursor\]=[0-9a-f]{32}$/)
    }
    expect(counts).toEqual([2, 2, 1])
    expect(seen).toEqual([...seen].sort())
    expect(new Set(seen).size).toBe(5)
    const skipped = await parsed(await ask('GET /instances?page%5Blimit%5D=2&page%5Bskip%5D=4'))
    expect(skipped.body.data.map((item: { id: string }) => item.id)).toEqual(seen.slice(4))
    expect(await parsed(await ask('GET /instances/count'))).toEqual({ status: 200, body: { count: 5 } })
  })
})

describe('changing and deleting', () => {
  test('PATCH answers everything, secrets included', async () => {
    await instances.create({ domain: 'a.localhost' })
    const { status, body } = await parsed(
      await ask('PATCH /instances/a.localhost?Locale=fr&Blocked=true&OnboardingFinished=perhaps'),
    )
    expect(status).toBe(200)
    const { attributes, meta } = body.data
    expect(attributes).toMatchObject({ locale: 'fr', blocked: true, onboarding_finished: false })
    expect(['cli_secret', 'oauth_secret', 'session_secret'].every((name) => attributes[name].length > 80)).toBe(true)
    expect(meta.rev).toStartWith('2-')
    expect((await ask('PATCH /instances/a.localhost?DiskQuota=x')).status).toBe(422)
  })

  test('Deleting short-circuits everything else', async () => {
    await instances.create({ domain: 'a.localhost' })
    const { body } = await parsed(await ask('PATCH /instances/a.localhost?Locale=fr&Deleting=true'))
    expect(body.data.attributes).toMatchObject({ locale: 'en', deleting: true })
    const refused = await parsed(await ask('DELETE /instances/a.localhost'))
    expect(refused).toMatchObject({
      status: 500,
      body: { errors: [{ title: 'Unqualified error', detail: 'The deletion has already been requested' }] },
    })
    await ask('PATCH /instances/a.localhost?Deleting=false')
    expect((await ask('DELETE /instances/a.localhost')).status).toBe(204)
    expect((await ask('DELETE /instances/a.localhost')).status).toBe(404)
  })
})

describe('tokens', () => {
  test('are bare text that authorises', async () => {
    const instance = await instances.create({ domain: 'a.localhost' })
    const answer = await ask(
      'POST /instances/token?Domain=a.localhost&Audience=cli&Scope=io.cozy.files+io.cozy.jobs:GET&Subject=x&Expire=10m',
    )
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toStartWith('text/plain')
    const permissions = await instances.authorise(instance, await answer.text())
    expect([permissions.allowsType('PUT', 'io.cozy.files'), permissions.allowsType('PUT', 'io.cozy.jobs')]).toEqual([
      true,
      false,
    ])
  })

  test.each(['', '&Expire=', '&Expire=0s', '&Expire=soon'])('%p means the default lifetime', async (expire) => {
    await instances.create({ domain: 'a.localhost' })
    const token = await (await ask(`POST /instances/token?Domain=a.localhost&Audience=cli&Scope=*${expire}`)).text()
    const { iat } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
    expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(5)
  })

  test.each([
    ['Domain=a.localhost&Audience=root&Scope=a', 400, 'Unknown audience root'],
    ['Domain=a.localhost&Scope=a', 400, 'Unknown audience '],
    ['Domain=a.localhost&Audience=share&Scope=a', 400, 'Unknown audience share'],
  ])('%s is refused in plain text', async (query, status, message) => {
    await instances.create({ domain: 'a.localhost' })
    const answer = await ask(`POST /instances/token?${query}`)
    expect([answer.status, await answer.text()]).toEqual([status, message])
  })

  test.each([
    ['Domain=b.localhost&Audience=cli&Scope=a', 404, 'Not Found', 'Instance not found'],
    ['Audience=cli&Scope=a', 422, 'Invalid Parameter', 'Domain is required: the instance that the token is for'],
    [
      'Domain=&Audience=cli&Scope=a',
      422,
      'Invalid Parameter',
      'Domain is required: the instance that the token is for',
    ],
    ['Domain=a.localhost&Audience=cli', 400, 'Bad Request', 'Permission scope is empty or malformed'],
    [
      'Domain=a.localhost&Audience=access&Scope=*&Subject=x',
      400,
      'Bad Request',
      'The scope * is for tokens of the audience cli only',
    ],
    ['Domain=a.localhost&Audience=access&Scope=a&Subject=x', 404, 'not_found', 'missing'],
  ])('%s is refused', async (query, status, title, detail) => {
    await instances.create({ domain: 'a.localhost' })
    const { body, ...answer } = await parsed(await ask(`POST /instances/token?${query}`))
    expect(answer.status).toBe(status)
    expect(body.errors[0]).toMatchObject({ status: `${status}`, title, detail })
  })
})

describe('the rest of the space', () => {
  test('fixed names are no domains', async () => {
    for (const request of [
      'DELETE /instances/count',
      'PATCH /instances/token',
      'GET /instances/token',
      'PUT /instances',
    ]) {
      const answer = await ask(request)
      expect([request, answer.status, await answer.text()]).toEqual([request, 405, 'Method Not Allowed'])
      expect(answer.headers.get('allow')).toBeTruthy()
    }
  })

  test.each(['GET /', 'GET /nothing', 'POST /instances/a.localhost/nothing'])('%s is unknown', async (request) => {
    const answer = await ask(request)
    expect([answer.status, await answer.text()]).toEqual([404, 'Not Found'])
  })

  test('metrics and version are behind the passphrase', async () => {
    expect(await (await ask('GET /metrics')).text()).toBe('a_metric 1\n')
    expect(await (await ask('GET /version')).json()).toMatchObject({ version })
  })
})
