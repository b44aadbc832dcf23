/** What every `FileStore` guarantees (storage/files/contract.ts). */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { makeBody } from '../../src/model/body.ts'
import { Problem } from '../../src/model/errors.ts'
import type { JsonObject } from '../../src/model/json/value.ts'
import type { DocumentStore, RevisionId } from '../../storage/documents/contract.ts'
import { type FileEdit, type FileStore, filesDoctype, versionsDoctype } from '../../storage/files/contract.ts'

type Store = DocumentStore & { readonly files: FileStore }

let tenants = 0
/** A tenant of its own for a test. */
const newTenant = () => `tenant${++tenants}`

function body(value: JsonObject) {
  return makeBody(undefined, value, JSON.stringify(value), 1_000_000)
}

function edit(id: string, value: JsonObject | undefined, parent?: RevisionId): FileEdit {
  return { doctype: filesDoctype, id, body: value && body(value), parent }
}

const directory = (id: string, dirId: string, name: string, path: string) =>
  edit(id, { type: 'directory', dir_id: dirId, name, path })
const file = (id: string, dirId: string, name: string, size = 1, more: JsonObject = {}) =>
  edit(id, { type: 'file', dir_id: dirId, name, size: String(size), ...more })

export interface FilesUnderTest {
  readonly open: () => Promise<Store>
  /** Runs `work` while a backup holds its snapshot. */
  readonly duringBackup: <T>(work: () => Promise<T>) => Promise<T>
}

