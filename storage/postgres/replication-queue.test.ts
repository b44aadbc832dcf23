import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type postgres from 'postgres'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { bodyOf } from '../../test/conformance/documents.ts'
import { bothPostgres, plainSql } from '../../test/conformance/postgres-targets.ts'
import type { DatabaseRef, DocumentStore, Replicated, RevisionTree } from '../documents/contract.ts'
import { openPostgresDocuments } from './documents.ts'

/** A revision of that generation; `branch` tells apart what comes from different writers. */
function revision(id: string, gen: number, branch = 'a', more: Partial<Replicated> = {}): Replicated {
  const path = Array.from({ length: gen }, (_, at) => (at === gen - 1 ? 'root' : `${branch}${gen - at}`))
  return { id, gen, path, deleted: false, body: bodyOf({ gen, branch }), ...more }
}

const shapeOf = (trees: ReadonlyMap<string, RevisionTree>) =>
  [...trees.values()]
    .map(({ id, winner, nodes }) => ({
      ...{ id, winner },
      nodes: nodes.map((node) => JSON.stringify(node)).sort(),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(`replicated writes: ${server.name}`, () => {
    let stores: readonly [DocumentStore, DocumentStore]
    let sql: postgres.Sql
    let names = 0
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

    const database = async (): Promise<DatabaseRef> => {
      const ref = { prefix: 'replicated', name: `db${++names}` }
      await stores[0].createDatabase(ref)
      return ref
    }
    /** Sequences, counters and the feed agree with the documents. */
    const expectSound = async (ref: DatabaseRef, ids: readonly string[]) => {
      const [store] = stores
      const page = await store.changes(ref, { descending: false, limit: 1_000, bodies: true })
      const info = await store.databaseInfo(ref)
      expect(page?.rows.map(({ id }) => id).sort()).toEqual([...ids].sort())
      expect((info?.docCount ?? 0) + (info?.deletedCount ?? 0)).toBe(ids.length)
      expect(info?.deletedCount).toBe(page?.rows.filter(({ deleted }) => deleted).length ?? -1)
      const seqs = page?.rows.map(({ seq }) => seq) ?? []
      expect(new Set(seqs).size).toBe(seqs.length)
      expect(info?.updateSeq).toBeGreaterThanOrEqual(seqs.at(-1) ?? 0n)
    }

    test('what is new to a database that is being filled is as it would be otherwise', async () => {
      const [store] = stores
      const ref = await database()
      const ids = Array.from({ length: 40 }, (_, n) => `d${n}`)
      const rare = [
        revision('é"\\\u2028😀', 2),
        revision('gone', 3, 'a', { deleted: true, body: bodyOf({}) }),
        revision('raw', 1, 'a', { body: { ...bodyOf({ s: '\u0000', n: 1 }), raw: true } }),
        { ...revision('odd', 2), path: ['"\\ é', 'NULL'] },
      ]
      // The first of them fills it, the others find it being filled.
      await store.replicate(
        ref,
        ids.slice(0, 10).map((id) => revision(id, 3)),
      )
      await store.replicate(
        ref,
        ids.slice(10, 20).map((id) => revision(id, 3)),
      )
      await store.replicate(ref, [...ids.slice(20, 30).map((id) => revision(id, 3)), ...rare])
      await store.replicate(
        ref,
        ids.slice(30).map((id) => revision(id, 1)),
      )
      const all = [...ids, ...rare.map(({ id }) => id)]
      await expectSound(ref, all)
      const other = await database()
      for (const [n, id] of ids.entries()) await stores[1].replicate(other, [revision(id, n < 30 ? 3 : 1)])
      // Named twice, so that the trees are made in memory.
      for (const one of rare) await stores[1].replicate(other, [one, one])
      expect(shapeOf(await store.readTrees(ref, all))).toEqual(shapeOf(await store.readTrees(other, all)))
      for (const one of rare) {
        const rev = { gen: one.gen, hash: one.path[0] ?? '' }
        const [here, there] = [await store.readRevision(ref, one.id, rev), await store.readRevision(other, one.id, rev)]
        expect(here?.text).toBe(one.body.text === '{}' ? '{}' : (there?.text ?? 'missing'))
      }
    })

    test('a history longer than the limit is stemmed, and repeating it changes nothing', async () => {
      const [store] = stores
      const ref = await database()
      await store.setRevsLimit(ref, 3)
      for (const id of ['a', 'b']) await store.replicate(ref, [revision(id, 9)])
      const trees = await store.readTrees(ref, ['a', 'b'])
      for (const tree of trees.values()) {
        expect(tree.nodes.map(({ gen, parent }) => [gen, parent]).sort()).toEqual([
          [7, 'a6'],
          [8, 'a7'],
          [9, 'a8'],
        ])
      }
      const before = await store.databaseInfo(ref)
      for (const id of ['a', 'b']) await store.replicate(ref, [revision(id, 9)])
      expect(await store.databaseInfo(ref)).toEqual(before as NonNullable<typeof before>)
    })

    test('a document that is there after all is merged', async () => {
      const [store, other] = stores
      const ref = await database()
      await store.replicate(ref, [revision('a', 2)])
      await store.replicate(ref, [revision('b', 2)])
      await other.replicate(ref, [revision('c', 2, 'x')])
      await store.replicate(ref, [revision('c', 2, 'y'), revision('d', 1)])
      await store.replicate(ref, [revision('e', 1), revision('a', 3)])
      const trees = await store.readTrees(ref, ['a', 'c', 'd', 'e'])
      expect(
        trees
          .get('c')
          ?.nodes.filter(({ leaf }) => leaf)
          .map(({ hash }) => hash)
          .sort(),
      ).toEqual(['x2', 'y2'])
      expect(trees.get('c')?.winner).toEqual({ gen: 2, hash: 'y2' })
      expect(trees.get('a')?.winner.gen).toBe(3)
      await expectSound(ref, ['a', 'b', 'c', 'd', 'e'])
    })

    test('indexes see what is written together', async () => {
      const [store] = stores
      const ref = await database()
      await store.replicate(ref, [revision('a', 1)])
      await store.replicate(ref, [revision('b', 1)])
      const map = { fields: { gen: 'asc' }, partial_filter_selector: {} }
      const views = { v: { map, reduce: '_count', options: { def: { fields: ['gen'] } } } }
      const design = { body: bodyOf({ language: 'query', views }) }
      await store.replicate(ref, [revision('c', 1), revision('_design/x', 1, 'a', design)])
      await store.replicate(ref, [revision('d', 1), revision('e', 1)])
      await store.indexes(ref, { fresh: true })
      const rows = await sql`
        SELECT e.id FROM entries e JOIN databases d USING (db) WHERE d.name = ${ref.name} AND d.prefix = ${ref.prefix} ORDER BY 1`
      expect(rows.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'e'])
    })

    test('many at once, through two processes, end as one after the other', async () => {
      const [ref, other] = [await database(), await database()]
      const ids = Array.from({ length: 30 }, (_, n) => `d${String(n).padStart(2, '0')}`)
      const batches = Array.from({ length: 60 }, (_, n) =>
        Array.from({ length: 6 }, (_, k) => {
          const id = ids[(n * 7 + k * 5) % ids.length] ?? ''
          const gen = 1 + ((n + k) % 4)
          const branch = n % 5
          return revision(id, gen, `w${branch}`, { deleted: gen > 1 && (gen + branch) % 3 === 0 })
        }),
      )
      await Promise.all(batches.map((batch, n) => (stores[n % 2] ?? stores[0]).replicate(ref, batch)))
      for (const batch of batches) for (const one of batch) await stores[0].replicate(other, [one])
      expect(shapeOf(await stores[0].readTrees(ref, ids))).toEqual(shapeOf(await stores[0].readTrees(other, ids)))
      await expectSound(ref, ids)
    })

    test('one that fails is the failure of one', async () => {
      const [store] = stores
      const ref = await database()
      const bad = { ...revision('bad', 2), path: ['nul\u0000', 'root'] }
      const asked = [
        ...Array.from({ length: 8 }, (_, n) => store.replicate(ref, [revision(`before${n}`, 1)])),
        store.replicate(ref, [revision('with-bad', 1), bad]),
        ...Array.from({ length: 8 }, (_, n) => store.replicate(ref, [revision(`after${n}`, 1)])),
      ]
      const settled = await Promise.allSettled(asked)
      expect(settled.map(({ status }) => status).indexOf('rejected')).toBe(8)
      expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(1)
      const written = Array.from({ length: 8 }, (_, n) => [`before${n}`, `after${n}`]).flat()
      await expectSound(ref, written)
    })

    test('those that wait for a locked database hold one connection', async () => {
      const [store] = stores
      const [ref, other] = [await database(), await database()]
      await store.replicate(other, [revision('a', 1)])
      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      let lock = () => {}
      const locked = new Promise<void>((resolve) => {
        lock = resolve
      })
      const holding = sql.begin(async (tx) => {
        await tx`SELECT 1 FROM databases WHERE prefix = ${ref.prefix} AND name = ${ref.name} FOR UPDATE`
        lock()
        await held
      })
      await locked
      const waiting = Array.from({ length: 32 }, (_, n) => store.replicate(ref, [revision(`d${n}`, 1)]))
      try {
        for (let n = 0; n < 20; n += 1) expect((await store.readTrees(other, ['a'])).size).toBe(1)
        await store.replicate(other, [revision('b', 1)])
      } finally {
        release()
        await holding
      }
      await Promise.all(waiting)
    })

    test('a database that is dropped, and one that is made anew', async () => {
      const [store, other] = stores
      const ref = await database()
      await store.replicate(ref, [revision('a', 1)])
      await store.replicate(ref, [revision('b', 1)])
      await other.dropDatabase(ref)
      await expect(store.replicate(ref, [revision('c', 1)])).rejects.toMatchObject({ code: 'no_database' })
      await other.createDatabase(ref)
      await store.replicate(ref, [revision('a', 1)])
      await expectSound(ref, ['a'])
    })
  })
}
