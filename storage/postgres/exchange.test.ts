import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type postgres from 'postgres'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { bodyOf } from '../../test/conformance/documents.ts'
import { bothPostgres, plainSql } from '../../test/conformance/postgres-targets.ts'
import type { StoredDocument, TenantExchange } from '../documents/contract.ts'
import { openPostgresDocuments, type PostgresStore } from './documents.ts'

const files = 'io.cozy.files'

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(`the databases of a tenant in the place of another's: ${server.name}`, () => {
    let stores: readonly [PostgresStore, PostgresStore]
    let sql: postgres.Sql
    let tenants = 0
    beforeAll(async () => {
      const target = await server.createDatabase()
      const options = { target, maxConnections: 4, compiler: indexCompiler, sweepEveryMs: 0 }
      stores = [await openPostgresDocuments(options), await openPostgresDocuments(options)]
      sql = plainSql(target, 2)
    }, 60_000)
    afterAll(async () => {
      for (const store of stores ?? []) await store.close()
      await sql?.end({ timeout: 1 })
    })

    async function put(prefix: string, name: string, id: string, value: Record<string, string | number>) {
      const [store] = stores
      await store.createDatabase({ prefix, name })
      const body = bodyOf(value)
      const [outcome] = await store.write([
        { ref: { prefix, name }, id, deleted: false, body, unknownParent: 'refuse' as const },
      ])
      expect(outcome?.kind).toBe('ok')
    }

    /** An instance with a file and two other databases, and what shall take its place. */
    async function prepared(): Promise<{ readonly exchange: TenantExchange; readonly to: string }> {
      const [to, from] = [`to${++tenants}`, `from${tenants}`]
      const file = (name: string, size: string) => ({ type: 'file', dir_id: 'root', name, size })
      await put(to, files, 'old', file('old.txt', '3'))
      await put(to, 'gone', 'a', { n: 1 })
      await put(to, 'kept', 'a', { n: 1 })
      await put(from, files, 'new', file('new.txt', '40'))
      await put(from, 'io.cozy.files.versions', 'new/v', { size: '2' })
      await put(from, 'waiting', 't', { type: '@every', arguments: '1h', worker: 'konnector', debounce: '' })
      await stores[0].files.ledger.lease([`${to}/new`, `${to}/new/v`], 60_000)
      const objectsOf = (_name: string, { id }: Pick<StoredDocument, 'id'>) => [`${to}/${id}`]
      const renamed = new Map([['waiting', 'io.cozy.triggers']])
      const mark = { kind: 'done', secret: 'job', value: 'yes', forMs: 60_000 }
      return { to, exchange: { from, to, replaces: (name) => name !== 'kept', renamed, objectsOf, mark } }
    }

    test('all processes see all of it, and what is kept beside the documents follows', async () => {
      const { exchange, to } = await prepared()
      const [here, there] = stores
      const ref = { prefix: to, name: files }
      // Both know the old databases.
      for (const store of stores) expect((await store.read(ref, 'old'))?.id).toBe('old')
      let told = 0
      const end = there.watch(ref, () => {
        told += 1
      })
      await here.exchangeTenant(exchange)
      for (const store of stores) {
        expect(await store.read(ref, 'old')).toBeUndefined()
        expect((await store.read(ref, 'new'))?.id).toBe('new')
        expect((await store.read({ prefix: to, name: 'kept' }, 'a'))?.id).toBe('a')
        expect(await store.listDatabases(to)).toEqual([files, 'io.cozy.files.versions', 'io.cozy.triggers', 'kept'])
        expect(await store.listDatabases(exchange.from)).toEqual([])
        expect(await store.files.tree(to).usage()).toEqual({ files: 40, versions: 2 })
        expect((await store.files.tree(to).byName('root', 'new.txt')).map(({ id }) => id)).toEqual(['new'])
        expect(await store.files.secrets.get(to, 'done', 'job')).toBe('yes')
      }
      expect(
        (await there.write([{ ref, id: 'later', deleted: false, body: bodyOf({}), unknownParent: 'refuse' }]))[0]?.kind,
      ).toBe('ok')
      const [row] =
        await sql`SELECT count(*)::int AS n FROM trigger_schedule s JOIN databases d ON d.db = s.db WHERE d.prefix = ${to}`
      expect(row?.['n']).toBe(1)
      const names = [`${to}/new`, `${to}/new/v`, `${to}/old`]
      expect([...(await here.files.ledger.entered(names))]).toEqual([`${to}/old`])
      for (let tries = 0; told === 0 && tries < 200; tries++) await new Promise((done) => setTimeout(done, 25))
      end()
      expect(told).toBeGreaterThan(0)
    })

    test('a content whose lease has ended leaves all of it as it was', async () => {
      const { exchange, to } = await prepared()
      const [here] = stores
      await here.files.ledger.renew([`${to}/new/v`], 0)
      await here.files.ledger.sweep({ limit: 10, objects: [`${to}/new/v`] }, async () => {})
      const failed = await here.exchangeTenant(exchange).catch((error: unknown) => error)
      expect(failed).toMatchObject({ code: 'store_unavailable' })
      expect(await here.listDatabases(to)).toEqual(['gone', files, 'kept'])
      expect((await here.read({ prefix: to, name: files }, 'old'))?.id).toBe('old')
      expect([...(await here.files.ledger.entered([`${to}/old`, `${to}/new`]))]).toEqual([`${to}/new`])
      expect(await here.files.secrets.get(to, 'done', 'job')).toBeUndefined()
    })

    test('nothing to exchange -> conflict', async () => {
      const { exchange, to } = await prepared()
      const failed = await stores[0].exchangeTenant({ ...exchange, from: 'nobody' }).catch((error: unknown) => error)
      expect(failed).toMatchObject({ code: 'conflict' })
      expect(await stores[0].listDatabases(to)).toEqual(['gone', files, 'kept'])
    })
  })
}
