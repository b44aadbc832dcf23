/** PouchDB's replication, unmodified, to and from both faces: once, both ways, live, in part, and after conflicts. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { contents, type Doc, eventually, failure, openLocal, type Pouch, type Written } from './pouch.ts'
import { type FaceName, faces, freshName, type Remote, sharedRemote } from './remote.ts'

const docs = (count: number, more: object = {}): Doc[] =>
  Array.from({ length: count }, (_, n) => ({ _id: `d${String(n).padStart(5, '0')}`, n, ...more }))

/** Documents of every kind: changed, deleted, made again, with conflicts alive and dead, and odd names. */
async function fill(db: Pouch): Promise<void> {
  const made = (await db.bulkDocs(docs(130))) as readonly Written[]
  const revs = made.map(({ id, rev }, n) => ({ _id: id, _rev: rev, n }))
  const changed = (await db.bulkDocs(revs.slice(0, 60).map((doc) => ({ ...doc, second: true })))) as readonly Written[]
  await db.bulkDocs(changed.slice(0, 20).map(({ id, rev }) => ({ _id: id, _rev: rev, _deleted: true })))
  await db.bulkDocs(docs(5, { again: true }))
  const branch = (id: string, path: readonly string[], more: object = {}): Doc => ({
    ...{ _id: id, _rev: `${path.length}-${path[0]}`, _revisions: { start: path.length, ids: path }, leaf: path[0] },
    ...more,
  })
  const forks = [
    branch('fork', ['b1', 'r1']),
    branch('fork', ['c2', 'c1', 'r1']),
    branch('fork', ['d1', 'r1'], { _deleted: true }),
    branch('gone', ['e1', 'r1'], { _deleted: true }),
    branch('gone', ['f1', 'r1'], { _deleted: true }),
  ]
  await db.bulkDocs(forks, { new_edits: false })
  await db.bulkDocs(
    ['a/b', 'é', '+ %2F', '日本', '😀'].map((_id) => ({ _id, text: '\u2028"\\', deep: { '': [null, { $x: 1.5 }] } })),
  )
  await db.put({ _id: '_design/plain', language: 'query', views: {} })
}

