/** The ledger of attachments: what every adapter must give (`AttachmentLedger` in storage/documents/contract.ts). */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import type { Content, DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { bodyOf } from './documents.ts'
import { bothPostgres } from './postgres-targets.ts'

const hour = 3_600_000
/** Over as soon as it began. */
const past = -1_000

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(`ledger of attachments: ${server.name}`, () => {
    let store: DocumentStore
    let other: DocumentStore
    let names = 0
    beforeAll(async () => {
      const target = await server.createDatabase()
      const open = () => openPostgresDocuments({ target, maxConnections: 4, compiler: indexCompiler, sweepEveryMs: 50 })
      store = await open()
      other = await open()
    }, 60_000)
    afterAll(async () => {
      await store?.close()
      await other?.close()
    })

    async function fresh(): Promise<DatabaseRef> {
      const ref = { prefix: 'ledger', name: `db${++names}` }
      await store.createDatabase(ref)
      return ref
    }
    const content = (digest: string, length = 1): Content => ({ digest, length })
    const object = () => `o${++names}`
    /** Sweeps everything there is; gives the names of what was removed. */
    async function swept(): Promise<readonly string[]> {
      const removed: string[] = []
      while ((await store.attachments.sweep(100, async (gone) => void removed.push(...gone))) > 0);
      return removed
    }
    async function put(ref: DatabaseRef, one: Content, forMs = hour): Promise<string> {
      const name = object()
      await store.attachments.lease(ref, name, hour)
      expect(await store.attachments.commit(ref, name, one, forMs)).toBe(true)
      return name
    }
    const named = (...contents: readonly Content[]) =>
      bodyOf({
        _attachments: Object.fromEntries(
          contents.map(({ digest, length }, n) => [
            `a${n}`,
            { stub: true, digest: `md5-${digest}`, length, revpos: 1 },
          ]),
        ),
      })
    async function write(ref: DatabaseRef, id: string, body: ReturnType<typeof bodyOf>, parent?: string) {
      const [gen, hash = ''] = parent?.split(' ') ?? []
      const rev = parent === undefined ? {} : { parent: { gen: Number(gen), hash } }
      const [outcome] = await store.write([{ ref, id, deleted: false, body, unknownParent: 'refuse', ...rev }])
      if (outcome?.kind !== 'ok') throw new Error(`not written: ${outcome?.kind}`)
      return `${outcome.rev.gen} ${outcome.rev.hash}`
    }

    test('a content is found when it is settled, in this database only', async () => {
      const [ref, elsewhere, name] = [await fresh(), await fresh(), object()]
      await store.attachments.lease(ref, name, hour)
      expect(await store.attachments.find(ref, content('a'))).toBeUndefined()
      expect(await store.attachments.commit(ref, name, content('a'), hour)).toBe(true)
      expect(await other.attachments.find(ref, content('a'))).toBe(name)
      expect(await store.attachments.find(ref, content('a', 2))).toBeUndefined()
      expect(await store.attachments.find(elsewhere, content('a'))).toBeUndefined()
      expect(await swept()).toEqual([])
    })

    test('of two with one content the first stays', async () => {
      const ref = await fresh()
      const first = await put(ref, content('b'))
      const second = await put(ref, content('b'))
      expect(await store.attachments.find(ref, content('b'))).toBe(first)
      expect(await swept()).toEqual([second])
    })

    test('many that commit one content at the same time leave one', async () => {
      const ref = await fresh()
      const objects = Array.from({ length: 12 }, object)
      await Promise.all(objects.map((name) => store.attachments.lease(ref, name, hour)))
      const settled = await Promise.all(
        objects.map((name, n) => (n % 2 ? store : other).attachments.commit(ref, name, content('c'), hour)),
      )
      expect(settled).toEqual(objects.map(() => true))
      const kept = await store.attachments.find(ref, content('c'))
      expect(objects).toContain(kept ?? '')
      expect((await swept()).toSorted()).toEqual(objects.filter((name) => name !== kept).toSorted())
    })

    test('an upload that nobody renewed is given up, and cannot be settled any more', async () => {
      const [ref, name, renewed] = [await fresh(), object(), object()]
      await store.attachments.lease(ref, name, past)
      await store.attachments.lease(ref, renewed, past)
      expect(await store.attachments.renew(ref, renewed, hour)).toBe(true)
      expect(await swept()).toEqual([name])
      expect(await store.attachments.renew(ref, name, hour)).toBe(false)
      expect(await store.attachments.commit(ref, name, content('d'), hour)).toBe(false)
      expect(await store.attachments.commit(ref, renewed, content('d'), hour)).toBe(true)
    })

    test('giving up is for uploads: what is settled stays', async () => {
      const [ref, name] = [await fresh(), object()]
      await store.attachments.lease(ref, name, hour)
      expect(await store.attachments.renew(ref, name, 0)).toBe(true)
      expect(await store.attachments.commit(ref, name, content('e'), hour)).toBe(false)
      expect(await swept()).toEqual([name])
      const kept = await put(ref, content('e'))
      expect(await store.attachments.renew(ref, kept, 0)).toBe(false)
      expect(await store.attachments.find(ref, content('e'))).toBe(kept)
    })

    test('what cannot be removed stays given up', async () => {
      const [ref, name] = [await fresh(), object()]
      await store.attachments.lease(ref, name, past)
      const failing = store.attachments.sweep(10, () => Promise.reject(new Error('no disk')))
      expect(failing).rejects.toThrow('no disk')
      await failing.catch(() => {})
      expect(await store.attachments.commit(ref, name, content('f'), hour)).toBe(false)
      expect(await swept()).toEqual([name])
    })

    test('no database', async () => {
      const ref = { prefix: 'ledger', name: 'never' }
      await expect(store.attachments.lease(ref, object(), hour)).rejects.toMatchObject({ code: 'no_database' })
      expect(await store.attachments.hold(ref, [content('g')], hour)).toEqual([false])
      expect(await store.attachments.find(ref, content('g'))).toBeUndefined()
    })

    test('compaction gives up what no body names and nobody has leased', async () => {
      const ref = await fresh()
      const [kept, replaced, leaf, conflict, leased, unused] = await Promise.all(
        ['kept', 'replaced', 'leaf', 'conflict', 'leased', 'unused'].map((digest) =>
          put(ref, content(digest), digest === 'leased' ? hour : past),
        ),
      )
      await write(ref, 'one', named(content('kept'), content('kept', 9)))
      const first = await write(ref, 'two', named(content('replaced')))
      await write(ref, 'two', named(content('leaf')), first)
      await store.replicate(ref, [{ id: 'two', gen: 1, path: ['0'], deleted: true, body: named(content('conflict')) }])
      // A member of that name elsewhere, and a text that only looks like one, name nothing.
      await write(ref, 'three', bodyOf({ a: { _attachments: { x: { digest: 'md5-unused', length: 1 } } } }))
      await write(ref, 'four', bodyOf({ a: '"_attachments":{"x":{"digest":"md5-unused","length":1}}\u0000' }))

      await store.compact(ref, { youngerThanMs: hour, perDocument: 5 })
      expect(await swept()).toEqual([unused ?? ''])
      await other.compact(ref)
      expect(await swept()).toEqual([replaced ?? ''])
      for (const [digest, name] of Object.entries({ kept, leaf, conflict, leased })) {
        expect(await store.attachments.find(ref, content(digest))).toBe(name ?? '')
      }
    })

    test('what is held again is not given up', async () => {
      const ref = await fresh()
      const [held, lost] = [await put(ref, content('held'), past), await put(ref, content('lost'), past)]
      expect(await other.attachments.hold(ref, [content('held'), content('none'), content('held')], hour)).toEqual([
        true,
        false,
        true,
      ])
      await store.compact(ref)
      expect(await swept()).toEqual([lost])
      expect(await store.attachments.find(ref, content('held'))).toBe(held)
      expect(await store.attachments.hold(ref, [content('lost')], hour)).toEqual([false])
    })

    test('many holds and compactions at once', async () => {
      const ref = await fresh()
      const all = Array.from({ length: 40 }, (_, n) => content(`many${n}`))
      for (const one of all) await put(ref, one, past)
      const shuffled = () => all.toSorted(() => Math.random() - 0.5).slice(0, 20)
      await Promise.all(
        Array.from({ length: 30 }, (_, n) =>
          n % 3 === 0 ? store.compact(ref) : (n % 2 ? store : other).attachments.hold(ref, shuffled(), past),
        ),
      )
      await swept()
    })

    test('dropping a database gives up everything of it', async () => {
      const ref = await fresh()
      const objects = [await put(ref, content('h')), await put(ref, content('i'))]
      const pending = object()
      await store.attachments.lease(ref, pending, hour)
      await store.dropDatabase(ref)
      const removed: string[] = []
      for (let turn = 0; removed.length < 3 && turn < 100; turn += 1) {
        await Bun.sleep(50)
        removed.push(...(await swept()))
      }
      expect(removed.toSorted()).toEqual([...objects, pending].toSorted())
      await store.createDatabase(ref)
      expect(await store.attachments.commit(ref, pending, content('h'), hour)).toBe(false)
      expect(await store.attachments.find(ref, content('h'))).toBeUndefined()
    })
  })
}
