import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type ServerType, serve } from '@hono/node-server'
import { adminRoutes } from '../../routes/admin/routes.ts'
import { memoryStore } from '../../test/http/admin/memory-store.ts'
import { withoutFiles } from '../../test/http/admin/without-files.ts'
import { openAdminAuth } from '../admin/passphrase.ts'
import { openInstances } from '../instances/instances.ts'
import { silentLog } from '../log.ts'
import {
  addInstance,
  listInstances,
  mintCliToken,
  modifyInstance,
  removeInstance,
  showInstance,
} from './admin-client.ts'

let server: ServerType
let target: { adminUrl: string; passphrase: string }
const store = memoryStore()
const instances = openInstances({ store })

beforeAll(async () => {
  const adminAuth = await openAdminAuth({ store, fromEnvironment: 's3cret é' })
  const { router } = adminRoutes({
    ...withoutFiles,
    store,
    instances,
    adminAuth,
    metrics: { text: async () => '' },
    log: silentLog,
  })
  const port = await new Promise<number>((resolve) => {
    server = serve({ port: 0, hostname: '127.0.0.1', fetch: router.fetch }, (address) => resolve(address.port))
  })
  target = { adminUrl: `http://127.0.0.1:${port}/`, passphrase: 's3cret é' }
})
afterAll(() => void server.close())

describe('the client of the commands', () => {
  test('adds, lists, shows, changes and removes', async () => {
    const added = await addInstance(target, 'bob.localhost:8080', {
      Locale: 'fr',
      Email: undefined,
      PublicName: 'Bob & co',
    })
    expect(added).toMatchObject({ domain: 'bob.localhost:8080', attributes: { locale: 'fr' } })
    await addInstance(target, 'alice.localhost')
    expect((await listInstances(target)).map(({ domain }) => domain)).toEqual(['alice.localhost', 'bob.localhost:8080'])
    expect(await showInstance(target, 'bob.localhost:8080')).toEqual(added)
    const changed = await modifyInstance(target, 'bob.localhost:8080', { Locale: 'de' })
    expect([changed.attributes['locale'], changed.rev.startsWith('2-')]).toEqual(['de', true])
    await removeInstance(target, 'bob.localhost:8080')
    await expect(showInstance(target, 'bob.localhost:8080')).rejects.toMatchObject({
      message: 'Instance not found',
      status: 404,
    })
  })

  test('mints tokens', async () => {
    const instance = await instances.create({ domain: 'carol.localhost' })
    const token = await mintCliToken(target, {
      domain: 'carol.localhost',
      scopes: ['notes:GET', 'tasks'],
      expire: '1h',
    })
    const permissions = await instances.authorise(instance, token)
    expect([permissions.allowsType('GET', 'notes'), permissions.allowsType('PUT', 'tasks')]).toEqual([true, true])
  })

  test('says what is wrong', async () => {
    await expect(listInstances({ ...target, passphrase: 'x' })).rejects.toThrow('HEARTH_ADMIN_PASSPHRASE must hold it')
    await expect(listInstances({ ...target, adminUrl: 'http://127.0.0.1:1' })).rejects.toThrow(
      'is `hearth serve` running?',
    )
    await expect(addInstance(target, 'a b')).rejects.toThrow('Domain name contains illegal characters')
  })
})