for (const face of faces) {
  describe(`replication with /${face}`, () => {
    let remote: Remote
    const open = (name = freshName()) => remote.open(face, name)
    beforeAll(async () => {
      remote = await sharedRemote()
    })

    test('there and back again, to the last leaf', async () => {
      const [local, server, copy] = [openLocal(), open(), openLocal()]
      await fill(local)
      const push = await local.replicate.to(server)
      expect(push).toMatchObject({ ok: true, doc_write_failures: 0, errors: [] })
      const pull = await copy.replicate.from(server)
      expect(pull).toMatchObject({ ok: true, doc_write_failures: 0, docs_written: push.docs_written })
      const expected = await contents(local)
      expect(await contents(server)).toEqual(expected)
      expect(await contents(copy)).toEqual(expected)
      expect((await server.info()).doc_count).toBe((await local.info()).doc_count)
    })

    test('what was copied is not copied again', async () => {
      const [local, server] = [openLocal(), open()]
      await local.bulkDocs(docs(50))
      expect(await local.replicate.to(server)).toMatchObject({ docs_read: 50, docs_written: 50 })
      expect(await local.replicate.to(server)).toMatchObject({ docs_read: 0, docs_written: 0 })
      await server.put({ _id: 'new' })
      // The first pull compares all, the next ones start from a checkpoint.
      expect(await local.replicate.from(server)).toMatchObject({ docs_written: 1 })
      await server.put({ _id: 'newer' })
      expect(await local.replicate.from(server)).toMatchObject({ docs_read: 1, docs_written: 1 })
      expect(await contents(local)).toEqual(await contents(server))
    })

    test('both ways at once', async () => {
      const [local, server] = [openLocal(), open()]
      await fill(local)
      await server.bulkDocs(docs(40).map((doc) => ({ ...doc, _id: `server-${doc._id}` })))
      const { push, pull } = await local.sync(server)
      expect([push.doc_write_failures, pull.doc_write_failures]).toEqual([0, 0])
      expect(pull.docs_written).toBeGreaterThanOrEqual(40)
      expect(await contents(local)).toEqual(await contents(server))
    })

    test('by ids', async () => {
      const [local, server] = [openLocal(), open()]
      await server.bulkDocs(docs(60))
      const doc_ids = ['d00003', 'd00050', 'none']
      expect(await local.replicate.from(server, { doc_ids })).toMatchObject({ docs_written: 2 })
      expect((await local.allDocs()).rows.map(({ id }) => id)).toEqual(['d00003', 'd00050'])
      await server.put({ ...(await plain(server, 'd00050')), n: -1 })
      await server.put({ ...(await plain(server, 'd00051')), n: -1 })
      expect(await local.replicate.from(server, { doc_ids })).toMatchObject({ docs_written: 1 })
      expect(await local.get('d00050')).toMatchObject({ n: -1 })
    })

    test('by selector', async () => {
      const [local, server] = [openLocal(), open()]
      await server.bulkDocs(docs(60))
      const selector = { n: { $gte: 50 } }
      expect(await local.replicate.from(server, { selector, batch_size: 7 })).toMatchObject({ docs_written: 10 })
      expect((await local.allDocs()).rows.map(({ id }) => id)).toEqual(
        docs(60)
          .slice(50)
          .map(({ _id }) => _id),
      )
      expect(await local.replicate.from(server, { selector, batch_size: 7 })).toMatchObject({ docs_written: 0 })
    })

    test('by a function of the client', async () => {
      const [local, server] = [openLocal(), open()]
      await server.bulkDocs(docs(60))
      const filter = ({ n }: Readonly<Record<string, unknown>>) => Number(n) % 20 === 0
      expect(await local.replicate.from(server, { filter })).toMatchObject({ docs_written: 3 })
    })

    test('in small batches', async () => {
      const [local, server] = [openLocal(), open()]
      await server.bulkDocs(docs(95))
      expect(await local.replicate.from(server, { batch_size: 10 })).toMatchObject({ docs_read: 95, docs_written: 95 })
      expect(await contents(local)).toEqual(await contents(server))
    })

    test('live, both ways, between two clients', async () => {
      const name = freshName()
      const [ann, ben] = [openLocal(), openLocal()]
      const live = { live: true, retry: true }
      const syncs = [ann.sync(open(name), live), ben.sync(open(name), live)]
      try {
        await ann.put({ _id: 'a', n: 1 })
        await eventually(async () => expect(await ben.get('a')).toMatchObject({ n: 1 }))
        await ben.put({ ...(await ben.get('a')), n: 2 })
        await eventually(async () => expect(await ann.get('a')).toMatchObject({ n: 2 }))
        await open(name).put({ _id: 'direct' })
        await eventually(async () => expect((await ann.info()).doc_count).toBe(2))
        await eventually(async () => expect((await ben.info()).doc_count).toBe(2))
        await Promise.all([
          ann.bulkDocs(docs(40)),
          ben.bulkDocs(docs(40).map((doc) => ({ ...doc, _id: `b${doc._id}` }))),
          ben.remove(await ben.get('a')),
        ])
        await eventually(async () => {
          const expected = await contents(open(name))
          expect(expected.length).toBeGreaterThan(160)
          expect(await contents(ann)).toEqual(expected)
          expect(await contents(ben)).toEqual(expected)
        })
      } finally {
        for (const sync of syncs) sync.cancel()
      }
      await Promise.all(syncs)
    })

    test('conflicts are the same everywhere, and so is their end', async () => {
      const [ann, ben, server] = [openLocal(), openLocal(), open()]
      await ann.put({ _id: 'a', n: 0 })
      const everybody = async () => {
        for (let round = 0; round < 2; round += 1) for (const one of [ann, ben]) await one.sync(server)
      }
      await everybody()
      for (const [at, db] of [ann, ben, server].entries()) {
        const doc = await plain(db, 'a')
        await db.put({ ...doc, n: at + 1, by: at })
        if (db === ben) await db.put({ ...(await plain(db, 'a')), more: true })
      }
      await everybody()
      const seen = await Promise.all([ann, ben, server].map((db) => db.get('a', { conflicts: true })))
      const [first] = seen
      expect(first).toMatchObject({ by: 1, more: true })
      expect(first?._conflicts).toHaveLength(2)
      for (const doc of seen) {
        expect<unknown>([doc._rev, [...(doc._conflicts ?? [])].sort()]).toEqual([
          first?._rev,
          [...(first?._conflicts ?? [])].sort(),
        ])
      }
      expect(await contents(ann)).toEqual(await contents(ben))
      for (const rev of first?._conflicts ?? []) await ann.remove('a', rev)
      await everybody()
      for (const db of [ann, ben, server]) {
        const doc = await db.get('a', { conflicts: true })
        expect([doc._rev, doc._conflicts]).toEqual([first?._rev ?? '', undefined])
      }
      expect(await contents(ann)).toEqual(await contents(server))
      expect(await contents(ben)).toEqual(await contents(server))
    })

    test('a deletion on one side and an update on the other', async () => {
      const [ann, ben, server] = [openLocal(), openLocal(), open()]
      await ann.put({ _id: 'a', n: 0 })
      await ann.sync(server)
      await ben.sync(server)
      await ann.remove(await ann.get('a'))
      await ben.put({ ...(await ben.get('a')), n: 1 })
      for (const one of [ann, ben, ann, ben]) await one.sync(server)
      for (const db of [ann, ben, server]) expect(await db.get('a')).toMatchObject({ n: 1 })
      expect(await contents(ann)).toEqual(await contents(server))
      expect(await contents(ben)).toEqual(await contents(server))
    })

    test('old histories are copied after compaction too', async () => {
      const [local, server] = [openLocal(), open()]
      let rev: string | undefined
      for (let n = 0; n < 30; n += 1) rev = (await server.put({ _id: 'a', ...(rev ? { _rev: rev } : {}), n })).rev
      await compact(remote, face, server)
      await local.replicate.from(server)
      const copied = await local.get('a', { revs: true })
      expect(copied).toMatchObject({ _rev: rev ?? '', n: 29, _revisions: { start: 30 } })
      expect(copied._revisions?.ids).toHaveLength(30)
      await local.put({ ...(await local.get('a')), n: 30 })
      expect(await local.replicate.to(server)).toMatchObject({ docs_written: 1, doc_write_failures: 0 })
      expect((await server.get('a', { conflicts: true }))._conflicts).toBeUndefined()
    })

    test('a database made anew is copied from its start', async () => {
      const name = freshName()
      const [local, server] = [openLocal(), open(name)]
      await server.bulkDocs(docs(10))
      await local.replicate.from(server)
      await server.destroy()
      const again = open(name)
      await again.bulkDocs(docs(12, { second: 1 }))
      expect(await local.replicate.from(again)).toMatchObject({ docs_written: 12 })
      expect(await local.get('d00011')).toMatchObject({ second: 1 })
    })

    test('a token that may only read pulls', async () => {
      const name = freshName()
      await open(name).bulkDocs(docs(15))
      const reader = await remote.reader(face, name)
      const local = openLocal()
      expect(await local.replicate.from(reader)).toMatchObject({ docs_written: 15 })
      expect(await local.replicate.from(reader)).toMatchObject({ docs_read: 0 })
      await local.put({ _id: 'mine' })
      // PouchDB takes a refused `_bulk_docs` for a failure of the whole replication.
      expect(await failure(local.replicate.to(reader))).toMatchObject({ status: 403 })
      expect((await open(name).info()).doc_count).toBe(15)
    })

    test('10,000 documents, down and up', async () => {
      const [local, server, second] = [openLocal(), open(), open()]
      const all = docs(10_000, { text: 'x'.repeat(200), list: [1, 2, 3] })
      for (let at = 0; at < all.length; at += 2_000) await server.bulkDocs(all.slice(at, at + 2_000))
      const started = performance.now()
      expect(await local.replicate.from(server, { batch_size: 1_000 })).toMatchObject({ docs_written: 10_000 })
      const pulled = performance.now()
      expect(await local.replicate.to(second, { batch_size: 1_000 })).toMatchObject({ docs_written: 10_000 })
      const pushed = performance.now()
      console.log(`/${face}: pull ${Math.round(pulled - started)} ms, push ${Math.round(pushed - pulled)} ms`)
      expect(pushed - started).toBeLessThan(60_000)
      const revs = async (db: Pouch) => (await db.allDocs()).rows.map(({ id, value }) => `${id} ${value.rev}`)
      expect(await revs(second)).toEqual(await revs(server))
      expect(await revs(local)).toEqual(await revs(server))
    }, 120_000)
  })
}

/** A document to be written back; what /data adds is left out. */
async function plain(db: Pouch, id: string): Promise<Doc> {
  const { _type, ...doc } = (await db.get(id)) as Doc & { readonly _type?: string }
  return doc
}

async function compact(remote: Remote, face: FaceName, db: Pouch): Promise<void> {
  const name = db.name.slice(db.name.lastIndexOf('/') + 1)
  const answer = await remote.fetch(`/couchdb/${name}/_compact`, { method: 'POST', body: '{}' })
  expect(`${face} ${answer.status}`).toBe(`${face} 202`)
}
