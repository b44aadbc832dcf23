/** cozy-stack-client, unmodified: questions, and the indexes that it makes for them by itself. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { TestServer } from '../support/server.ts'
import { type Answer, type Client, type Doc, type FindOptions, openStack, recordRequests } from './stack-client.ts'

let server: TestServer
let client: Client

beforeAll(async () => {
  ;({ server, client } = await openStack())
}, 60_000)

let recording: ReturnType<typeof recordRequests> | undefined
afterEach(() => recording?.stop())

/** What the client sends from now to the end of the test. */
function record(answer?: (url: string) => Response | undefined): string[] {
  recording = recordRequests(server.url, answer)
  return recording.sent
}

describe('find', () => {
  const doctype = 'test.stack.find'
  const rows = Array.from({ length: 230 }, (_, n) => ({
    _id: `f${String(n).padStart(3, '0')}`,
    n,
    mod: n % 7,
    name: `Name ${String.fromCharCode(65 + (n % 26))}`,
    trashed: n % 5 === 0,
  }))
  const find = () => client.collection(doctype)
  const idsOf = (docs: readonly Doc[]) => docs.map((doc) => doc._id)

  beforeAll(async () => {
    await find().updateAll(rows)
  })

  test('makes the missing index by itself, once', async () => {
    const sent = record()
    const options: FindOptions = { indexedFields: ['mod', 'n'], sort: [{ mod: 'asc' }, { n: 'asc' }] }
    const { data } = await find().find({ mod: { $in: [2, 3] } }, options)
    const wanted = rows.filter((row) => row.mod === 2 || row.mod === 3).sort((a, b) => a.mod - b.mod || a.n - b.n)
    expect(idsOf(data)).toEqual(wanted.map((row) => row._id))
    const path = `/data/${doctype}`
    expect(sent).toEqual([
      `POST ${path}/_find 400`,
      `GET ${path}/_design_docs?include_docs=true 200`,
      `POST ${path}/_index 200`,
      `POST ${path}/_find 200`,
      `POST ${path}/_find 200`,
    ])
    sent.length = 0
    expect(idsOf((await find().find({ mod: 4 }, options)).data)).toHaveLength(33)
    expect(sent).toEqual([`POST ${path}/_find 200`])
    expect((await find().fetchAllMangoIndexes()).map((index) => index._id)).toContain('_design/by_mod_and_n')
  })

  test('on a doctype that does not exist is empty', async () => {
    expect((await client.collection('test.stack.no').find({ n: 1 }, { indexedFields: ['n'] })).data).toEqual([])
  })

  test('goes through pages by bookmark, 100 documents each', async () => {
    const options: FindOptions = { indexedFields: ['n'], sort: [{ n: 'desc' }] }
    const found: string[] = []
    const sizes: number[] = []
    let page: Answer | undefined
    do {
      page = await find().find({ n: { $gte: 10 } }, { ...options, bookmark: page?.bookmark })
      sizes.push(page.data.length)
      found.push(...idsOf(page.data))
    } while (page.next)
    expect(sizes).toEqual([100, 100, 20])
    expect(found).toEqual(
      rows
        .slice(10)
        .reverse()
        .map((row) => row._id),
    )
  })

  test('goes through pages by skip', async () => {
    const options: FindOptions = { indexedFields: ['n'], limit: 50 }
    const found: string[] = []
    for (let next = true; next; ) {
      const page = await find().find({ n: { $lt: 120 } }, { ...options, skip: found.length })
      expect(page.skip).toBe(found.length)
      found.push(...idsOf(page.data))
      next = page.next
    }
    expect(found).toEqual(rows.slice(0, 120).map((row) => row._id))
  })

  test('findAll follows the bookmarks to the end', async () => {
    const all = await find().findAll({ n: { $gt: null } }, { indexedFields: ['n'] })
    expect(idsOf(all)).toEqual(rows.map((row) => row._id))
    const exactlyTwoPages = await find().findAll({ n: { $lt: 200 } }, { indexedFields: ['n'], limit: 100 })
    expect(exactlyTwoPages).toHaveLength(200)
  })

  test('fields: only these, with id and revision', async () => {
    const { data } = await find().find({ n: 42 }, { indexedFields: ['n'], fields: ['name'] })
    expect(data).toEqual([
      { _id: 'f042', id: 'f042', _type: doctype, _rev: expect.any(String), name: 'Name Q' },
    ] as never)
  })

  test('a partial index, made by itself and found again under its name', async () => {
    const options: FindOptions = { indexedFields: ['n'], partialFilter: { trashed: false, mod: { $ne: 0 } } }
    const sent = record()
    const { data } = await find().find({ n: { $gt: 200 } }, options)
    const wanted = rows.filter((row) => row.n > 200 && !row.trashed && row.mod !== 0)
    expect(idsOf(data)).toEqual(wanted.map((row) => row._id))
    expect(sent.filter((line) => line.includes('_index'))).toHaveLength(1)
    sent.length = 0
    await find().find({ n: { $lt: 20 } }, options)
    expect(sent).toEqual([`POST /data/${doctype}/_find 200`])
    const names = (await find().fetchAllMangoIndexes()).map((index) => index._id)
    expect(names).toContain('_design/by_n_filter_(trashed_false)_and_(mod_$ne_0)')
  })

  test.each([
    { partialFilter: { mod: 1 } },
    { partialFilter: { trashed: false, name: { $exists: true } } },
    { partialFilter: { $or: [{ mod: 1 }, { mod: 2 }] } },
    { partialFilter: { name: { $or: ['Name A', 'Name B'] } } },
    { partialFilter: { $nor: [{ name: 'Name A' }, { name: 'Name B' }] } },
    { partialFilter: { mod: { $in: [1, 2] } } },
  ])('an index of the same definition under another name is copied: %j', async ({ partialFilter }) => {
    const fields = ['trashed', 'n']
    const old = `old-${JSON.stringify(partialFilter).length}`
    await find().createIndex(fields, { partialFilter, indexName: old })
    const sent = record()
    const { data } = await find().find({ trashed: false, n: { $gt: 100 } }, { indexedFields: fields, partialFilter })
    expect(data.length).toBeGreaterThan(0)
    expect(sent.map((line) => line.replace(/\(.*\)|%28.*%29/, '(...)').replace(/rev=\S+/, 'rev='))).toEqual([
      expect.stringMatching(/^POST \S+_find \d+$/),
      `GET /data/${doctype}/_design_docs?include_docs=true 200`,
      `POST /data/${doctype}/_design/${old}/copy?rev= 201`,
      `DELETE /data/${doctype}/_design/${old}?rev= 200`,
      `POST /data/${doctype}/_find 200`,
    ])
    expect((await find().fetchAllMangoIndexes()).map((index) => index._id)).not.toContain(`_design/${old}`)
  })

  test('design documents keep the order of fields and the normalised filter', async () => {
    const { id } = await find().createIndex(['trashed', 'name', 'mod'], { partialFilter: { n: { $gt: 1 }, mod: 1 } })
    const index = (await find().fetchAllMangoIndexes()).find((one) => one._id === id)
    const [view] = Object.values(index!.views)
    expect(Object.keys(view!.map.fields)).toEqual(['trashed', 'name', 'mod'])
    expect(view!.map.partial_filter_selector).toEqual({ $and: [{ mod: { $eq: 1 } }, { n: { $gt: 1 } }] })
    expect(await find().createIndex(['trashed', 'name', 'mod'], { partialFilter: { n: { $gt: 1 }, mod: 1 } })).toEqual({
      id,
      fields: ['trashed', 'name', 'mod'],
    } as never)
  })

  test('indexes are copied and destroyed by hand', async () => {
    await find().createIndex(['name'], { indexName: 'by_name' })
    const index = (await find().fetchAllMangoIndexes()).find((one) => one._id === '_design/by_name')!
    expect(await find().copyIndex(index, 'names')).toEqual({ ok: true, id: '_design/names', rev: index._rev })
    expect(await find().destroyIndex(index)).toMatchObject({ ok: true })
    const names = (await find().fetchAllMangoIndexes()).map((one) => one._id)
    expect(names).toContain('_design/names')
    expect(names).not.toContain('_design/by_name')
  })

  test('uniqueness of a value', async () => {
    expect(await find().checkUniquenessOf('n', 7)).toBe(false)
    expect(await find().checkUniquenessOf('n', 7000)).toBe(true)
  })
})
