import { beforeEach, describe, expect, test } from 'bun:test'
import { decodeJwt, SignJWT, UnsecuredJWT } from 'jose'
import { type MemoryStore, memoryStore } from '../../test/http/admin/memory-store.ts'
import { Problem } from '../model/errors.ts'
import { keyOf } from './audience.ts'
import { openInstances } from './instances.ts'
import { writeDocument } from './own-documents.ts'
import type { Instance } from './service.ts'

const minute = 60_000
const hour = 60 * minute

let store: MemoryStore
let now: number
let service: ReturnType<typeof openInstances>
let instance: Instance

beforeEach(async () => {
  store = memoryStore()
  now = Date.UTC(2026, 10, 22)
  service = openInstances({ store, now: () => now })
  instance = await service.create({ domain: 'a.localhost', oldDomain: 'old.localhost' })
  await writeDocument(store, {
    ref: { prefix: instance.prefix, name: 'io.cozy.oauth.clients' },
    id: 'client',
    value: { client_name: 'x', pending: true },
  })
})

const cli = { domain: 'a.localhost', audience: 'cli', scope: 'notes:GET', subject: 'me' } as const
const refused = async (token: string, on = instance) => {
  const error = await service.authorise(on, token).catch((thrown) => thrown)
  if (!(error instanceof Problem)) throw new Error('the token was accepted', { cause: error })
  return {
    code: error.code,
    reason: error.reason,
    token: error.identity?.kind === 'token' ? error.identity.token : undefined,
  }
}
const invalid = { code: 'unauthorized', reason: 'Invalid JWT token', token: 'invalid' } as const
const expired = { code: 'unauthorized', reason: 'Expired token', token: 'expired' } as const

describe('minting', () => {
  test('carries the documented claims', async () => {
    const token = await service.mintToken(cli)
    expect(decodeJwt(token)).toEqual({ aud: 'cli', iss: 'a.localhost', iat: now / 1000, sub: 'me', scope: 'notes:GET' })
    const permissions = await service.authorise(instance, token)
    expect(permissions.allowsType('GET', 'notes')).toBe(true)
    expect(permissions.allowsType('PUT', 'notes')).toBe(false)
  })

  test.each(['', 'notes:FOO', 'a  b'])('refuses the scope %p', async (scope) => {
    await expect(service.mintToken({ ...cli, scope })).rejects.toMatchObject({
      status: 400,
      reason: 'Permission scope is empty or malformed',
    })
  })

  test.each(['access', 'app', 'konn', 'refresh', 'share'] as const)('everything is not for %s', async (audience) => {
    await expect(
      service.mintToken({ domain: 'a.localhost', audience, scope: 'notes *', subject: 'client' }),
    ).rejects.toMatchObject({ status: 400, reason: 'The scope * is for tokens of the audience cli only' })
  })

  test('needs an instance', async () => {
    await expect(service.mintToken({ ...cli, domain: 'b.localhost' })).rejects.toMatchObject({ status: 404 })
  })

  test('needs the client for access and refresh, which is not pending any more', async () => {
    const order = { domain: 'a.localhost', audience: 'access', scope: 'notes', subject: 'client' } as const
    await expect(service.mintToken({ ...order, subject: 'other' })).rejects.toMatchObject({ status: 404 })
    await service.mintToken(order)
    const client = await store.read({ prefix: instance.prefix, name: 'io.cozy.oauth.clients' }, 'client')
    expect(JSON.parse((client as { text: string }).text)).toEqual({ client_name: 'x' })
  })
})

