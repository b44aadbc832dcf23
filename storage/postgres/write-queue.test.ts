import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type postgres from 'postgres'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { bodyOf } from '../../test/conformance/documents.ts'
import { bothPostgres, embedded, plainSql } from '../../test/conformance/postgres-targets.ts'
import type { DatabaseRef, DocumentStore, Edit } from '../documents/contract.ts'
import { openPostgresDocuments } from './documents.ts'

const tenants = 64

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(`coalesced writes: ${server.name}`, () => {
    let store: DocumentStore
    let other: DocumentStore
    let sql: postgres.Sql
    let names = 0
    beforeAll(async () => {
      const target = await server.createDatabase()
      const options = { target, maxConnections: 4, compiler: indexCompiler, sweepEveryMs: 0 }
      store = await openPostgresDocuments(options)
      other = await openPostgresDocuments(options)
      sql = plainSql(target)
    }, 60_000)
    afterAll(async () => {
      await store?.close()
      await other?.close()
      await sql?.end({ timeout: 1 })
    })

    /** One database for each tenant, known to the store, so that writes to them are queued in the same moment. */
    const places = async (): Promise<DatabaseRef[]> => {
      const name = `db${++names}`
      const refs = Array.from({ length: tenants }, (_, n) => ({ prefix: `tenant${n}`, name }))
      for (const ref of refs) {
        await store.createDatabase(ref)
        await store.read(ref, 'nothing')
      }
      return refs
    }
    const edit = (ref: DatabaseRef, more: Partial<Edit> = {}): Edit => ({
      ...{ ref, id: 'd', deleted: false, body: bodyOf({ tenant: ref.prefix }), unknownParent: 'accept', ...more },
    })
    /** How many transactions wrote the documents that are there now, and how many those are. */
    const written = async ({ name }: DatabaseRef) => {
      const [row] = await sql<{ transactions: number; documents: number }[]>`
        SELECT count(DISTINCT x.xmin::text)::int AS transactions, count(*)::int AS documents
        FROM docs x JOIN databases d USING (db) WHERE d.name = ${name}`
      return row
    }

    test('edits that arrive together are one transaction', async () => {
      const refs = await places()
      const outcomes = await Promise.all(refs.map((ref) => store.write([edit(ref)])))
      expect(outcomes.flat().filter(({ kind }) => kind === 'ok')).toHaveLength(tenants)
      expect(await written(refs[0]!)).toEqual({ transactions: 1, documents: tenants })
    })

    const broken = (text: string): Partial<Edit> => ({ body: { text, raw: false, digest: '0', value: {} } })
    const random = Array.from({ length: 4_000 }, () => String.fromCharCode(33 + Math.random() * 90)).join('')
    test.each<[string, Partial<Edit>]>([
      ['a body that is no JSON', broken('{"a":')],
      ['a body that jsonb refuses', broken('"\\u0000"')],
      ['an id that is no text', { id: 'a\u0000b' }],
      ['a parent too long for any index', { parent: { gen: 1, hash: random } }],
    ])('%s fails alone among 63 of other tenants', async (_what, bad) => {
      const refs = await places()
      const culprit = 17
      const results = await Promise.allSettled(refs.map((ref, n) => store.write([edit(ref, n === culprit ? bad : {})])))
      expect(results.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))).toEqual([culprit])
      for (const [n, ref] of refs.entries()) {
        const count = n === culprit ? 0 : 1
        const info = await store.databaseInfo(ref)
        expect(info).toMatchObject({ docCount: count, deletedCount: 0, updateSeq: BigInt(count) })
        expect(await store.read(ref, 'd')).toEqual(
          n === culprit ? undefined : expect.objectContaining({ gen: 1, seq: 1n }),
        )
      }
    })

    test('what one request asks for together fails together', async () => {
      const [ref, other] = (await places()) as [DatabaseRef, DatabaseRef]
      const results = await Promise.allSettled([
        store.write([edit(ref), edit(ref, { id: 'e', ...broken('{') })]),
        store.write([edit(ref, { id: 'f' })]),
        store.write([edit(other)]),
      ])
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
      expect(await store.databaseInfo(ref)).toMatchObject({ docCount: 1, updateSeq: 1n })
    })

    test('a tenant dropped while all its databases are written deadlocks with nobody', async () => {
      const prefix = 'gone'
      // Made in the order against that of their names.
      const refs = Array.from({ length: 12 }, (_, n) => ({ prefix, name: `db${99 - n}` }))
      for (const ref of refs) {
        await store.createDatabase(ref)
        await store.read(ref, 'nothing')
      }
      let working: Promise<unknown> | undefined
      // Both get as far as the database in the middle.
      await sql.begin(async (tx) => {
        await tx`SELECT 1 FROM databases WHERE prefix = ${prefix} AND name = ${refs[6]!.name} FOR UPDATE`
        working = Promise.all([store.write(refs.map((ref) => edit(ref))), store.dropPrefix(prefix)])
        await Bun.sleep(200)
      })
      const began = Date.now()
      await working
      // PostgreSQL looks for deadlocks after a second.
      expect(Date.now() - began).toBeLessThan(900)
      expect(await store.listDatabases(prefix)).toEqual([])
    })

    test('a database whose indexes change all the time is written all the same', async () => {
      const ref = { prefix: 'churn', name: `db${++names}` }
      await store.createDatabase(ref)
      let ended = false
      let changes = 0
      const churn = async (n: number) => {
        const id = `_design/${n}`
        let parent: Edit['parent']
        while (!ended) {
          const design = { language: 'query', views: { v: { map: { fields: { f: 'asc' } }, options: {} } } }
          const body = bodyOf(parent ? {} : design)
          const [outcome] = await other.write([edit(ref, { id, parent, deleted: parent !== undefined, body })])
          parent = outcome?.kind === 'ok' && !parent ? outcome.rev : undefined
          changes += 1
        }
      }
      const write = async (n: number) => {
        for (let turn = 0; turn < 20; turn += 1) {
          const outcomes = await store.write([edit(ref, { id: `${n}-${turn}` }), edit(ref, { id: `${n}-${turn}-b` })])
          expect(outcomes.map(({ kind }) => kind)).toEqual(['ok', 'ok'])
        }
      }
      const churning = [1, 2, 3, 4].map(churn)
      await Promise.all([1, 2, 3].map(write))
      ended = true
      await Promise.all(churning)
      expect(changes).toBeGreaterThan(20)
      expect(await store.countIds(ref, { designs: 'none' })).toBe(120)
    }, 60_000)

    // Waits for a lock twice, so once is enough.
    test.skipIf(server !== embedded)(
      'a database that somebody holds locked makes nobody else fail',
      async () => {
        const refs = await places()
        const held = 5
        let results: Promise<PromiseSettledResult<unknown>[]> | undefined
        await sql.begin(async (tx) => {
          await tx`SELECT 1 FROM databases WHERE prefix = ${refs[held]!.prefix} AND name = ${refs[held]!.name} FOR UPDATE`
          const writes = refs.flatMap((ref) => ['a', 'b', 'c'].map((id) => store.write([edit(ref, { id })])))
          results = Promise.allSettled(writes)
          await results
        })
        const failed = (await results!).flatMap((result, at) =>
          result.status === 'rejected' ? [[Math.floor(at / 3), result.reason.code]] : [],
        )
        expect(failed).toEqual(['a', 'b', 'c'].map(() => [held, 'store_unavailable']))
        expect(await written(refs[0]!)).toMatchObject({ documents: (tenants - 1) * 3 })
      },
      60_000,
    )
  })
}