export function fileStoreSuite(name: string, { open, duringBackup }: FilesUnderTest): void {
  describe(`files on ${name}`, () => {
    let store: Store
    let other: Store
    beforeAll(async () => {
      store = await open()
      other = await open()
    }, 60_000)
    afterAll(async () => {
      await store.close()
      await other.close()
    })

    /** `/a` with `b` (directory), `x`, and `/a/b` with `y` and `z`; sizes 1, 10, 100. */
    async function smallTree() {
      const prefix = newTenant()
      await store.files.change(prefix, (tx) =>
        tx.write([
          directory('root', '', '', '/'),
          directory('a', 'root', 'a', '/a'),
          directory('b', 'a', 'b', '/a/b'),
          file('x', 'a', 'x', 1),
          file('y', 'b', 'y', 10),
          file('z', 'b', 'z', 100),
        ]),
      )
      return { prefix, tree: store.files.tree(prefix) }
    }
    const ids = (documents: readonly { readonly id: string }[]) => documents.map(({ id }) => id)

    test('a tenant without files has nothing, and no databases before its first change', async () => {
      const prefix = newTenant()
      const tree = store.files.tree(prefix)
      expect(await store.files.exists(prefix)).toBe(false)
      expect(await tree.byIds(['a'])).toEqual([])
      expect(await tree.byPath('/')).toEqual([])
      expect(await tree.children('a', { limit: 10 })).toEqual([])
      expect(await tree.usage()).toEqual({ files: 0, versions: 0 })
      const seen: boolean[] = []
      await store.files.change(prefix, async (tx) => seen.push(tx.isNew))
      await store.files.change(prefix, async (tx) => seen.push(tx.isNew))
      expect(seen).toEqual([true, false])
      expect(await store.files.exists(prefix)).toBe(true)
      expect(await store.listDatabases(prefix)).toEqual([filesDoctype, versionsDoctype])
    })

    test('reads by name, path, place and depth', async () => {
      const { tree } = await smallTree()
      expect(ids(await tree.byName('a', 'x'))).toEqual(['x'])
      expect(await tree.byName('a', 'y')).toEqual([])
      expect(ids(await tree.byPath('/a/b'))).toEqual(['b'])
      expect(ids(await tree.byIds(['z', 'nobody', 'a'])).sort()).toEqual(['a', 'z'])
      expect(await tree.ancestors('z')).toEqual(['b', 'a', 'root'])
      expect(await tree.ancestors('root')).toEqual([])
      expect(ids(await tree.descendants('a', { limit: 10 }))).toEqual(['b', 'x', 'y', 'z'])
      expect(ids(await tree.descendants('a', { limit: 10, kind: 'file' }))).toEqual(['x', 'y', 'z'])
      expect(ids(await tree.descendants('root', { limit: 2, after: 'b' }))).toEqual(['x', 'y'])
      expect(await tree.sizeBelow('root')).toBe(111)
      expect(await tree.sizeBelow('b')).toBe(110)
      expect(await tree.usage()).toEqual({ files: 111, versions: 0 })
    })

    test('text that no database holds is found nowhere', async () => {
      const { tree } = await smallTree()
      expect(await tree.byName('a', 'x\u0000')).toEqual([])
      expect(await tree.byPath('/\u0000')).toEqual([])
      expect(await tree.byIds(['\u0000'])).toEqual([])
      expect(await tree.ancestors('\u0000')).toEqual([])
    })

    test('children: directories first, names as people sort, pages without gaps or repetitions', async () => {
      const prefix = newTenant()
      const names = ['b', 'a', 'B', 'é', 'e', 'f', '10', '9', '\u{1f600}', 'e\u0301']
      await store.files.change(prefix, (tx) =>
        tx.write([
          directory('d', '', 'd', '/d'),
          ...names.map((one, at) => file(`f${at}`, 'd', one)),
          directory('s2', 'd', 'zz', '/d/zz'),
          directory('s1', 'd', 'aa', '/d/aa'),
        ]),
      )
      const tree = store.files.tree(prefix)
      const whole = await tree.children('d', { limit: 100 })
      expect(ids(whole).slice(0, 2)).toEqual(['s1', 's2'])
      const shown = whole.slice(2).map(({ text }) => JSON.parse(text).name)
      expect(shown.filter((one) => /^[a-zB]$/.test(one))).toEqual(['a', 'b', 'B', 'e', 'f'])
      expect(new Set(shown)).toEqual(new Set(names))
      for (const limit of [1, 3, 5]) {
        const found: string[] = []
        let after: Parameters<typeof tree.children>[1]['after']
        for (;;) {
          const page = await tree.children('d', { limit, after })
          found.push(...ids(page))
          const last = page.at(-1)
          if (!last || page.length < limit) break
          const { type, name: lastName } = JSON.parse(last.text)
          after = { kind: type, name: lastName, id: last.id }
        }
        expect(found).toEqual(ids(whole))
      }
      expect(ids(await tree.children('d', { limit: 2, skip: 1, except: 's1' }))).toEqual(ids(whole).slice(2, 4))
      expect(await tree.countChildren('d')).toBe(12)
      expect(await tree.countChildren('d', 's1')).toBe(11)
      // Two spellings of one letter are two names.
      expect(ids(await tree.byName('d', 'é'))).toEqual(['f3'])
      expect(ids(await tree.byName('d', 'e\u0301'))).toEqual(['f9'])
    })

    test('the tree follows every change of a document, also those that come by other ways', async () => {
      const { prefix, tree } = await smallTree()
      const [y] = await tree.byIds(['y'])
      await store.files.change(prefix, (tx) => tx.write([{ ...file('y', 'a', 'why', 20), parent: y }]))
      expect(await tree.byName('b', 'y')).toEqual([])
      expect(ids(await tree.byName('a', 'why'))).toEqual(['y'])
      expect(await tree.usage()).toEqual({ files: 121, versions: 0 })
      const [now] = await tree.byIds(['y'])
      await store.files.change(prefix, (tx) => tx.write([edit('y', undefined, now)]))
      expect(await tree.byName('a', 'why')).toEqual([])
      expect(await tree.usage()).toEqual({ files: 101, versions: 0 })
      const given = { type: 'file', dir_id: 'b', name: 'strange', size: 'many' }
      await store.write([
        { ref: { prefix, name: filesDoctype }, id: 'q', deleted: false, body: body(given), unknownParent: 'accept' },
      ])
      expect(ids(await tree.byName('b', 'strange'))).toEqual(['q'])
      // The same members in another doctype are nobody's file.
      await store.createDatabase({ prefix, name: 'org.example' })
      await store.write([
        { ref: { prefix, name: 'org.example' }, id: 'q2', deleted: false, body: body(given), unknownParent: 'accept' },
      ])
      expect(ids(await tree.children('b', { limit: 10 }))).toEqual(['q', 'z'])
    })

    test('a cycle ends every walk', async () => {
      const prefix = newTenant()
      await store.files.change(prefix, (tx) =>
        tx.write([directory('a', 'b', 'a', '/b/a'), directory('b', 'a', 'b', '/a/b'), file('f', 'a', 'f', 7)]),
      )
      const tree = store.files.tree(prefix)
      expect(await tree.ancestors('f')).toEqual(['a', 'b'])
      expect(ids(await tree.descendants('a', { limit: 10 }))).toEqual(['b', 'f'])
      expect(await tree.sizeBelow('a')).toBe(7)
    })

    test('what a change throws undoes all it wrote; a stale revision is a conflict', async () => {
      const { prefix, tree } = await smallTree()
      const [x] = await tree.byIds(['x'])
      const failing = store.files.change(prefix, async (tx) => {
        await tx.write([file('new', 'a', 'new')])
        expect(await tx.byName('a', 'new')).toHaveLength(1)
        throw new Problem('conflict', 'no')
      })
      await expect(failing).rejects.toThrow('no')
      expect(await tree.byName('a', 'new')).toEqual([])
      await store.files.change(prefix, (tx) => tx.write([{ ...file('x', 'a', 'x', 2), parent: x }]))
      await expect(
        store.files.change(prefix, (tx) => tx.write([{ ...file('x', 'a', 'x', 3), parent: x }, file('n2', 'a', 'n2')])),
      ).rejects.toThrow('conflict')
      expect(await tree.byName('a', 'n2')).toEqual([])
      expect(await tree.usage()).toEqual({ files: 112, versions: 0 })
    })

    test('a name is given once, whoever asks in whichever process', async () => {
      const { prefix, tree } = await smallTree()
      const claim = (at: number) =>
        (at % 2 === 0 ? store : other).files.change(prefix, async (tx) => {
          const name = `name${at % 10}`
          if ((await tx.byName('a', name)).length > 0) throw new Problem('conflict', 'taken')
          await tx.write([file(`claim${at}`, 'a', name)])
        })
      const results = await Promise.allSettled(Array.from({ length: 100 }, (_, at) => claim(at)))
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10)
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []))
      expect(new Set(refused)).toEqual(new Set(['Problem: conflict: taken']))
      for (let n = 0; n < 10; n += 1) expect(await tree.byName('a', `name${n}`)).toHaveLength(1)
      expect(await tree.usage()).toEqual({ files: 121, versions: 0 })
    })

    test('one that fails does not undo those it shared a commit with', async () => {
      const { prefix, tree } = await smallTree()
      const results = await Promise.allSettled(
        Array.from({ length: 20 }, (_, at) =>
          store.files.change(prefix, async (tx) => {
            await tx.write([file(`s${at}`, 'a', `s${at}`)])
            if (at % 5 === 0) throw new Error('mine')
          }),
        ),
      )
      expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(4)
      expect(ids(await tree.children('a', { limit: 100 }))).toHaveLength(2 + 16)
    })

    test('the first of several makes what a tenant begins with, once', async () => {
      const prefix = newTenant()
      const begin = (at: number) =>
        (at % 2 === 0 ? store : other).files.change(prefix, async (tx) => {
          if (tx.isNew) await tx.write([directory('root', '', '', '/')])
          await tx.write([file(`b${at}`, 'root', `b${at}`)])
        })
      await Promise.all(Array.from({ length: 12 }, (_, at) => begin(at)))
      expect(await store.files.tree(prefix).countChildren('root')).toBe(12)
    })

    test('versions: of one file, newest first, counted apart', async () => {
      const { prefix, tree } = await smallTree()
      const version = (id: string, size: number, at: string): FileEdit => ({
        doctype: versionsDoctype,
        id,
        body: body({ size: String(size), updated_at: at }),
      })
      await store.files.change(prefix, (tx) =>
        tx.write([
          version('x/1', 5, '2020-01-01T00:00:00Z'),
          version('x/2', 6, '2021-01-01T00:00:00Z'),
          version('xx/1', 7, '2022-01-01T00:00:00Z'),
        ]),
      )
      expect(ids(await tree.versions('x'))).toEqual(['x/2', 'x/1'])
      expect(await tree.usage()).toEqual({ files: 111, versions: 18 })
    })

    test('references: by id and by date, both ways, in pages', async () => {
      const prefix = newTenant()
      const used = (id: string, at: string, refs: readonly string[]) =>
        file(id, 'root', id, 1, {
          created_at: at,
          referenced_by: refs.map((ref) => ({ type: 'io.cozy.photos.albums', id: ref })),
        })
      await store.files.change(prefix, (tx) =>
        tx.write([
          directory('root', '', '', '/'),
          used('a', '2023-01-01T00:00:00Z', ['album', 'album']),
          used('b', '2021-01-01T00:00:00Z', ['album', 'second']),
          used('c', '2022-01-01T00:00:00Z', ['album']),
        ]),
      )
      const tree = store.files.tree(prefix)
      const page = { type: 'io.cozy.photos.albums', id: 'album', limit: 10 }
      const sorts = { id: 'abc', '-id': 'cba', datetime: 'bca', '-datetime': 'acb' } as const
      for (const [sort, order] of Object.entries(sorts) as [keyof typeof sorts, string][]) {
        const whole = await tree.references({ ...page, sort })
        expect(ids(whole).join('')).toBe(order)
        const [first] = whole
        const rest = await tree.references({ ...page, sort, after: first && { at: first.at, id: first.id } })
        expect(ids(rest).join('')).toBe(order.slice(1))
      }
      expect(await tree.countReferences('io.cozy.photos.albums', 'album')).toBe(3)
      expect(ids(await tree.references({ ...page, id: 'second', sort: 'id' }))).toEqual(['b'])
      const [b] = await tree.byIds(['b'])
      await store.files.change(prefix, (tx) => tx.write([{ ...used('b', '2021-01-01T00:00:00Z', []), parent: b }]))
      expect(await tree.countReferences('io.cozy.photos.albums', 'album')).toBe(2)
    })

    test('a directory with 10,000 files below is found and rewritten whole in seconds', async () => {
      const prefix = newTenant()
      const many = Array.from({ length: 10_000 }, (_, at) => file(`m${at}`, `d${at % 100}`, `m${at}`, 2))
      await store.files.change(prefix, async (tx) => {
        await tx.write([directory('root', '', '', '/')])
        await tx.write(Array.from({ length: 100 }, (_, at) => directory(`d${at}`, 'root', `d${at}`, `/d${at}`)))
        await tx.write(many)
      })
      const began = performance.now()
      await store.files.change(prefix, async (tx) => {
        const found = await tx.descendants('root', { kind: 'file', limit: 20_000 })
        expect(found).toHaveLength(10_000)
        await tx.write(found.map((one) => edit(one.id, { ...JSON.parse(one.text), trashed: true }, one)))
      })
      expect(performance.now() - began).toBeLessThan(15_000)
      expect(await store.files.tree(prefix).sizeBelow('root')).toBe(20_000)
    }, 60_000)

    describe('ledger', () => {
      test('what was leased is due after its time; what was kept is never', async () => {
        const prefix = newTenant()
        const names = ['one', 'two', 'three'].map((one) => `${prefix}/${one}`)
        const [one = '', two = '', three = ''] = names
        await store.files.ledger.lease([one, two], 0)
        await store.files.ledger.lease([three], 60_000)
        expect(await store.files.ledger.entered([...names, 'nobody'])).toEqual(new Set(names))
        await store.files.change(prefix, (tx) => tx.keep([one]))
        const removed: string[] = []
        const remove = async (objects: readonly string[]) => void removed.push(...objects)
        expect(await store.files.ledger.sweep({ limit: 10, objects: names }, remove)).toBe(1)
        expect(removed).toEqual([two])
        // A kept object is out of reach for good: prolonging does not enter it again.
        await store.files.ledger.renew([one, three], 0)
        expect(await store.files.ledger.entered(names)).toEqual(new Set([three]))
        expect(await store.files.ledger.sweep({ limit: 10, objects: names }, remove)).toBe(1)
        expect(removed).toEqual([two, three])
      })

      test('an object that is being deleted cannot be kept, and a failed deletion is due again', async () => {
        const prefix = newTenant()
        const name = `${prefix}/object`
        await store.files.ledger.lease([name], 0)
        const kept: unknown[] = []
        await store.files.ledger.sweep({ limit: 1, objects: [name] }, async () => {
          kept.push(await other.files.change(prefix, (tx) => tx.keep([name])).catch((error: unknown) => error))
        })
        expect(String(kept[0])).toContain('was discarded')
        await store.files.ledger.lease([name], 0)
        const failing = store.files.ledger.sweep({ limit: 1, objects: [name] }, async () => {
          throw new Error('store is down')
        })
        await expect(failing).rejects.toThrow('store is down')
        expect(await store.files.ledger.entered([name])).toEqual(new Set([name]))
      })

      test('a change that fails discards and keeps nothing', async () => {
        const prefix = newTenant()
        const name = `${prefix}/object`
        await store.files.ledger.lease([name], 60_000)
        const failing = store.files.change(prefix, async (tx) => {
          await tx.keep([name])
          await tx.discard([`${prefix}/other`])
          throw new Error('no')
        })
        await expect(failing).rejects.toThrow('no')
        expect(await store.files.ledger.entered([name, `${prefix}/other`])).toEqual(new Set([name]))
      })

      test('two sweepers never take the same', async () => {
        const prefix = newTenant()
        const names = Array.from({ length: 50 }, (_, at) => `${prefix}/${at}`)
        await store.files.ledger.lease(names, 0)
        const removed: string[] = []
        const sweep = (one: Store) =>
          one.files.ledger.sweep({ limit: 30, objects: names }, async (objects) => void removed.push(...objects))
        await Promise.all([sweep(store), sweep(other), sweep(store), sweep(other)])
        expect(removed.sort()).toEqual([...names].sort())
      })

      test('nothing is deleted while a backup is being written', async () => {
        const name = `${newTenant()}/object`
        await store.files.ledger.lease([name], 0)
        const sweep = () => other.files.ledger.sweep({ limit: 1, objects: [name] }, async () => {})
        expect(await duringBackup(sweep)).toBe(0)
        expect(await sweep()).toBe(1)
      })

      test('a tenant that is dropped leaves its objects as rubbish', async () => {
        const { prefix } = await smallTree()
        await store.dropPrefix(prefix)
        expect(await store.files.ledger.entered([`cozy-v3-${prefix}/`])).toEqual(new Set([`cozy-v3-${prefix}/`]))
        expect(await store.files.tree(prefix).byIds(['a'])).toEqual([])
      })
    })

    test('a secret gives its value to its tenant and kind, until its time is over', async () => {
      const prefix = newTenant()
      const secret = await store.files.secrets.put(prefix, 'download', 'the value', 60_000)
      expect(secret).toMatch(/^[A-Za-z0-9]{32}$/)
      expect(await other.files.secrets.get(prefix, 'download', secret)).toBe('the value')
      expect(await other.files.secrets.get(prefix, 'archive', secret)).toBeUndefined()
      expect(await other.files.secrets.get(newTenant(), 'download', secret)).toBeUndefined()
      const short = await store.files.secrets.put(prefix, 'download', 'gone', 0)
      expect(await store.files.secrets.get(prefix, 'download', short)).toBeUndefined()
      expect(await store.files.secrets.get(prefix, 'download', '\u0000')).toBeUndefined()
    })

    test('followers of the documents are told of a change of files', async () => {
      const prefix = newTenant()
      await store.files.change(prefix, async () => {})
      const told = new Promise<void>((resolve) => {
        other.watch({ prefix, name: filesDoctype }, resolve)
      })
      await store.files.change(prefix, (tx) => tx.write([directory('root', '', '', '/')]))
      await told
      const feed = await other.changes({ prefix, name: filesDoctype }, { descending: false, limit: 10, bodies: true })
      expect(feed?.rows.map(({ id }) => id)).toEqual(['root'])
    })
  })
}
