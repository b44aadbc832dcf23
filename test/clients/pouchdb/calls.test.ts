/** PouchDB's own calls over its http adapter, on both faces. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { failure, type Pouch, type Written } from './pouch.ts'
import { faces, freshName, sharedRemote } from './remote.ts'

for (const face of faces) {
  describe(`calls on /${face}`, () => {
    let db: Pouch
    beforeAll(async () => {
      db = (await sharedRemote()).open(face, freshName())
    })

    test('put, get, update, remove', async () => {
      const made = await db.put({ _id: 'a/b é+%2F', n: 1, o: { '': [null, 1.5], constructor: 'x' } })
      expect(made).toMatchObject({ ok: true, id: 'a/b é+%2F' })
      expect(made.rev).toStartWith('1-')
      const doc = await db.get('a/b é+%2F')
      expect(doc).toMatchObject({ _id: 'a/b é+%2F', _rev: made.rev, n: 1, o: { '': [null, 1.5], constructor: 'x' } })
      const { _type, ...plain } = doc as typeof doc & { _type?: string }
      const changed = await db.put({ ...plain, n: 2 })
      expect(changed.rev).toStartWith('2-')
      expect(await db.get('a/b é+%2F', { rev: made.rev })).toMatchObject({ n: 1 })
      expect(await db.get('a/b é+%2F', { revs: true })).toMatchObject({
        _revisions: { start: 2, ids: [changed.rev.slice(2), made.rev.slice(2)] },
      })
      expect(await failure(db.put({ _id: 'a/b é+%2F', _rev: made.rev }))).toMatchObject({
        status: 409,
        name: 'conflict',
      })
      expect((await db.remove('a/b é+%2F', changed.rev)).rev).toStartWith('3-')
      expect(await failure(db.get('a/b é+%2F'))).toMatchObject({ status: 404, name: 'not_found', reason: 'deleted' })
      expect(await failure(db.get('never'))).toMatchObject({ status: 404, name: 'not_found', reason: 'missing' })
      expect((await db.put({ _id: 'a/b é+%2F', n: 4 })).rev).toStartWith('4-')
    })

    test('a first put onto what is there', async () => {
      await db.put({ _id: 'taken' })
      // /data answers it with 400, where PouchDB expects 409.
      expect(await failure(db.put({ _id: 'taken' }))).toMatchObject({ status: face === 'data' ? 400 : 409 })
    })

    test('post makes an id', async () => {
      const { id } = await db.post({ n: 'posted' })
      expect(await db.get(id)).toMatchObject({ n: 'posted' })
    })

    test('bulkDocs and allDocs', async () => {
      const made = (await db.bulkDocs(['x1', 'x2', 'x3'].map((_id, n) => ({ _id, n })))) as Written[]
      expect(made.map(({ ok, id }) => [ok, id])).toEqual([
        [true, 'x1'],
        [true, 'x2'],
        [true, 'x3'],
      ])
      const [first] = made
      const again = await db.bulkDocs([
        { _id: 'x1', _rev: first?.rev ?? '', n: 9 },
        { _id: 'x2', n: 9 },
      ])
      expect(again).toMatchObject([{ ok: true }, { error: 'conflict', status: 409, name: 'conflict', id: 'x2' }])
      const range = await db.allDocs({ startkey: 'x1', endkey: 'x3', inclusive_end: false, include_docs: true })
      expect(range.rows.map(({ doc }) => [doc?._id, doc?.['n']])).toEqual([
        ['x1', 9],
        ['x2', 1],
      ])
      const down = await db.allDocs({ descending: true, startkey: 'x3', limit: 2, skip: 1 })
      expect(down.rows.map(({ id }) => id)).toEqual(['x2', 'x1'])
      const keys = await db.allDocs({ keys: ['x3', 'none', 'x1'] })
      expect(keys.rows.map(({ id, error }) => error ?? id)).toEqual(['x3', 'not_found', 'x1'])
      expect((await db.allDocs({ key: 'x2' })).rows).toHaveLength(1)
    })

    test('createIndex, find, explain, getIndexes, deleteIndex', async () => {
      await db.bulkDocs(Array.from({ length: 30 }, (_, n) => ({ _id: `f${n}`, kind: 'f', rank: n % 10, n })))
      const index = { index: { fields: ['kind', 'rank'], ddoc: 'by-rank', name: 'ranks' } }
      expect(await db.createIndex(index)).toMatchObject({ result: 'created' })
      expect(await db.createIndex(index)).toMatchObject({ result: 'exists' })
      const query = { selector: { kind: 'f', rank: { $gte: 8 } }, sort: ['kind', 'rank'], fields: ['_id', 'rank'] }
      expect((await db.find(query)).docs as readonly object[]).toEqual([
        { _id: 'f18', rank: 8 },
        { _id: 'f28', rank: 8 },
        { _id: 'f8', rank: 8 },
        { _id: 'f19', rank: 9 },
        { _id: 'f29', rank: 9 },
        { _id: 'f9', rank: 9 },
      ])
      expect((await db.explain(query)).index.name).toBe('ranks')
      expect((await db.getIndexes()).indexes.map(({ name }) => name)).toEqual(['_all_docs', 'ranks'])
      await db.deleteIndex({ ddoc: '_design/by-rank', name: 'ranks' })
      expect((await db.getIndexes()).indexes).toHaveLength(1)
      if (face === 'couchdb') expect((await db.find({ selector: { n: 3 } })).warning).toContain('matching index')
      else expect(await failure(db.find({ selector: { n: 3 } }))).toMatchObject({ status: 400, error: 'no_index' })
    })

    test('conflicts are told and resolved', async () => {
      const branch = (hash: string, n: number) => ({
        _id: 'c',
        _rev: `2-${hash}`,
        _revisions: { start: 2, ids: [hash, 'r'] },
        n,
      })
      expect(await db.bulkDocs([branch('a', 1), branch('b', 2)], { new_edits: false })).toEqual([])
      expect(await db.get('c', { conflicts: true })).toMatchObject({ _rev: '2-b', n: 2, _conflicts: ['2-a'] })
      const leaves = await db.get('c', { open_revs: 'all' })
      expect(leaves.map(({ ok }) => ok._rev).sort()).toEqual(['2-a', '2-b'])
      expect(await db.revsDiff({ c: ['2-a', '3-x'], d: ['1-y'] })).toMatchObject({
        c: { missing: ['3-x'] },
        d: { missing: ['1-y'] },
      })
      await db.remove('c', '2-b')
      expect(await db.get('c', { conflicts: true })).toMatchObject({ _rev: '2-a', n: 1 })
      expect((await db.get('c', { conflicts: true }))._conflicts).toBeUndefined()
    })

    test('bulkGet', async () => {
      const { rev } = await db.put({ _id: 'g', n: 1 })
      const { results } = await db.bulkGet({ docs: [{ id: 'g', rev }, { id: 'nope' }, { id: 'g', rev: '5-x' }] })
      expect(results).toMatchObject([
        { id: 'g', docs: [{ ok: { _id: 'g', _rev: rev, n: 1 } }] },
        { id: 'nope', docs: [{ error: { error: 'not_found' } }] },
        { id: 'g', docs: [{ error: { rev: '5-x', error: 'not_found' } }] },
      ])
    })

    test('_local documents', async () => {
      expect(await failure(db.get('_local/x'))).toMatchObject({ status: 404 })
      await db.put({ _id: '_local/x', n: 1 })
      const found = await db.get('_local/x')
      expect(found).toMatchObject({ _id: '_local/x', _rev: '0-1', n: 1 })
      expect(await db.put({ ...found, n: 2 })).toMatchObject({ rev: '0-2' })
      // CouchDB looks at no revision here.
      expect(await db.put({ ...found, n: 3 })).toMatchObject({ rev: '0-2' })
      await db.remove('_local/x', '0-2')
      expect(await failure(db.get('_local/x'))).toMatchObject({ status: 404 })
    })

    test('info and destroy', async () => {
      const { doc_count, db_name, update_seq } = await db.info()
      expect(doc_count).toBeGreaterThan(30)
      expect(db_name).toStartWith('test.pouch')
      expect(String(update_seq)).toMatch(/^\d+-/)
      await db.destroy()
    })
  })
}