describe('lifetimes', () => {
  test.each([
    ['cli', undefined, 30 * minute],
    ['cli', 60, minute],
    ['cli', 24 * 3600, 24 * hour],
    ['konn', undefined, 30 * minute],
    ['app', undefined, 30 * minute],
    ['access', undefined, 7 * 24 * hour],
    ['access', 3600, hour],
  ] as const)('%s with Expire %p lives %p ms', async (audience, expires, lifetime) => {
    const token = await service.mintToken({
      domain: 'a.localhost',
      audience,
      scope: 'notes',
      subject: 'client',
      expires,
    })
    now += lifetime - 1
    await service.authorise(instance, token)
    now += 1
    expect(await refused(token)).toEqual(expired)
    service.invalidate()
    expect(await refused(token)).toEqual(expired)
  })

  test('the lifetime of cli tokens is a setting', async () => {
    service = openInstances({ store, now: () => now, cliLifetime: 60 })
    const token = await service.mintToken(cli)
    now += minute
    expect(await refused(token)).toEqual(expired)
  })

  test('a token minted with a negative duration is expired', async () => {
    expect(await refused(await service.mintToken({ ...cli, expires: -3600 }))).toEqual(expired)
  })

  test('the first-run token never ends, until the secret is changed', async () => {
    const token = await service.mintToken({ ...cli, scope: '*', expires: 'never' })
    now += 10 * 365 * 24 * hour
    expect((await service.authorise(instance, token)).allowsType('DELETE', 'anything')).toBe(true)
    await service.rotateCliSecret('a.localhost')
    const changed = await service.byHost('a.localhost')
    expect(changed?.rev).not.toBe(instance.rev)
    expect(await refused(token, changed!)).toEqual(invalid)
  })

  test('only the cli secret signs a token without end', async () => {
    await expect(
      service.mintToken({
        domain: 'a.localhost',
        audience: 'access',
        scope: 'notes',
        subject: 'client',
        expires: 'never',
      }),
    ).rejects.toThrow()
    const key = keyOf(instance, 'access')
    const forged = await new SignJWT({ scope: 'notes', unending: true })
      .setProtectedHeader({ alg: 'HS512' })
      .setAudience('access')
      .setIssuer('a.localhost')
      .setSubject('client')
      .setIssuedAt(now / 1000 - 8 * 24 * 3600)
      .sign(key)
    expect(await refused(forged)).toEqual(expired)
  })
})

describe('checking', () => {
  const claims = (change: object = {}) => ({
    aud: 'cli',
    iss: 'a.localhost',
    iat: now / 1000,
    sub: 'x',
    scope: 'notes',
    ...change,
  })
  const sign = (payload: object, key: Uint8Array = keyOf(instance, 'cli'), alg = 'HS512') =>
    new SignJWT({ ...payload }).setProtectedHeader({ alg }).sign(key)

  test('a good token of our own making is accepted', async () => {
    expect((await service.authorise(instance, await sign(claims()))).allowsType('GET', 'notes')).toBe(true)
    expect(await service.authorise(instance, await sign(claims({ aud: ['cli'] })))).toBeDefined()
    expect(await service.authorise(instance, await sign(claims({ iss: 'old.localhost' })))).toBeDefined()
  })

  test.each([
    ['another issuer', { iss: 'b.localhost' }],
    ['no issuer', { iss: undefined }],
    ['no time', { iat: undefined }],
    ['a scope that is no text', { scope: 1 }],
    ['an unknown audience', { aud: 'registration' }],
    ['the long name of an audience', { aud: 'access-token' }],
    ['a session', { session_id: 's' }],
  ])('%s is refused', async (_name, change) => {
    expect(await refused(await sign(claims(change)))).toEqual(invalid)
  })

  test.each([[{ aud: [] }], [{ aud: ['cli', 'app'] }], [{ aud: undefined }]])(
    '%j is no single audience',
    async (change) => {
      expect(await refused(await sign(claims(change)))).toEqual({
        ...invalid,
        reason: 'Invalid audience for JWT token',
      })
    },
  )

  test('another key, another algorithm or no signature is refused', async () => {
    expect(await refused(await sign(claims(), keyOf(instance, 'access')))).toEqual(invalid)
    expect(await refused(await sign(claims({ aud: 'app' })))).toEqual(invalid)
    expect(await refused(await sign(claims(), keyOf(instance, 'cli'), 'HS256'))).toEqual(invalid)
    expect(await refused(new UnsecuredJWT(claims()).encode())).toEqual(invalid)
  })

  test.each(['', 'x', 'a.b.c', '..', `${'x'.repeat(10_000)}.y.z`, 'eyJhbGciOiJIUzUxMiJ9.bm90anNvbg.x'])(
    '%p is refused',
    async (token) => {
      expect(await refused(token)).toEqual(invalid)
    },
  )

  test('a token of another instance is refused', async () => {
    const other = await service.create({ domain: 'b.localhost' })
    const token = await service.mintToken(cli)
    await service.authorise(instance, token)
    expect(await refused(token, other)).toEqual(invalid)
  })

  test('a token of a former instance of the domain is refused', async () => {
    const token = await service.mintToken({ ...cli, expires: 'never' })
    await service.authorise(instance, token)
    await service.remove('a.localhost')
    expect(await refused(token, await service.create({ domain: 'a.localhost' }))).toEqual(invalid)
  })

  test('is done once for each token and revision of the instance', async () => {
    const token = await service.mintToken(cli)
    expect(await service.authorise(instance, token)).toBe(await service.authorise(instance, token))
  })
})

