/** cozy-stack-client, unmodified, on the data face: documents one by one and in lists. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { type Answer, type Client, failure, openStack } from './stack-client.ts'

let client: Client

beforeAll(async () => {
  ;({ client } = await openStack())
}, 60_000)

describe('one document', () => {
  const doctype = 'test.stack.notes'
  const notes = () => client.collection(doctype)

  test('created without an id, as it was sent', async () => {
    const { data } = await notes().create({ _type: doctype, title: 'Tea', tags: ['a', 'b'], deep: { 'x.y': null } })
    expect(data._id).toMatch(/^[0-9a-f]{32}$/)
    expect(data._rev).toMatch(/^1-[0-9a-f]{32}$/)
    expect(data).toMatchObject({ id: data._id, _type: doctype, title: 'Tea', tags: ['a', 'b'], deep: { 'x.y': null } })
    expect((await notes().get(data._id)).data).toEqual(data)
  })

  test.each(['plain', 'a/b', 'ä ö', '100%', '%2F', 'x+y', 'q?x=1&y', '#1', 'a:b@c', '日本', '🎈', "it's (1)!"])(
    'created, read, updated and destroyed under the id %s',
    async (_id) => {
      const { data } = await notes().create({ _id, _type: doctype, n: 1 })
      expect(data).toMatchObject({ _id, id: _id, n: 1 })
      expect((await notes().get(_id)).data).toMatchObject({ _id, _rev: data._rev, n: 1 })
      const updated = await notes().update({ ...data, n: 2 })
      expect(updated.data).toMatchObject({ _id, n: 2 })
      expect(updated.data._rev).toMatch(/^2-/)
      expect((await notes().getAll([_id])).data).toMatchObject([{ _id, n: 2 }])
      const destroyed = (await notes().destroy(updated.data)).data
      expect(destroyed).toMatchObject({ _id, _deleted: true })
      expect(destroyed._rev).toMatch(/^3-/)
      expect((await notes().get(_id)).data).toBeNull()
    },
  )

  test('odd members survive the round trip', async () => {
    const body = {
      '': 0,
      $or: [1],
      'a.b': { 'c.d': 1 },
      constructor: 'c',
      length: -1,
      toString: null,
      ' ': ' \0',
      big: 2 ** 53 - 1,
    }
    const { data } = await notes().create(body)
    expect((await notes().get(data._id)).data).toMatchObject(body)
  })

  test('a taken id, a stale revision and a missing document are refused', async () => {
    const { data } = await notes().create({ _id: 'taken', n: 1 })
    const taken = await failure(notes().create({ _id: 'taken', n: 2 }))
    expect(taken).toMatchObject({ status: 409, reason: { error: 'conflict', reason: 'Document update conflict.' } })
    expect(taken.message).toContain('Document update conflict')
    const second = (await notes().update({ ...data, n: 3 })).data
    expect((await failure(notes().update({ ...data, n: 4 }))).message).toContain('Document update conflict')
    expect(await failure(notes().destroy(data))).toMatchObject({ status: 409 })
    expect((await notes().get('taken')).data).toMatchObject({ _rev: second._rev, n: 3 })
    const missing = await failure(notes().update({ _id: 'nowhere', _rev: data._rev, n: 1 }))
    expect(missing).toMatchObject({ status: 404, reason: { error: 'not_found', reason: 'missing' } })
    expect(await failure(notes().destroy({ _id: 'nowhere', _rev: data._rev }))).toMatchObject({ status: 404 })
  })

  test('of many writers on one revision exactly one wins', async () => {
    const { data } = await notes().create({ _id: 'contested' })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, writer) => notes().update({ ...data, writer })),
    )
    const won = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    expect(won).toHaveLength(1)
    expect((await notes().get('contested')).data).toEqual(won[0]!.value.data)
  })

  test('ten first writes at once make one doctype', async () => {
    const fresh = client.collection('test.stack.first')
    await Promise.all(Array.from({ length: 10 }, (_, n) => fresh.create({ n })))
    expect((await fresh.all()).meta).toEqual({ count: 10 })
  })
})

describe('all', () => {
  const doctype = 'test.stack.all'
  const ids = Array.from({ length: 250 }, (_, n) => `doc-${String(n).padStart(3, '0')}`)
  const many = () => client.collection(doctype)

  beforeAll(async () => {
    const rows = await many().updateAll(ids.map((_id, n) => ({ _id, _type: doctype, n })))
    expect(rows.map((row) => row.id)).toEqual(ids)
    expect(rows.every((row) => row.ok === true && row.rev?.startsWith('1-'))).toBe(true)
    await many().createIndex(['n'], { indexName: 'by_n' })
  })

  test('goes through pages by skip', async () => {
    const found: string[] = []
    for (let next = true; next; ) {
      const page = await many().all({ limit: 100, skip: found.length })
      expect(page.meta).toEqual({ count: 250 })
      found.push(...page.data.map((doc) => doc._id))
      next = page.next
    }
    expect(found).toEqual(ids)
  })

  test('goes through pages by bookmark', async () => {
    const first = await many().all({ limit: 60 })
    const found = first.data.map((doc) => doc._id)
    expect(first.data[0]).toMatchObject({ _id: 'doc-000', _type: doctype, n: 0 })
    let page: Answer = first
    while (page.next) {
      page = await many().all({ limit: 60, ...(page.bookmark ? { bookmark: page.bookmark } : {}) })
      found.push(...page.data.map((doc) => doc._id))
    }
    expect(found).toEqual(ids)
  })

  test('100 documents unless asked, everything without a limit', async () => {
    expect((await many().all()).data).toHaveLength(100)
    const everything = await many().all({ limit: null })
    expect(everything.data.map((doc) => doc._id)).toEqual(ids)
  })

  test('by keys, in their order', async () => {
    const keys = ['doc-200', 'nowhere', 'doc-003', 'é/+&']
    await many().create({ _id: 'é/+&' })
    const { data } = await many().all({ keys })
    expect(data.map((doc) => doc._id)).toEqual(['doc-200', 'doc-003', 'é/+&'])
    await many().destroy(data[2]!)
  })

  test('getAll leaves out what is missing or deleted', async () => {
    const gone = await many().create({ _id: 'gone' })
    await many().destroy(gone.data)
    const { data, meta } = await many().getAll(['doc-007', 'gone', 'nowhere', 'doc-001'])
    expect(data.map((doc) => doc._id)).toEqual(['doc-007', 'doc-001'])
    expect(meta).toEqual({ count: 2 })
  })

  test('an unknown doctype is empty', async () => {
    const none = client.collection('test.stack.unknown')
    const empty = { data: [], meta: { count: 0 }, skip: 0, next: false }
    expect(await none.all()).toEqual(empty as never)
    expect(await none.all({ limit: null })).toEqual(empty as never)
    expect(await none.getAll(['x'])).toEqual(empty as never)
    expect(await none.get('x')).toEqual({ data: null })
  })
})

describe('many documents at once', () => {
  test('updateAll makes the doctype, and conflicts are rows', async () => {
    const books = client.collection('test.stack.books')
    const made = await books.updateAll([{ _id: 'a', n: 1 }, { _id: 'b', n: 1 }, { n: 1 }])
    expect(made).toMatchObject([{ ok: true, id: 'a' }, { ok: true, id: 'b' }, { ok: true }])
    expect(made[2]!.id).toMatch(/^[0-9a-f]{32}$/)
    const [a, b] = (await books.getAll(['a', 'b'])).data
    await books.update({ ...b, n: 2 })
    const again = await books.updateAll([
      { ...a, n: 3 },
      { ...b, n: 3 },
    ])
    expect(again).toMatchObject([
      { ok: true, id: 'a' },
      { id: 'b', error: 'conflict', reason: 'Document update conflict.' },
    ])
    expect((await books.getAll(['a', 'b'])).data).toMatchObject([{ n: 3 }, { n: 2 }])
  })

  test('destroyAll', async () => {
    const books = client.collection('test.stack.destroyed')
    await books.updateAll(Array.from({ length: 20 }, (_, n) => ({ _id: `${n}`, n })))
    const { data } = await books.all()
    const rows = await books.destroyAll(data)
    expect(rows.every((row) => row.ok === true && row.rev?.startsWith('2-'))).toBe(true)
    expect((await books.all()).meta).toEqual({ count: 0 })
  })

  test('nothing to do', async () => {
    expect(await client.collection('test.stack.nothing').updateAll([])).toEqual([])
  })
})
