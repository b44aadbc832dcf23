import { beforeEach, describe, expect, test } from 'bun:test'
import { type MemoryStore, memoryStore } from '../../test/http/admin/memory-store.ts'
import { prefixOf } from './domain.ts'
import { openInstances } from './instances.ts'
import { readDocument } from './own-documents.ts'
import { domainsRef } from './records.ts'

let store: MemoryStore
let now: number
let service: ReturnType<typeof openInstances>

beforeEach(() => {
  store = memoryStore()
  now = Date.UTC(2026, 10, 22)
  service = openInstances({ store, now: () => now })
})

const settingsOf = (prefix: string) =>
  readDocument(store, { prefix, name: 'io.cozy.settings' }, 'io.cozy.settings.instance')

describe('creating', () => {
  test('makes the documented databases, settings, contact and secrets', async () => {
    const made = await service.create({
      domain: 'Alice.localhost:8080',
      timezone: 'Europe/Paris',
      email: 'a@example.org',
      publicName: 'Alice',
    })
    await expect(made.domain).toBe('alice.localhost:8080')
    expect(made.prefix).toBe(prefixOf('alice.localhost:8080'))
    expect(await store.listDatabases(made.prefix)).toEqual([
      'com.bitwarden.ciphers',
      'io.cozy.apps',
      'io.cozy.contacts',
      'io.cozy.files',
      'io.cozy.jobs',
      'io.cozy.konnectors',
      'io.cozy.notifications',
      'io.cozy.oauth.clients',
      'io.cozy.permissions',
      'io.cozy.sessions.logins',
      'io.cozy.settings',
      'io.cozy.shared',
      'io.cozy.sharings',
      'io.cozy.triggers',
    ])
    const settings = await settingsOf(made.prefix)
    expect(settings?.value).toEqual({ tz: 'Europe/Paris', email: 'a@example.org', public_name: 'Alice' })
    const contacts = await store.scanIds(
      { prefix: made.prefix, name: 'io.cozy.contacts' },
      { descending: false, skip: 0, limit: 10, bodies: true },
    )
    expect(contacts.map(({ text }) => JSON.parse(text))).toEqual([
      expect.objectContaining({ me: true, fullname: 'Alice' }),
    ])
    const bytes = (name: string) => Buffer.from(String(made.document[name]), 'base64').length
    expect(['register_token', 'session_secret', 'oauth_secret', 'cli_secret'].map(bytes)).toEqual([16, 64, 128, 128])
    expect(made.document).toMatchObject({
      locale: 'en',
      password_defined: false,
      onboarding_finished: false,
      swift_cluster: 2,
    })
  })

  test('settings that belong to the instance are lifted there', async () => {
    const settings = [
      ['locale', 'fr'],
      ['context', 'beta'],
      ['tos', '20260101'],
      ['auth_mode', 'two_factor_mail'],
      ['colour', 'blue'],
    ] as const
    const made = await service.create({ domain: 'a.localhost', settings })
    expect(made.document).toMatchObject({ locale: 'fr', context: 'beta', tos: '1.0.0-20260101', auth_mode: 1 })
    expect((await settingsOf(made.prefix))?.value).toEqual({ colour: 'blue' })
  })

  test.each([
    [{ domain: 'a b' }, 422, 'Domain name contains illegal characters'],
    [{ domain: 'a', domainAliases: ['b c'] }, 422, 'Domain name contains illegal characters'],
    [{ domain: 'a', domainAliases: ['A'] }, 409, 'Instance already exists'],
    [{ domain: 'a', kdfIterations: 49_999 }, 422, 'The KdfIterations number is too low'],
    [{ domain: 'a', kdfIterations: 5_000_001 }, 422, 'The KdfIterations number is too high'],
    [{ domain: 'a', swiftLayout: 0 }, 422, 'Swift layout v1 disabled for instance creation'],
    [{ domain: 'a', settings: [['_id', 'x']] as const }, 422, 'underscore'],
  ])('%j: %p %s', async (order, status, reason) => {
    const error = await service.create(order).catch((thrown) => thrown)
    expect(error.status).toBe(status)
    expect(error.reason).toContain(reason)
    expect(await service.count()).toBe(0)
  })

  test('of twelve concurrent creations exactly one succeeds', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, () => service.create({ domain: 'a.localhost' })),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results) {
      if (result.status === 'rejected')
        expect(result.reason).toMatchObject({ status: 409, reason: 'Instance already exists' })
    }
    const made = await service.find('a.localhost')
    expect(await settingsOf(made.prefix)).toBeDefined()
    expect(await service.count()).toBe(1)
  })

  test('a domain and an alias are one space of names', async () => {
    await service.create({ domain: 'a.localhost', domainAliases: ['b.localhost'] })
    expect(service.create({ domain: 'b.localhost' })).rejects.toMatchObject({ status: 409 })
    await expect(service.create({ domain: 'c.localhost', domainAliases: ['a.localhost'] })).rejects.toMatchObject({
      status: 409,
    })
    await expect((await service.find('b.localhost')).domain).toBe('a.localhost')
  })

  test.each(['createDatabase', 'write'])('after a failure of %s the next try succeeds', async (call) => {
    store.failNext = call
    expect(service.create({ domain: 'a.localhost' })).rejects.toThrow('failed')
    await expect((await service.create({ domain: 'a.localhost' })).domain).toBe('a.localhost')
  })
})