describe('rights that are kept as documents', () => {
  const permission = (id: string, value: Record<string, never> | object) =>
    writeDocument(store, {
      ref: { prefix: instance.prefix, name: 'io.cozy.permissions' },
      id,
      value: value as Record<string, never>,
    })

  test('an access token ends with its client', async () => {
    const token = await service.mintToken({
      domain: 'a.localhost',
      audience: 'access',
      scope: 'notes',
      subject: 'client',
    })
    expect((await service.authorise(instance, token)).allowsType('GET', 'notes')).toBe(true)
    const ref = { prefix: instance.prefix, name: 'io.cozy.oauth.clients' }
    const { gen, hash } = (await store.read(ref, 'client')) as { gen: number; hash: string }
    await writeDocument(store, { ref, id: 'client', parent: { gen, hash } })
    expect(await refused(token)).toEqual(invalid)
  })

  test('an application has those of its document, whatever the scope says', async () => {
    const token = await service.mintToken({ domain: 'a.localhost', audience: 'app', scope: 'notes', subject: 'drive' })
    expect((await service.authorise(instance, token)).allowsSome('GET', 'notes')).toBe(false)
    await permission('p', {
      type: 'app',
      source_id: 'io.cozy.apps/drive',
      permissions: { files: { type: 'io.cozy.files', verbs: ['GET'] }, broken: { type: 'A' } },
    })
    now += 5_000
    const permissions = await service.authorise(instance, token)
    expect(permissions.allowsType('GET', 'io.cozy.files')).toBe(true)
    expect(permissions.allowsType('PUT', 'io.cozy.files')).toBe(false)
    expect(permissions.allowsSome('GET', 'notes')).toBe(false)
  })

  test('a client may have those of an application', async () => {
    await permission('p', {
      type: 'app',
      source_id: 'io.cozy.apps/drive',
      permissions: { f: { type: 'io.cozy.files' } },
    })
    const token = await service.mintToken({
      domain: 'a.localhost',
      audience: 'access',
      scope: '@io.cozy.apps/drive',
      subject: 'client',
    })
    expect((await service.authorise(instance, token)).allowsType('GET', 'io.cozy.files')).toBe(true)
  })

  test('a shared link has those of the document that names its token', async () => {
    const token = await service.mintToken({ domain: 'a.localhost', audience: 'share', scope: '', subject: 'link' })
    expect(await refused(token)).toEqual(invalid)
    const rules = { f: { type: 'io.cozy.files', verbs: ['GET'], values: ['x'] } }
    await permission('p', {
      type: 'share',
      codes: { link: token },
      permissions: rules,
      expires_at: new Date(now + minute).toISOString(),
    })
    const permissions = await service.authorise(instance, token)
    expect(permissions.allowsDocument('GET', 'io.cozy.files', { _id: 'x' })).toBe(true)
    expect(permissions.allowsType('GET', 'io.cozy.files')).toBe(false)
    now += minute
    expect(await refused(token)).toEqual(invalid)
  })

  test('a refresh token reads nothing', async () => {
    const token = await service.mintToken({
      domain: 'a.localhost',
      audience: 'refresh',
      scope: 'notes',
      subject: 'client',
    })
    expect(await refused(token)).toEqual(invalid)
  })
})
