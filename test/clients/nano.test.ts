/** nano, unmodified, on the CouchDB face: what its users call every day. */
import { beforeAll, describe, expect, test } from 'bun:test'
import nano, { type DocumentScope, type ServerScope } from 'nano'
import { sharedServer } from '../support/server.ts'

interface Book {
  title: string
  year: number
  language?: string
}

const database = 'nano-books'
let couch: ServerScope
let books: DocumentScope<Book>

beforeAll(async () => {
  const server = await sharedServer()
  const { host } = new URL(server.url)
  // fetch sets Host by the URL, so that the tenant must be named like the listener's address.
  await server.createInstance(host).catch((error: unknown) => {
    if (!String(error).includes('409')) throw error
  })
  const token = await server.token('*', { domain: host })
  couch = open(`http://nano:${token}@${host}/couchdb`)
  await couch.db.destroy(database).catch(() => undefined)
  await couch.db.create(database)
  books = couch.use<Book>(database)
}, 60_000)

describe('databases', () => {
  test('are created, described, listed and destroyed', async () => {
    expect(await couch.db.create('nano-other')).toMatchObject({ ok: true })
    expect(await couch.db.list()).toContain('nano-other')
    expect(await couch.db.get('nano-other')).toMatchObject({ db_name: 'nano-other', doc_count: 0, doc_del_count: 0 })
    expect(await couch.db.destroy('nano-other')).toMatchObject({ ok: true })
    expect(await couch.db.list()).not.toContain('nano-other')
  })

  test('that exist cannot be created again', async () => {
    expect(await failure(couch.db.create(database))).toMatchObject({ statusCode: 412, error: 'file_exists' })
  })

  test('that do not exist cannot be read', async () => {
    expect(await failure(couch.db.get('nano-nowhere'))).toMatchObject({
      statusCode: 404,
      error: 'not_found',
      reason: 'Database does not exist.',
    })
  })

  test('info of the server and of the used database', async () => {
    expect(await couch.info()).toMatchObject({ couchdb: 'Welcome', vendor: { name: 'Hearth' } })
    expect(await books.info()).toMatchObject({ db_name: database })
  })

  test('names with a slash', async () => {
    await couch.db.create('nano/slash')
    expect(await couch.db.get('nano/slash')).toMatchObject({ db_name: 'nano/slash' })
    await couch.db.destroy('nano/slash')
  })
})

describe('documents', () => {
  test('inserted under a name are read back', async () => {
    const made = await books.insert({ title: 'Emma', year: 1815 }, 'emma')
    expect(made).toMatchObject({ ok: true, id: 'emma' })
    expect(made.rev).toMatch(/^1-[0-9a-f]{32}$/)
    expect(await books.get('emma')).toEqual({ _id: 'emma', _rev: made.rev, title: 'Emma', year: 1815 })
  })

  test('inserted without a name get an id', async () => {
    const made = await books.insert({ title: 'Lenz', year: 1839 })
    expect(made.id).toMatch(/^[0-9a-f]{32}$/)
    expect(await books.get(made.id)).toMatchObject({ title: 'Lenz' })
  })

  test('are updated and destroyed by revision, and head tells it', async () => {
    const first = await books.insert({ title: 'Nana', year: 1 }, 'nana')
    const second = await books.insert({ _rev: first.rev, title: 'Nana', year: 1880 } as Book, 'nana')
    expect(second.rev).toMatch(/^2-/)
    expect((await books.head('nana'))['etag']).toBe(`"${second.rev}"`)
    expect(await failure(books.insert({ _rev: first.rev, title: 'x', year: 0 } as Book, 'nana'))).toMatchObject({
      statusCode: 409,
      error: 'conflict',
    })
    expect(await books.get('nana', { rev: first.rev })).toMatchObject({ year: 1 })
    const gone = await books.destroy('nana', second.rev)
    expect(gone).toMatchObject({ ok: true, id: 'nana' })
    expect(await failure(books.get('nana'))).toMatchObject({ statusCode: 404, reason: 'deleted' })
  })

  test.each(['a/b', 'ä ö', '100%', 'x+y', 'q?x=1', '..dots'])('may be called %s', async (id) => {
    const made = await books.insert({ title: id, year: 0 }, id)
    expect(made.id).toBe(id)
    const found = await books.get(id)
    expect(found).toMatchObject({ _id: id, title: id })
    await books.destroy(id, found._rev)
  })
})

