/** Attachments as PouchDB 9 handles them, on both faces: its calls, and replication in both directions. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { failure, openLocal, type Pouch, type Stored, type Written } from './pouch.ts'
import { faces, freshName, sharedRemote } from './remote.ts'

interface Stub {
  readonly content_type: string
  readonly digest: string
  readonly revpos: number
  readonly stub?: true
  readonly length?: number
  readonly data?: string | Buffer
}

type Attached = Stored & { readonly _attachments: Readonly<Record<string, Stub>> }

/** What the other tests do not need of PouchDB. */
interface AttachingPouch extends Pouch {
  putAttachment(id: string, name: string, rev: string, data: Buffer, type: string): Promise<Written>
  putAttachment(id: string, name: string, data: Buffer, type: string): Promise<Written>
  getAttachment(id: string, name: string, options?: { readonly rev?: string }): Promise<Buffer>
  removeAttachment(id: string, name: string, rev: string): Promise<Written>
}

const attaching = (db: Pouch) => db as AttachingPouch
const noise = (size: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(size)))
const digestOf = (data: Buffer) => `md5-${createHash('md5').update(data).digest('base64')}`
const bytes = async (data: Buffer | Blob) => (data instanceof Blob ? Buffer.from(await data.arrayBuffer()) : data)