describe('deleting', () => {
  test('frees the domain, and a later owner shares no namespace with the former', async () => {
    const first = await service.create({ domain: 'a.localhost', domainAliases: ['b.localhost'] })
    await service.remove('b.localhost')
    expect(await store.listDatabases(first.prefix)).toEqual([])
    expect(await service.byHost('a.localhost')).toBeUndefined()
    expect(await service.byHost('b.localhost')).toBeUndefined()
    const second = await service.create({ domain: 'a.localhost' })
    expect(second.prefix).not.toBe(first.prefix)
    expect(second.prefix).toMatch(/^cozy[0-9a-f]{32}$/)
  })

  test('a loser over a used domain leaves no databases behind', async () => {
    await service.create({ domain: 'a.localhost' })
    await service.remove('a.localhost')
    const results = await Promise.allSettled([
      service.create({ domain: 'a.localhost' }),
      service.create({ domain: 'a.localhost' }),
    ])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const winner = await service.find('a.localhost')
    expect(await settingsOf(winner.prefix)).toBeDefined()
  })

  test('an unknown domain is not found', () => {
    expect(service.remove('a.localhost')).rejects.toMatchObject({ status: 404, reason: 'Instance not found' })
  })

  test('a second request while one is under way fails, until the flag is cleared', async () => {
    await service.create({ domain: 'a.localhost' })
    await service.modify('a.localhost', { deleting: true, locale: 'fr' })
    await expect(await service.byHost('a.localhost')).toBeUndefined()
    expect(service.remove('a.localhost')).rejects.toMatchObject({
      status: 500,
      reason: 'The deletion has already been requested',
    })
    const cleared = await service.modify('a.localhost', { deleting: false })
    await expect(cleared.document['locale']).toBe('en')
    expect(cleared.document['deleting']).toBeUndefined()
    await service.remove('a.localhost')
    expect(await service.count()).toBe(0)
  })

  test('a failure takes the flag back', async () => {
    await service.create({ domain: 'a.localhost' })
    store.failNext = 'dropPrefix'
    expect(service.remove('a.localhost')).rejects.toThrow('dropPrefix failed')
    await service.remove('a.localhost')
    await expect(await service.count()).toBe(0)
  })
})

describe('finding by host', () => {
  test.each([
    ['a.localhost:8080', 'a.localhost:8080'],
    ['A.localhost:8080', 'a.localhost:8080'],
    ['alias.localhost', 'a.localhost:8080'],
    ['alias.localhost:80', 'a.localhost:8080'],
    ['alias.localhost:443', 'a.localhost:8080'],
    ['alias.localhost:8080', undefined],
    ['a.localhost', undefined],
    ['xn--bcher-kva.localhost', 'a.localhost:8080'],
    ['', undefined],
    ['a b', undefined],
    ['constructor', undefined],
  ])('%p is %p', async (host, domain) => {
    await service.create({ domain: 'a.localhost:8080', domainAliases: ['alias.localhost', 'bücher.localhost'] })
    expect((await service.byHost(host))?.domain).toBe(domain)
  })

  test('is remembered five seconds when found and one when not', async () => {
    await service.create({ domain: 'a.localhost' })
    const reads = async (host: string) => {
      store.calls.length = 0
      await service.byHost(host)
      return store.calls.length
    }
    expect([await reads('a.localhost'), await reads('a.localhost')]).toEqual([2, 0])
    expect([await reads('b.localhost'), await reads('b.localhost')]).toEqual([1, 0])
    now += 1_000
    expect([await reads('a.localhost'), await reads('b.localhost')]).toEqual([0, 1])
    now += 4_000
    expect(await reads('a.localhost')).toBe(2)
    service.invalidate()
    expect(await reads('a.localhost')).toBe(2)
  })

  test('concurrent requests share one look-up, and a failure is not remembered', async () => {
    await service.create({ domain: 'a.localhost' })
    store.calls.length = 0
    await Promise.all([service.byHost('a.localhost'), service.byHost('a.localhost')])
    expect(store.calls).toEqual(['read', 'read'])
    service.invalidate()
    store.failNext = 'read'
    expect(service.byHost('a.localhost')).rejects.toThrow('read failed')
    await Bun.sleep(0)
    expect((await service.byHost('a.localhost'))?.domain).toBe('a.localhost')
  })

  test('a new instance is found at once although its absence was remembered', async () => {
    expect(await service.byHost('a.localhost')).toBeUndefined()
    await service.create({ domain: 'a.localhost' })
    expect((await service.byHost('a.localhost'))?.domain).toBe('a.localhost')
  })
})

