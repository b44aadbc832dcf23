/** The part of the document store's contract that feeds rest on, as tests for every adapter. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { ChangesRange, DatabaseRef, DocumentStore, Edit } from '../../storage/documents/contract.ts'
import { bodyOf } from './documents.ts'

let databases = 0

/** Every call of `open` opens the same documents, as another process would. */
export function changesSuite(name: string, open: () => Promise<DocumentStore>): void {
  describe(`changes contract: ${name}`, () => {
    let store: DocumentStore
    let other: DocumentStore
    beforeAll(async () => {
      store = await open()
      other = await open()
    }, 60_000)
    afterAll(async () => {
      await store?.close()
      await other?.close()
    })

    async function fresh(ids: readonly string[] = []): Promise<DatabaseRef> {
      databases += 1
      const ref = { prefix: `changes-${process.pid}`, name: `db${databases}` }
      await store.createDatabase(ref)
      for (const id of ids) await store.write([edit(ref, id)])
      return ref
    }
    const edit = (ref: DatabaseRef, id: string, more: Partial<Edit> = {}): Edit => {
      return { ref, id, deleted: false, body: bodyOf({ of: id }), unknownParent: 'refuse', ...more }
    }
    const page = async (ref: DatabaseRef, range: Partial<ChangesRange> = {}) => {
      const found = await store.changes(ref, { descending: false, limit: 100, bodies: false, ...range })
      return found && { ...found, rows: found.rows.map(({ id, seq }) => `${seq} ${id}`) }
    }

    test('every document once, by its latest sequence', async () => {
      const ref = await fresh(['c', 'a', '_design/d', 'b'])
      const a = (await store.readTree(ref, 'a'))?.winner
      await store.write([edit(ref, 'a', { parent: a, deleted: true })])
      const { epoch } = (await store.databaseInfo(ref)) ?? {}
      expect(await page(ref)).toEqual({
        epoch: epoch ?? '',
        updateSeq: 5n,
        total: 4,
        rows: ['1 c', '3 _design/d', '4 b', '5 a'],
      })
      const found = await store.changes(ref, { after: 4n, descending: false, limit: 1, bodies: true })
      expect(found?.rows[0]).toMatchObject({ id: 'a', gen: 2, deleted: true, leaves: 1, text: '{"of": "a"}' })
    })

    test.each<[string, Partial<ChangesRange>, string[]]>([
      ['a page', { limit: 2 }, ['1 a', '2 b']],
      ['no row', { limit: 0 }, []],
      ['the next page', { limit: 2, after: 2n }, ['3 c', '4 d']],
      ['the last page', { limit: 10, after: 4n }, ['5 e']],
      ['behind the end', { after: 5n }, []],
      ['backwards', { descending: true }, ['5 e', '4 d', '3 c', '2 b', '1 a']],
      ['backwards from a place', { descending: true, after: 4n, limit: 2 }, ['3 c', '2 b']],
      ['some ids', { ids: ['d', 'none', 'b', 'd'] }, ['2 b', '4 d']],
      ['some ids behind a place', { ids: ['d', 'b'], after: 2n }, ['4 d']],
      ['some ids backwards', { ids: ['d', 'b'], descending: true, limit: 1 }, ['4 d']],
      ['no ids', { ids: [] }, []],
    ])('%s', async (_name, range, rows) => {
      const ref = await fresh(['a', 'b', 'c', 'd', 'e'])
      expect(await page(ref, range)).toMatchObject({ updateSeq: 5n, total: 5, rows })
    })

    test('a feed without documents, and none', async () => {
      expect(await page(await fresh())).toMatchObject({ updateSeq: 0n, total: 0, rows: [] })
      const nowhere = { prefix: 'changes', name: 'nowhere' }
      await expect(page(nowhere)).rejects.toMatchObject({ code: 'no_database' })
      await expect(store.countChanges(nowhere, { descending: false })).rejects.toMatchObject({ code: 'no_database' })
    })

    test('rows behind a place are counted exactly', async () => {
      const ref = await fresh(['a', 'b', 'c', 'd', 'e', 'f'])
      const c = (await store.readTree(ref, 'c'))?.winner
      await store.write([edit(ref, 'c', { parent: c, deleted: true })])
      const left = [1, 2, 4, 5, 6, 7]
      for (let after = 0; after <= 8; after++) {
        const place = { after: BigInt(after) }
        expect(await store.countChanges(ref, { ...place, descending: false })).toEqual({
          count: left.filter((seq) => seq > after).length,
          updateSeq: 7n,
        })
        expect((await store.countChanges(ref, { ...place, descending: true }))?.count).toBe(
          left.filter((seq) => seq < after).length,
        )
      }
      expect((await store.countChanges(ref, { descending: true }))?.count).toBe(6)
    })

    test('a database made anew by another process has another epoch', async () => {
      const ref = await fresh(['a'])
      const before = await page(ref)
      await other.dropDatabase(ref)
      await expect(page(ref)).rejects.toMatchObject({ code: 'no_database' })
      await other.createDatabase(ref)
      const after = await page(ref)
      expect(after).toMatchObject({ updateSeq: 0n, rows: [] })
      expect(after?.epoch).not.toBe(before?.epoch)
    })

    describe('watching', () => {
      /** Calls so far, and a promise of the next one that fails after a second: before the net could catch it. */
      function watch(on: DocumentStore, ref: DatabaseRef) {
        let calls = 0
        let called = () => {}
        const unwatch = on.watch(ref, () => {
          calls += 1
          called()
        })
        const next = () =>
          new Promise<void>((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error('nobody called')), 1_000)
            called = () => {
              clearTimeout(timer)
              resolve()
            }
          })
        return { unwatch, next, count: () => calls }
      }

      test.each<[string, (ref: DatabaseRef, writer: DocumentStore) => Promise<unknown>]>([
        ['a write', (ref, writer) => writer.write([edit(ref, 'x')])],
        ['a design document', (ref, writer) => writer.write([edit(ref, '_design/x')])],
        [
          'a replicated revision',
          (ref, writer) => writer.replicate(ref, [{ id: 'r', gen: 1, path: ['aa'], deleted: false, body: bodyOf({}) }]),
        ],
        ['a drop', (ref, writer) => writer.dropDatabase(ref)],
      ])('%s is told here and elsewhere', async (_name, change) => {
        for (const follower of [store, other]) {
          const ref = await fresh()
          const { unwatch, next } = watch(follower, ref)
          // The first watcher connects, and the connection calls everybody.
          await Bun.sleep(150)
          const told = next()
          await change(ref, store)
          await told
          unwatch()
        }
      })

      test('many changes are few calls, and others are not called', async () => {
        const ref = await fresh()
        const quiet = watch(store, await fresh())
        const { unwatch, count } = watch(store, ref)
        await Bun.sleep(150)
        const [before, quietBefore] = [count(), quiet.count()]
        await Promise.all(Array.from({ length: 500 }, (_, n) => store.write([edit(ref, `d${n}`)])))
        await Bun.sleep(50)
        expect(count() - before).toBeGreaterThan(0)
        expect(count() - before).toBeLessThan(100)
        // The net may have looked once.
        expect(quiet.count() - quietBefore).toBeLessThanOrEqual(1)
        unwatch()
        quiet.unwatch()
      })

      test('nobody is called after leaving, and nobody is counted', async () => {
        const ref = await fresh()
        expect(store.watching()).toBe(0)
        const watches = Array.from({ length: 1_000 }, () => watch(store, ref))
        expect(store.watching()).toBe(1_000)
        for (const { unwatch } of watches) unwatch()
        for (const { unwatch } of watches) unwatch()
        expect(store.watching()).toBe(0)
        const calls = watches.map(({ count }) => count())
        await store.write([edit(ref, 'x')])
        await Bun.sleep(100)
        expect(watches.map(({ count }) => count())).toEqual(calls)
      })
    })
  })
}
