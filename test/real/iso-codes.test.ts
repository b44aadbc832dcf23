/**
 * Real input: some 7,000 codes of the world go in through the HTTP interface, are asked for with selectors and gone
 * through in pages, and come back as a plain array filter and sort says.
 */
import { beforeAll, describe, expect, test } from 'bun:test'
import { sharedServer, type TestServer } from '../support/server.ts'
import { type Code, isoCodesFolder, readIsoCodes } from './iso-codes.ts'
import { compare, compareIds, expected, expectSame, indexes, questions } from './questions.ts'

const folder = isoCodesFolder()
const codes = folder === undefined ? [] : readIsoCodes(folder)
const type = 'test.iso.codes'

let server: TestServer
let authorization: string

async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; json: Answer }> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const headers = { authorization, 'content-type': 'application/json' }
  const response = await server.fetch(path, { method, headers, ...sent })
  return { status: response.status, json: (await response.json()) as Answer }
}

interface Stored extends Code {
  readonly _rev: string
}

interface Answer {
  readonly docs: readonly Stored[]
  readonly rows: readonly (Stored & { readonly id: string; readonly doc?: Stored })[]
  readonly bookmark: string
  readonly warning?: string
  readonly next?: boolean
  readonly total_rows: number
  readonly offset: number
  readonly execution_stats: { readonly total_docs_examined: number }
  readonly index: { readonly ddoc: string }
}

beforeAll(async () => {
  if (codes.length === 0) return
  server = await sharedServer()
  authorization = `Bearer ${await server.token(type)}`
  await ask('DELETE', `/data/${type}`)
  for (let from = 0; from < codes.length; from += 500) {
    const docs = codes.slice(from, from + 500)
    const { status, json } = await ask('POST', `/data/${type}/_bulk_docs`, { docs })
    expect(status).toBe(201)
    expect((json as unknown as { id: string; ok: boolean }[]).map(({ id, ok }) => [id, ok])).toEqual(
      docs.map(({ _id }) => [_id, true]),
    )
  }
  for (const [ddoc, index] of Object.entries(indexes)) {
    expect((await ask('POST', `/data/${type}/_index`, { ddoc, index })).status).toBe(200)
  }
}, 120_000)

const describeIfFound = folder === undefined ? describe.skip : describe

describeIfFound('selectors', () => {
  test('some 7,000 documents were written', async () => {
    expect(codes.length).toBeGreaterThan(7000)
    expect((await ask('GET', `/data/${type}`)).json).toMatchObject({
      doc_count: codes.length + Object.keys(indexes).length,
    })
  })

  test.each(questions)('$name: the whole, by bookmarks', async (question) => {
    const { index, selector, sort } = question
    const wanted = expected(codes, question)
    expect(wanted.length).toBeGreaterThan(0)
    const limit = wanted.length > 1500 ? 700 : 61
    const body = { selector, use_index: index, limit, ...(sort && { sort }) }
    const found: string[] = []
    for (let bookmark = '', next = true; next; ) {
      const { status, json } = await ask('POST', `/data/${type}/_find`, { ...body, ...(bookmark && { bookmark }) })
      expect({ status, warning: json.warning?.replace(/The number of documents examined.*/, '') || undefined }).toEqual(
        {
          status: 200,
          warning: undefined,
        },
      )
      found.push(...json.docs.map((doc) => doc._id))
      bookmark = json.bookmark
      next = json.next === true
    }
    expectSame(found, wanted)
  })

  test.each(questions)('$name: pages by skip on the CouchDB face', async (question) => {
    const { index, selector, sort } = question
    const wanted = expected(codes, question)
    const limit = Math.ceil(wanted.length / 3)
    const body = { selector, use_index: index, fields: ['_id'], limit, ...(sort && { sort }) }
    const found: string[] = []
    for (let skip = 0; skip <= 3 * limit; skip += limit) {
      const { status, json } = await ask('POST', `/couchdb/${type}/_find`, { ...body, skip })
      expect(status).toBe(200)
      expect(json.docs).toHaveLength(Math.max(0, Math.min(limit, wanted.length - skip)))
      found.push(...json.docs.map((doc) => doc._id))
    }
    expectSame(found, wanted)
  })

  test.each(questions)('$name: the index is the one that was made for it', async ({ index, selector, sort }) => {
    const body = { selector, use_index: index, ...(sort && { sort }) }
    const { json } = await ask('POST', `/data/${type}/_explain`, body)
    expect(json.index.ddoc).toBe(`_design/${index}`)
  })

  test('an indexed question reads no more documents than it answers', async () => {
    const selector = { country: 'DE', type: 'Land', name: { $gt: 'B' } }
    const body = { selector, use_index: 'by_country_type', execution_stats: true, limit: 1000 }
    const { json } = await ask('POST', `/data/${type}/_find`, body)
    const wanted = codes.filter(({ country, type, name }) => country === 'DE' && type === 'Land' && name > 'B')
    expect(json.docs).toHaveLength(wanted.length)
    expect(json.execution_stats.total_docs_examined).toBe(wanted.length)
  })

  test('documents come back whole', async () => {
    const { json } = await ask('POST', `/data/${type}/_find`, {
      selector: { country: 'CH' },
      use_index: 'by_country_rest',
    })
    const found = new Map(json.docs.map(({ _rev, ...doc }) => [doc._id, doc]))
    const wanted = codes.filter(({ country }) => country === 'CH')
    expect(found).toEqual(new Map(wanted.map((code) => [code._id, code])) as never)
  })

  test('without an index the answer says so, and the CouchDB face scans', async () => {
    const body = { selector: { flag: { $gt: null }, alpha_3: { $lt: 'C' } }, limit: 1000 }
    expect((await ask('POST', `/data/${type}/_find`, body)).json).toMatchObject({ error: 'no_index' })
    const { json } = await ask('POST', `/couchdb/${type}/_find`, body)
    const wanted = codes.filter((code) => code['flag'] !== undefined && compare(code.alpha_3, 'C') < 0)
    expect(json.docs.map((doc) => doc._id)).toEqual(wanted.sort(compareIds).map((code) => code._id))
    expect(json.warning).toContain('No matching index found')
  })
})

