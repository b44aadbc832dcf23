/** What becomes of dropped databases and indexes: gone at once for everybody, their rows later, their numbers never used again. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type postgres from 'postgres'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { bodyOf } from '../../test/conformance/documents.ts'
import { bothPostgres, plainSql, type Target } from '../../test/conformance/postgres-targets.ts'
import type { DatabaseRef, DocumentStore, Edit } from '../documents/contract.ts'
import { openPostgresDocuments } from './documents.ts'

const prefix = 'sweep'
const tables = ['docs', 'revs', 'indexes', 'index_views', 'entries', 'dropped']

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(`sweeping: ${server.name}`, () => {
    let target: Target
    let sql: postgres.Sql
    beforeAll(async () => {
      target = await server.createDatabase()
      sql = plainSql(target)
    }, 60_000)
    afterAll(() => sql?.end({ timeout: 1 }))

    const open = (sweepEveryMs: number) =>
      openPostgresDocuments({ target, maxConnections: 4, compiler: indexCompiler, sweepEveryMs })
    const edit = (ref: DatabaseRef, id: string, value: unknown, more: Partial<Edit> = {}): Edit => ({
      ...{ ref, id, deleted: false, body: bodyOf(value), unknownParent: 'refuse', ...more },
    })
    const design = (field: string) => ({
      language: 'query',
      views: { v: { map: { fields: { [field]: 'asc' } }, reduce: '_count', options: { def: { fields: [field] } } } },
    })
    const counts = async () => {
      const found: Record<string, number> = {}
      for (const table of tables) {
        const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM ${sql(table)}`
        found[table] = row?.n ?? 0
      }
      return found
    }
    const until = async (check: () => Promise<boolean>) => {
      for (let turn = 0; !(await check()); turn += 1) {
        if (turn > 400) throw new Error(`not swept: ${JSON.stringify(await counts())}`)
        await Bun.sleep(25)
      }
    }

    test('everything of dropped databases goes, in small steps that an ending does not wait for', async () => {
      const quiet = await open(0)
      const refs = Array.from({ length: 300 }, (_, n) => ({ prefix, name: `db${n}` }))
      for (const ref of refs) await quiet.createDatabase(ref)
      const big = refs[0]!
      await quiet.write([edit(big, '_design/i', design('n'))])
      const first = await quiet.write(Array.from({ length: 2_500 }, (_, n) => edit(big, `d${n}`, { n })))
      await quiet.write(
        first.flatMap((outcome, n) =>
          outcome.kind === 'ok' ? [edit(big, `d${n}`, { n: -n }, { parent: outcome.rev })] : [],
        ),
      )
      expect(await counts()).toMatchObject({ docs: 2_501, revs: 2_500, entries: 2_500, dropped: 0 })
      await quiet.dropPrefix(prefix)
      await quiet.close()
      expect(await counts()).toMatchObject({ docs: 2_501, dropped: 300 })

      const busy = await open(1)
      await Bun.sleep(30)
      const began = Date.now()
      await busy.close()
      expect(Date.now() - began).toBeLessThan(1_000)

      const sweeping = await open(5)
      await until(async () => Object.values(await counts()).every((count) => count === 0))
      await sweeping.close()
    }, 60_000)

    describe('indexes', () => {
      let store: DocumentStore
      let other: DocumentStore
      beforeAll(async () => {
        store = await open(5)
        other = await open(5)
      })
      afterAll(async () => {
        await store?.close()
        await other?.close()
      })

      test('come and go in two sweeping processes, and each new one is whole', async () => {
        const ref = { prefix, name: 'indexes' }
        await store.createDatabase(ref)
        await store.write(Array.from({ length: 1_200 }, (_, n) => edit(ref, `d${n}`, { a: n, b: n })))
        const used = new Set<number>()
        let rev: Edit['parent']
        for (let round = 0; round < 25; round += 1) {
          const maker = round % 2 === 0 ? store : other
          const [made] = await maker.write([
            edit(ref, '_design/i', design(round % 2 === 0 ? 'a' : 'b'), { parent: rev }),
          ])
          rev = made?.kind === 'ok' ? made.rev : rev
          expect(made?.kind).toBe('ok')
          const list = await maker.indexes(ref, { fresh: true })
          const { indexId = -1 } = list?.views[0] ?? {}
          expect(used.has(indexId)).toBe(false)
          used.add(indexId)
          await Bun.sleep(10)
          const [row] = await sql<{ n: number }[]>`
            SELECT count(*)::int AS n FROM entries e JOIN databases d USING (db)
            WHERE d.prefix = ${prefix} AND d.name = ${ref.name} AND e.index_id = ${indexId}`
          expect(row?.n).toBe(1_200)
        }
        await until(async () => (await counts())['entries'] === 1_200)
        expect((await counts())['indexes']).toBe(1)
      }, 60_000)
    })
  })
}