/** Every leaf with its history, and the bytes of what is attached to it, read one by one. */
async function attached(db: AttachingPouch): Promise<readonly object[]> {
  const { results } = await db.changes({ since: 0, style: 'all_docs' })
  const leaves: object[] = []
  for (const { id, changes } of results) {
    for (const { rev } of changes) {
      const doc = (await db.get(id, { rev, revs: true })) as Attached
      const contents: Record<string, object> = {}
      // PouchDB counts `revpos` in its own way when it stores what was replicated.
      for (const [name, { content_type, digest }] of Object.entries(doc._attachments ?? {})) {
        const data = await bytes(await db.getAttachment(id, name, { rev }))
        expect(digestOf(data)).toBe(digest)
        contents[name] = { content_type, digest }
      }
      leaves.push({ id, rev, revisions: doc._revisions, n: doc['n'], contents })
    }
  }
  return leaves.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

for (const face of faces) {
  describe(`attachments on /${face}`, () => {
    let remote: AttachingPouch
    let open: () => AttachingPouch
    beforeAll(async () => {
      const shared = await sharedRemote()
      open = () => attaching(shared.open(face, freshName()))
      remote = open()
    }, 60_000)

    test('putAttachment, getAttachment, removeAttachment', async () => {
      const data = noise(100_000)
      const made = await remote.putAttachment('a/b é', 'folder/näme +%.bin', data, 'application/x-noise')
      expect(made).toMatchObject({ ok: true, id: 'a/b é' })
      expect(await bytes(await remote.getAttachment('a/b é', 'folder/näme +%.bin'))).toEqual(data)
      const second = await remote.putAttachment('a/b é', 'two', made.rev, Buffer.from('hello'), 'text/plain')
      expect(await remote.get('a/b é')).toMatchObject({
        _attachments: {
          'folder/näme +%.bin': {
            stub: true,
            content_type: 'application/x-noise',
            digest: digestOf(data),
            length: 100_000,
            revpos: 1,
          },
          two: { stub: true, content_type: 'text/plain', length: 5, revpos: 2 },
        },
      })
      expect(await failure(remote.putAttachment('a/b é', 'two', made.rev, Buffer.from('x'), 'text/x'))).toMatchObject({
        status: 409,
      })
      const third = await remote.removeAttachment('a/b é', 'folder/näme +%.bin', second.rev)
      const left = (await remote.get('a/b é')) as Attached
      expect(left._rev).toBe(third.rev)
      expect(Object.keys(left._attachments)).toEqual(['two'])
      expect(await bytes(await remote.getAttachment('a/b é', 'folder/näme +%.bin', { rev: made.rev }))).toEqual(data)
      expect(await failure(remote.getAttachment('a/b é', 'gone'))).toMatchObject({ status: 404 })
    })

    test('put with content, then with stubs as they were read', async () => {
      const data = noise(5_000)
      const base64 = data.toString('base64')
      const doc = { _id: 'inline', n: 1, _attachments: { x: { content_type: 'text/x', data: base64 } } }
      await remote.put(doc)
      const { _type, ...read } = (await remote.get('inline')) as Attached & { readonly _type?: string }
      await remote.put({ ...read, n: 2 })
      const again = (await remote.get('inline', { attachments: true } as object)) as Attached
      expect(again).toMatchObject({ n: 2, _attachments: { x: { data: base64, digest: digestOf(data), revpos: 1 } } })
    })

    test('a stub of nothing', async () => {
      const doc = { _id: 'nothing', _attachments: { x: { stub: true } } }
      expect(await failure(remote.put(doc))).toMatchObject({ status: 412, name: 'missing_stub' })
    })

    test('allDocs, changes and bulkGet with content', async () => {
      const [data, other] = [noise(3_000), open()]
      await other.putAttachment('d', 'x', data, 'text/x')
      const asked = { include_docs: true, attachments: true }
      const wanted = { _attachments: { x: { data: data.toString('base64') } } }
      expect((await other.allDocs(asked)).rows[0]?.doc).toMatchObject(wanted)
      expect((await other.changes({ since: 0, ...asked })).results[0]?.doc).toMatchObject(wanted)
      const read = await other.bulkGet({ docs: [{ id: 'd' }], attachments: true } as never)
      expect(read.results[0]?.docs[0]?.ok).toMatchObject(wanted)
    })

    test('push: contents arrive, and are pushed once', async () => {
      const [local, target] = [attaching(openLocal()), open()]
      const shared = noise(20_000)
      for (let n = 0; n < 12; n += 1) {
        const { rev } = await local.putAttachment(`d${n}`, 'shared', shared, 'application/shared')
        if (n % 3 > 0) await local.putAttachment(`d${n}`, 'own', rev, noise(1_000 * n), 'text/own')
      }
      await local.put({ _id: 'plain', n: 1 })
      expect(await local.replicate.to(target)).toMatchObject({ ok: true, docs_written: 13 })
      expect(await attached(target)).toEqual(await attached(local))

      const doc = (await local.get('d1')) as Attached
      await local.put({ ...doc, n: 2 })
      const removed = await local.get('d2')
      await local.removeAttachment('d2', 'own', removed._rev)
      expect(await local.replicate.to(target)).toMatchObject({ ok: true, docs_written: 2 })
      expect(await attached(target)).toEqual(await attached(local))
      expect(await local.replicate.to(target)).toMatchObject({ ok: true, docs_written: 0 })
    })

    test('pull: contents arrive, and what stays is not taken again', async () => {
      const [local, source] = [attaching(openLocal()), open()]
      for (let n = 0; n < 12; n += 1) {
        const { rev } = await source.putAttachment(`d${n}`, 'first', noise(10_000 + n), 'text/first')
        if (n % 2 > 0) await source.putAttachment(`d${n}`, 'second/é', rev, noise(n), 'text/second')
      }
      expect(await local.replicate.from(source)).toMatchObject({ ok: true, docs_written: 12 })
      expect(await attached(local)).toEqual(await attached(source))
      const { _type, ...doc } = (await source.get('d1')) as Attached & { readonly _type?: string }
      await source.put({ ...doc, n: 2 })
      expect(await local.replicate.from(source)).toMatchObject({ ok: true, docs_written: 1 })
      expect(await attached(local)).toEqual(await attached(source))
    })

    test('both ways with conflicts: every leaf keeps its own contents, here and there', async () => {
      const [one, two, between] = [attaching(openLocal()), attaching(openLocal()), open()]
      const { rev } = await one.putAttachment('c', 'base', noise(500), 'text/base')
      await one.sync(between)
      await two.sync(between)
      // Of one name on two leaves PouchDB pulls the winner's content twice: it asks for it without a revision.
      await one.putAttachment('c', 'one', rev, noise(700), 'text/one')
      await two.putAttachment('c', 'two', rev, noise(900), 'text/two')
      await one.sync(between)
      await two.sync(between)
      await one.sync(between)
      const all = await attached(between)
      expect(all).toHaveLength(2)
      expect(await attached(one)).toEqual(all)
      expect(await attached(two)).toEqual(all)

      const loser = ((await one.get('c', { conflicts: true }))._conflicts ?? [])[0] ?? ''
      await one.remove('c', loser)
      await one.sync(between)
      await two.sync(between)
      expect(await two.get('c')).toMatchObject({ _rev: (await one.get('c'))._rev })
      const winner = (await two.get('c')) as Attached
      for (const [name, { digest }] of Object.entries(winner._attachments)) {
        expect(digestOf(await bytes(await two.getAttachment('c', name)))).toBe(digest)
      }
    })
  })
}