describe('many documents', () => {
  const classics = Array.from({ length: 60 }, (_, n) => ({
    _id: `classic-${String(n).padStart(2, '0')}`,
    title: `Classic ${n}`,
    year: 1800 + n,
    language: n % 3 === 0 ? 'fr' : 'en',
  }))

  beforeAll(async () => {
    const rows = await books.bulk({ docs: classics })
    expect(rows.map((row) => row.id)).toEqual(classics.map((book) => book._id))
    expect(rows.every((row) => /^1-/.test(row.rev ?? ''))).toBe(true)
  })

  test('bulk reports conflicts beside successes', async () => {
    const rows = await books.bulk({ docs: [classics[0]!, { _id: 'classic-new', title: 'New', year: 2000 }] })
    expect(rows[0]).toMatchObject({ id: 'classic-00', error: 'conflict' })
    expect(rows[1]).toMatchObject({ ok: true, id: 'classic-new' })
  })

  test('list takes bounds, direction and documents', async () => {
    const listed = await books.list({ startkey: 'classic-10', endkey: 'classic-12', include_docs: true })
    expect(listed.rows.map((row) => row.doc?.year)).toEqual([1810, 1811, 1812])
    const last = await books.list({ descending: true, startkey: 'classic-59', limit: 2 })
    expect(last.rows.map((row) => row.id)).toEqual(['classic-59', 'classic-58'])
  })

  test('fetch and fetchRevs give rows in the order of keys', async () => {
    const keys = ['classic-03', 'nowhere', 'classic-01']
    const fetched = await books.fetch({ keys })
    expect(fetched.rows.map((row) => ('doc' in row ? row.doc?.year : row.error))).toEqual([1803, 'not_found', 1801])
    const revisions = await books.fetchRevs({ keys })
    expect(revisions.rows.map((row) => row.key)).toEqual(keys)
  })

  test('find warns without an index and is served by one', async () => {
    const unindexed = await books.find({ selector: { year: { $gte: 1855 }, language: 'fr' } })
    expect(unindexed.warning).toContain('matching index')
    expect(unindexed.docs.map((book) => book.year)).toEqual([1857])

    const index = { index: { fields: ['language', 'year'] }, ddoc: 'by-language', name: 'language-year' }
    expect(await books.createIndex(index)).toEqual({
      result: 'created',
      id: '_design/by-language',
      name: 'language-year',
    })
    expect(await books.createIndex(index)).toMatchObject({ result: 'exists' })

    const query = {
      selector: { language: 'fr', year: { $gt: 1800 } },
      sort: ['language', 'year'],
      fields: ['year'],
      limit: 7,
    }
    const years: number[] = []
    let bookmark: string | undefined
    for (;;) {
      const page = await books.find(bookmark === undefined ? query : { ...query, bookmark })
      years.push(...page.docs.map((book) => book.year))
      if (page.docs.length === 0) break
      bookmark = page.bookmark
    }
    expect(years).toEqual(
      classics.filter((book) => book.language === 'fr' && book.year > 1800).map((book) => book.year),
    )
  })

  test('25 documents unless more are asked for', async () => {
    expect((await books.find({ selector: { year: { $gt: 0 } } })).docs).toHaveLength(25)
  })
})

describe('tokens', () => {
  test('log in as cookies', async () => {
    const server = await sharedServer()
    const { host } = new URL(server.url)
    const token = await server.token('*', { domain: host })
    const visitor = open(`http://${host}/couchdb`)
    expect(await visitor.auth('ada', token)).toMatchObject({ ok: true, name: 'ada' })
    expect(await visitor.session()).toMatchObject({ userCtx: { name: 'ada' } })
    expect(await visitor.use(database).get('emma')).toMatchObject({ title: 'Emma' })
  })

  test('that are wrong or missing are refused', async () => {
    const { host } = new URL((await sharedServer()).url)
    const stranger = open(`http://${host}/couchdb`)
    expect(await failure(stranger.use(database).get('emma'))).toMatchObject({ statusCode: 401, error: 'unauthorized' })
    expect(await failure(stranger.auth('ada', 'wrong'))).toMatchObject({ statusCode: 401, error: 'unauthorized' })
  })

  test('that allow less are forbidden more', async () => {
    const server = await sharedServer()
    const { host } = new URL(server.url)
    const token = await server.token('io.cozy.notes:GET', { domain: host })
    const reader = open(`http://reader:${token}@${host}/couchdb`)
    expect(await failure(reader.use(database).get('emma'))).toMatchObject({ statusCode: 403, error: 'forbidden' })
    expect(await failure(reader.db.list())).toMatchObject({ statusCode: 403, error: 'forbidden' })
  })
})

/** nano takes the last part of a URL for a database unless told not to; its types do not know that setting. */
function open(url: string): ServerScope {
  return nano({ url, parseUrl: false } as nano.Configuration)
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('the call succeeded')
}