describe('modifying', () => {
  test('sets what is given and blanks nothing', async () => {
    await service.create({ domain: 'a.localhost', contextName: 'x', email: 'a@example.org', diskQuota: 5n })
    const changed = await service.modify('a.localhost', {
      locale: 'fr',
      contextName: '',
      publicName: 'A',
      email: '',
      diskQuota: 0n,
    })
    expect(changed.document).toMatchObject({ locale: 'fr', context: 'x', disk_quota: '5' })
    expect((await settingsOf(changed.prefix))?.value).toEqual({ email: 'a@example.org', public_name: 'A' })
  })

  test('-1 removes the quota; blocking is taken back but its reason stays', async () => {
    await service.create({ domain: 'a.localhost', diskQuota: 5n })
    await service.modify('a.localhost', { blocked: true, blockingReason: 'PAYMENT_FAILED' })
    const { document } = await service.modify('a.localhost', { diskQuota: -1n, blocked: false })
    await expect(document['disk_quota']).toBeUndefined()
    expect(document['blocked']).toBeUndefined()
    expect(document['blocking_reason']).toBe('PAYMENT_FAILED')
  })

  test('aliases are replaced, and the old ones are free again', async () => {
    await service.create({ domain: 'a.localhost', domainAliases: ['b.localhost', 'c.localhost'] })
    await service.create({ domain: 'z.localhost' })
    expect((await service.modify('a.localhost', { domainAliases: ['c.localhost', 'd.localhost'] })).aliases).toEqual([
      'c.localhost',
      'd.localhost',
    ])
    expect(await service.byHost('b.localhost')).toBeUndefined()
    expect((await service.byHost('d.localhost'))?.domain).toBe('a.localhost')
    for (const alias of ['z.localhost', 'a.localhost']) {
      expect(service.modify('a.localhost', { domainAliases: [alias] })).rejects.toMatchObject({ status: 409 })
    }
    expect((await service.modify('z.localhost', { domainAliases: ['b.localhost'] })).aliases).toEqual(['b.localhost'])
    expect((await readDocument(store, domainsRef, 'c.localhost'))?.value['instance']).toBe(
      (await service.find('a.localhost')).id,
    )
  })

  test('a signed version of the terms ends the demand for it', async () => {
    await service.create({ domain: 'a.localhost', tosSigned: '1.0.0-20250101' })
    expect(
      (await service.modify('a.localhost', { tosLatest: '1.0.0-20240101' })).document['tos_latest'],
    ).toBeUndefined()
    expect((await service.modify('a.localhost', { tosLatest: '2.0.0-20260101' })).document['tos_latest']).toBe(
      '2.0.0-20260101',
    )
    expect(
      (await service.modify('a.localhost', { tosSigned: '2.0.0-20260101' })).document['tos_latest'],
    ).toBeUndefined()
  })

  test('concurrent changes are all applied', async () => {
    await service.create({ domain: 'a.localhost' })
    const changes = [{ locale: 'fr' }, { contextName: 'x' }, { uuid: 'u' }, { blocked: true }]
    await Promise.all(changes.map((change) => service.modify('a.localhost', change)))
    expect((await service.find('a.localhost')).document).toMatchObject({
      locale: 'fr',
      context: 'x',
      uuid: 'u',
      blocked: true,
    })
  })
})

describe('listing', () => {
  test('pages by id, with the id of the next page', async () => {
    expect(await service.list({})).toEqual({ instances: [], next: undefined })
    expect(await service.count()).toBe(0)
    for (const name of ['a', 'b', 'c', 'd', 'e']) await service.create({ domain: name })
    const all = (await service.list({})).instances.map(({ id }) => id)
    expect(all).toEqual([...all].sort())
    const first = await service.list({ limit: 2 })
    expect(first.instances.map(({ id }) => id)).toEqual(all.slice(0, 2))
    expect(first.next).toBe(all[2]!)
    const second = await service.list({ limit: 2, cursor: all[2]!, skip: 1 })
    expect(second.instances.map(({ id }) => id)).toEqual(all.slice(3))
    expect(second.next).toBeUndefined()
    expect(await service.count()).toBe(5)
  })
})