describeIfFound('lists', () => {
  const ids = [...codes].sort(compareIds).map((code) => code._id)
  const designs = Object.keys(indexes).length

  test('_normal_docs in pages by bookmark', async () => {
    const found: string[] = []
    for (let bookmark = '', full = true; full; ) {
      const path = `/data/${type}/_normal_docs?limit=1000${bookmark && `&bookmark=${encodeURIComponent(bookmark)}`}`
      const { json } = await ask('GET', path)
      expect(json.total_rows).toBe(codes.length)
      found.push(...json.rows.map((row) => row._id))
      bookmark = json.bookmark
      full = json.rows.length === 1000
    }
    expect(found).toEqual(ids)
  })

  test.each([false, true])('_all_docs in pages by the last id, descending %p', async (descending) => {
    const found: string[] = []
    for (let start = '', full = true; full; ) {
      const key = start && `&skip=1&startkey=${encodeURIComponent(JSON.stringify(start))}`
      const { json } = await ask('GET', `/data/${type}/_all_docs?limit=999&descending=${descending}${key}`)
      expect(json.total_rows).toBe(ids.length + designs)
      found.push(...json.rows.map((row) => row.id))
      start = found.at(-1) ?? ''
      full = json.rows.length === 999
    }
    const all = descending ? [...ids].reverse() : ids
    expect(found.filter((id) => !id.startsWith('_design/'))).toEqual(all)
    expect(found).toHaveLength(ids.length + designs)
  })

  test.each([
    ['Å', 'Ö'],
    ['Z', 'a'],
    ['ʻ', '\uffff'],
    ['Saint', 'Sainu'],
  ])('_all_docs from %s to %s, by bytes', async (start, end) => {
    const query = new URLSearchParams({ startkey: JSON.stringify(start), endkey: JSON.stringify(end) })
    const { json } = await ask('GET', `/data/${type}/_all_docs?${query}`)
    const [low, high] = [Buffer.from(start), Buffer.from(end)]
    const between = ids.filter(
      (id) => Buffer.compare(Buffer.from(id), low) >= 0 && Buffer.compare(Buffer.from(id), high) <= 0,
    )
    const found = json.rows.map((row) => row.id).filter((id) => !id.startsWith('_design/'))
    expect(found).toEqual(between)
    expect(between.length).toBeGreaterThan(0)
  })

  test('_all_docs in pages by skip, with documents', async () => {
    const found: Code[] = []
    for (let skip = 0; skip < ids.length + designs; skip += 1000) {
      const { json } = await ask('GET', `/couchdb/${type}/_all_docs?include_docs=true&limit=1000&skip=${skip}`)
      expect(json.offset).toBe(skip)
      for (const { doc } of json.rows) {
        if (doc === undefined) throw new Error('a row without its document')
        const { _rev, ...code } = doc
        if (!code._id.startsWith('_design/')) found.push(code)
      }
    }
    expect(found).toEqual([...codes].sort(compareIds))
  })

  test('_all_docs by a thousand keys in their order', async () => {
    const keys = ids.filter((_, n) => n % 7 === 0).reverse()
    const { json } = await ask('POST', `/data/${type}/_all_docs`, { keys })
    expect(json.rows.map((row) => row.id)).toEqual(keys)
  })

  test('every 50th document by its id', async () => {
    for (const code of codes.filter((_, n) => n % 50 === 0)) {
      const { json } = await ask('GET', `/data/${type}/${encodeURIComponent(code._id)}`)
      expect(json).toMatchObject({ ...code, _type: type } as never)
    }
  })
})
