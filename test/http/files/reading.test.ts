/** Metadata, pages, lists, changes and questions. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { type Scenario, scenarios } from '../scenarios.ts'
import { openDrive, startDrives, type TestDrive } from './drive.ts'

beforeAll(startDrives, 60_000)

const root = 'io.cozy.files.root-dir'
const file = 'io.cozy.files'

/** `/dir` with 5 directories and 40 files, one of them trashed. */
async function openFilled(): Promise<TestDrive & { readonly dir: string }> {
  const drive = await openDrive()
  const dir = (await drive.ask('POST /files/?Type=directory&Name=dir')).json.data.id as string
  for (const name of ['D3', 'D1', 'D5', 'D2', 'D4']) await drive.ask(`POST /files/${dir}?Type=directory&Name=${name}`)
  const made = await Promise.all(
    Array.from({ length: 41 }, (_, n) =>
      drive.ask(`POST /files/${dir}?Type=file&Name=f${String(n).padStart(2, '0')}`, { body: 'x'.repeat(n) }),
    ),
  )
  await drive.ask(`DELETE /files/${made[40]?.json.data.id}`)
  return { ...drive, dir }
}

const names = (nodes: readonly { readonly attributes: { readonly name: string } }[]) =>
  nodes.map(({ attributes }) => attributes.name)
const expected = [
  ...['D1', 'D2', 'D3', 'D4', 'D5'],
  ...Array.from({ length: 40 }, (_, n) => `f${String(n).padStart(2, '0')}`),
]

describe('children', () => {
  let drive: Awaited<ReturnType<typeof openFilled>>
  beforeAll(async () => {
    drive = await openFilled()
  }, 30_000)

  test('come with their directory: directories first, then by name, thirty at once', async () => {
    const { json } = await drive.ask(`GET /files/${drive.dir}`)
    expect(names(json.included)).toEqual(expected.slice(0, 30))
    const { contents } = json.data.relationships
    expect(contents.meta).toEqual({ count: 45 })
    expect(contents.data).toEqual(json.included.map(({ id }: { id: string }) => ({ type: file, id })))
    const self = `/files/${drive.dir}/relationships/contents`
    const page = json.links.next.slice(json.links.next.indexOf('?'))
    expect(contents.links).toEqual({ self, next: self + page })
    expect(names((await drive.ask(`GET ${contents.links.next}`)).json.data)).toEqual(expected.slice(30))
    const next = await drive.ask(`GET ${json.links.next}`)
    expect(next.json.data.id).toBe(drive.dir)
    expect(names(next.json.included)).toEqual(expected.slice(30))
    expect(next.json.links).toBeUndefined()
    expect(next.json.data.relationships.contents.links.next).toBeUndefined()
  })

  test.each([
    ['a cursor', 'page[limit]=7'],
    ['skipping', 'page[limit]=7&page[skip]=0'],
    ['one page', 'page[limit]=45'],
    ['a page that is larger than all', 'page[limit]=1000'],
  ])('are listed page by page with %s', async (_, query) => {
    const found: string[] = []
    let address: string | undefined = `/files/${drive.dir}/relationships/contents?${query}`
    while (address !== undefined) {
      const { json } = await drive.ask(`GET ${address}`)
      expect(json.meta).toEqual({ count: 45 })
      found.push(...names(json.data))
      address = json.links.next
    }
    expect(found).toEqual(expected)
  })

  test('a cursor stands between names, whether its node exists or not', async () => {
    const cursor = encodeURIComponent(JSON.stringify([[drive.dir, 'file', 'f37x'], 'nobody']))
    const { json } = await drive.ask(`GET /files/${drive.dir}/relationships/contents?page[cursor]=${cursor}`)
    expect(names(json.data)).toEqual(['f38', 'f39'])
  })

  test('of the root do not show the trash, neither listed nor counted', async () => {
    const { json } = await drive.ask(`GET /files/${root}?page[limit]=1`)
    expect(names(json.included)).toEqual(['dir'])
    expect(json.data.relationships.contents.meta).toEqual({ count: 1 })
    expect(json.links).toBeUndefined()
    expect(json.data.relationships.parent).toEqual({})
    const trash = await drive.ask('GET /files/trash')
    expect(names(trash.json.data)).toEqual(['f40'])
    expect(trash.json.meta).toEqual({ count: 1 })
  })

  test('of the trash come in pages', async () => {
    const another = await openDrive()
    for (const name of ['a', 'b', 'c']) {
      const { json } = await another.ask(`POST /files/?Type=file&Name=${name}`)
      await another.ask(`DELETE /files/${json.data.id}`)
    }
    const first = await another.ask('GET /files/trash?page[limit]=2')
    expect(names(first.json.data)).toEqual(['a', 'b'])
    expect(first.json.links.next).toStartWith('/files/trash?')
    expect(names((await another.ask(`GET ${first.json.links.next}`)).json.data)).toEqual(['c'])
  })

  test('make up the size of a directory', async () => {
    const bytes = (39 * 40) / 2
    expect((await drive.ask(`GET /files/${drive.dir}/size`)).json.data).toMatchObject({
      type: 'io.cozy.files.sizes',
      id: drive.dir,
      attributes: { size: `${bytes}` },
    })
    expect((await drive.ask('GET /files/io.cozy.files.trash-dir/size')).json.data.attributes.size).toBe('40')
  })

  test('answer HEAD without a body', async () => {
    const head = await drive.ask(`HEAD /files/${drive.dir}`)
    expect([head.status, head.text, head.headers.get('content-type')]).toEqual([200, '', 'application/vnd.api+json'])
  })

  test('by ids: with paths, in the order asked, those that exist', async () => {
    const { json } = await drive.ask(`GET /files/${drive.dir}`)
    const ids = json.included.map(({ id }: { id: string }) => id)
    const all = await drive.ask('POST /files/_all_docs?include_docs=true', {
      body: { keys: [ids[29], 'nowhere', ids[0], ids[29]] },
    })
    expect(all.json.data.map((node: { attributes: object }) => node.attributes)).toMatchObject([
      { name: 'f24', path: '/dir/f24' },
      { name: 'D1', path: '/dir/D1' },
      { name: 'f24', path: '/dir/f24' },
    ])
  })
})

describe('changes', () => {
  let drive: Awaited<ReturnType<typeof openFilled>>
  let destroyed: string
  beforeAll(async () => {
    drive = await openFilled()
    destroyed = (await drive.ask('POST /files/?Type=file&Name=short-lived')).json.data.id
    await drive.ask(`PATCH /files/${destroyed}`, { body: { data: { attributes: { permanent_delete: true } } } })
    await drive.ask('POST /data/io.cozy.files/_index', { body: { index: { fields: ['name'] } } })
  }, 30_000)

  const changes = async (query: string) => (await drive.ask(`GET /files/_changes?${query}`)).json

  test('of everything, without design documents', async () => {
    const { results, last_seq, pending } = await changes('')
    // Root, trash, /dir, 5 directories, 41 files, the one that was destroyed, and two that every instance begins with.
    expect(results).toHaveLength(52)
    expect(pending).toBe(0)
    expect(results.find((row: { id: string }) => row.id === destroyed)).toMatchObject({
      deleted: true,
      changes: [{ rev: expect.any(String) }],
    })
    expect(results[0]).not.toHaveProperty('doc')
    expect(await changes(`since=${last_seq}`)).toEqual({ results: [], last_seq, pending: 0 })
  })

  test('page by page', async () => {
    const ids = new Set<string>()
    let since = ''
    for (;;) {
      const page = await changes(`limit=20&since=${since}`)
      for (const { id } of page.results) ids.add(id)
      since = page.last_seq
      if (page.pending === 0) break
    }
    expect(ids.size).toBe(52)
  })

  test('with documents and the paths of files', async () => {
    const { results } = await changes('include_docs=true&include_file_path=true&limit=')
    const named = (name: string) =>
      results.map((row: { doc: object }) => row.doc).find((doc: { name?: string }) => doc.name === name)
    expect(named('f07')).toMatchObject({ _id: expect.any(String), type: 'file', size: '7', path: '/dir/f07' })
    expect(named('D2')).toMatchObject({ type: 'directory', path: '/dir/D2' })
    expect(named('f40')).toMatchObject({ trashed: true, path: '/.cozy_trash/f40' })
  })

  test.each([
    ['skip_deleted=true', 49],
    ['skip_trashed=true&include_docs=true', 51],
    ['skip_trashed=true&skip_deleted=true&include_docs=true', 48],
    ['skip_trashed=false&skip_deleted=', 52],
  ])('without some: %s', async (query, count) => expect((await changes(query)).results).toHaveLength(count))

  test('with some members only', async () => {
    const { results } = await changes('include_docs=true&fields=name,cozyMetadata.createdOn&skip_deleted=true')
    for (const { doc } of results) {
      expect(Object.keys(doc).sort()).toEqual(['_id', '_rev', 'cozyMetadata', 'name', 'type'])
      expect(Object.keys(doc.cozyMetadata)).toEqual(['createdOn'])
    }
  })

  test.each(['feed=longpoll', 'descending=true', 'filter=_selector', 'x=1', 'limit=many', 'since=nonsense'])(
    'a parameter that is unknown or malformed is refused: %s',
    async (query) => {
      const { status, json } = await drive.ask(`GET /files/_changes?${query}`)
      expect([status, json.errors[0].status]).toEqual([400, '400'])
    },
  )
})

describe('questions', () => {
  let drive: Awaited<ReturnType<typeof openFilled>>
  beforeAll(async () => {
    drive = await openFilled()
    await drive.ask('POST /data/io.cozy.files/_index', { body: { index: { fields: ['type', 'name'] } } })
  }, 30_000)

  const question = { selector: { type: 'file', name: { $gt: '' } }, sort: [{ type: 'asc' }, { name: 'asc' }] }
  const find = async (body: object, query = '') => (await drive.ask(`POST /files/_find${query}`, { body })).json

  test('are answered with whole objects', async () => {
    const { data, meta, links } = await find({ ...question, limit: 3 })
    expect(names(data)).toEqual(['f00', 'f01', 'f02'])
    expect(data[1]).toMatchObject({
      type: file,
      attributes: { size: '1', dir_id: drive.dir },
      meta: { rev: expect.stringMatching(/^1-/) },
      relationships: { parent: { data: { type: file, id: drive.dir } } },
    })
    expect(meta.count).toBeGreaterThan(1e9)
    expect(links.next).toStartWith('/files/_find?page%5Bcursor%5D=')
  })

  test.each([
    ['the address', (next: string) => ({ query: next.slice('/files/_find'.length), body: {} })],
    [
      'a bookmark',
      (next: string) => ({
        query: '',
        body: { bookmark: new URL(next, 'http://x').searchParams.get('page[cursor]'), limit: 9 },
      }),
    ],
  ])('go on by %s', async (_, follow) => {
    const found: string[] = []
    let next: { query: string; body: object } | undefined = { query: '?page[limit]=9', body: {} }
    while (next !== undefined) {
      const { data, meta, links } = await find({ ...question, ...next.body }, next.query)
      found.push(...names(data))
      if (links.next === undefined) expect(meta.count).toBe(data.length)
      next = links.next === undefined ? undefined : follow(links.next)
    }
    expect(found).toEqual(Array.from({ length: 41 }, (_, n) => `f${String(n).padStart(2, '0')}`))
  })

  test('skip, and count what was skipped', async () => {
    const { data, meta } = await find({ ...question, skip: 39, limit: 10 })
    expect([names(data), meta.count]).toEqual([['f39', 'f40'], 41])
  })

  test('show the attributes asked for, paths too', async () => {
    const { data } = await find({ ...question, limit: 1, fields: ['size', 'path'] })
    const always = { type: 'file', class: 'files', size: '0', trashed: false }
    expect(data[0].attributes).toEqual({ ...always, dir_id: drive.dir, path: '/dir/f00' })
    const short = await find({ ...question, limit: 1, fields: [] })
    expect(short.data[0].attributes).toEqual(always)
  })

  test('without an index are refused in words that clients know', async () => {
    const { status, json } = await drive.ask('POST /files/_find', { body: { selector: { nothing: 1 } } })
    expect([status, json.errors[0].title]).toEqual([400, 'no_index'])
    const sorted = await drive.ask('POST /files/_find', { body: { selector: { nothing: 1 }, sort: ['nothing'] } })
    expect([sorted.status, sorted.json.errors[0].title]).toEqual([400, 'no_usable_index'])
  })

  test.each([
    ['[]'],
    ['{'],
    ['{"selector":1}'],
    ['{"selector":{"type":"file"},"fields":1}'],
    ['{"selector":{"type":"file"},"limit":"x","bookmark":1}'],
    ['{"selector":{"type":"file"},"bookmark":"nonsense"}'],
  ])('that are malformed are refused: %s', async (body) => {
    const { status, json } = await drive.ask('POST /files/_find', { body })
    expect([status, json.errors?.[0].status]).toEqual([400, '400'])
  })

  test('tell statistics when asked', async () => {
    const { meta } = await find({ ...question, execution_stats: true })
    expect(meta.execution_stats).toMatchObject({ results_returned: 41 })
  })
})

const album = '/data/io.cozy.photos.albums/an%2Falbum/relationships/references'

scenarios('references', openDrive, [
  ...['a', 'b', 'c'].map(
    (name, day): Scenario => ({
      name: `a photo ${name}`,
      request: `POST /files/?Type=file&Name=${name}.jpg&CreatedAt=2020-01-0${9 - day}T00:00:00Z`,
      status: 201,
      save: { [name]: 'data.id' },
    }),
  ),
  { name: 'none', request: `GET ${album}`, status: 200, json: { data: [], meta: { count: 0 }, links: {} } },
  {
    name: 'added from the document',
    request: `POST ${album}`,
    body: { data: ['{{a}}', '{{b}}'].map((id) => ({ type: file, id })) },
    status: 204,
  },
  { name: 'one alone', request: `POST ${album}`, body: { data: { type: file, id: '{{c}}' } }, status: 204 },
  {
    name: 'again, which changes nothing',
    request: `POST ${album}`,
    body: { data: [{ type: file, id: '{{c}}' }] },
    status: 204,
  },
  {
    name: 'not of another doctype',
    request: `POST ${album}`,
    body: { data: [{ type: 'x', id: '{{a}}' }] },
    status: 400,
  },
  {
    name: 'seen from a file',
    request: 'GET /files/{{c}}',
    status: 200,
    json: {
      data: {
        meta: { rev: /^2-/ },
        relationships: { referenced_by: { data: [{ type: 'io.cozy.photos.albums', id: 'an/album' }] } },
      },
    },
    lacks: ['"referenced_by":[{'],
  },
  {
    name: 'from the document, with the files, by date',
    request: `GET ${album}?include=files&sort=datetime`,
    status: 200,
    json: {
      data: [
        { type: file, id: '{{c}}' },
        { type: file, id: '{{b}}' },
        { type: file, id: '{{a}}' },
      ],
      meta: { count: 3 },
      included: [{ id: '{{c}}' }, { id: '{{b}}' }, { id: '{{a}}' }],
    },
    answers: { 'content-type': 'application/vnd.api+json' },
  },
  {
    name: 'the other way round, page by page',
    request: `GET ${album}?sort=-datetime&page[limit]=2`,
    status: 200,
    json: { data: [{ id: '{{a}}' }, { id: '{{b}}' }], meta: { count: 3 } },
    lacks: ['included'],
    save: { next: 'links.next' },
  },
  {
    name: 'the next page',
    request: 'GET {{next}}',
    status: 200,
    json: { data: [{ id: '{{c}}' }], meta: { count: 3 }, links: {} },
  },
  {
    name: 'by id',
    request: `GET ${album}?sort=id&page[limit]=2`,
    status: 200,
    json: { data: [{ id: '{{a}}' }, { id: '{{b}}' }] },
    save: { next: 'links.next' },
  },
  { name: 'the rest by id', request: 'GET {{next}}', status: 200, json: { data: [{ id: '{{c}}' }] } },
  {
    name: 'an order that is none',
    request: `GET ${album}?sort=name`,
    status: 400,
    json: { error: 'Bad Request(400): Invalid sort parameter' },
  },
  { name: 'a cursor that is none', request: `GET ${album}?page[cursor]=x`, status: 400 },
  {
    name: 'added from the file',
    request: 'POST /files/{{a}}/relationships/referenced_by',
    body: {
      data: [
        { type: 'io.cozy.notes', id: 'n' },
        { type: 'io.cozy.notes', id: 'n' },
      ],
    },
    status: 200,
    json: {
      data: [
        { type: 'io.cozy.photos.albums', id: 'an/album' },
        { type: 'io.cozy.notes', id: 'n' },
      ],
      meta: { count: 2, rev: /^3-/ },
    },
  },
  {
    name: 'removed from the file',
    request: 'DELETE /files/{{a}}/relationships/referenced_by',
    body: { data: [{ type: 'io.cozy.photos.albums', id: 'an/album' }] },
    status: 200,
    json: { data: [{ type: 'io.cozy.notes', id: 'n' }], meta: { count: 1 } },
  },
  {
    name: 'removed from the document',
    request: `DELETE ${album}`,
    body: { data: [{ type: file, id: '{{b}}' }] },
    status: 204,
  },
  { name: 'what is left', request: `GET ${album}`, status: 200, json: { data: [{ id: '{{c}}' }], meta: { count: 1 } } },
])

scenarios('trash', openDrive, [
  { name: 'a directory', request: 'POST /files/?Type=directory&Name=d', status: 201, save: { d: 'data.id' } },
  { name: 'a file in it', request: 'POST /files/{{d}}?Type=file&Name=f', status: 201, save: { f: 'data.id' } },
  {
    name: 'the directory into the trash',
    request: 'DELETE /files/{{d}}',
    headers: { 'if-match': '' },
    status: 200,
    json: { data: { attributes: { path: '/.cozy_trash/d', restore_path: '/', dir_id: 'io.cozy.files.trash-dir' } } },
  },
  {
    name: 'its file is trashed',
    request: 'GET /files/{{f}}',
    status: 200,
    json: { data: { attributes: { trashed: true } } },
  },
  {
    name: 'the file alone out of it',
    request: 'POST /files/trash/{{f}}',
    status: 200,
    json: { data: { attributes: { trashed: false } } },
  },
  { name: 'where it was', request: 'GET /files/metadata?Path=/d/f', status: 200, json: { data: { id: '{{f}}' } } },
  {
    name: 'the directory out of it, beside the new one',
    request: 'POST /files/trash/{{d}}',
    status: 200,
    json: { data: { attributes: { dir_id: root } } },
  },
  { name: 'into the trash again', request: 'DELETE /files/{{d}}', status: 200, save: { rev: 'data.meta.rev' } },
  { name: 'destroyed', request: 'DELETE /files/trash/{{d}}?rev={{rev}}', status: 204 },
  { name: 'gone', request: 'GET /files/{{d}}', status: 404 },
  { name: 'the other into the trash', request: 'DELETE /files/{{f}}', status: 200 },
  { name: 'everything at once', request: 'DELETE /files/trash', status: 204 },
  { name: 'nothing there', request: 'GET /files/trash', status: 200, json: { data: [], meta: { count: 0 } } },
])

scenarios('settings', openDrive, [
  {
    name: 'what the server can do',
    request: 'GET /settings/capabilities',
    as: 'io.cozy.nothing:GET',
    status: 200,
    json: {
      data: {
        type: 'io.cozy.settings',
        id: 'io.cozy.settings.capabilities',
        attributes: { file_versioning: true, can_auth_with_oidc: false },
      },
    },
  },
  {
    name: 'usage for who may upload',
    request: 'GET /settings/disk-usage',
    as: 'io.cozy.files:POST:x',
    status: 200,
    lacks: ['quota'],
  },
  {
    name: 'usage for who may see it',
    request: 'GET /settings/disk-usage',
    as: 'io.cozy.settings:GET:io.cozy.settings.disk-usage',
    status: 200,
  },
  { name: 'for nobody else', request: 'GET /settings/disk-usage', as: 'io.cozy.files:GET', status: 403 },
  { name: 'without a token', request: 'GET /settings/capabilities', as: 'nobody', status: 401 },
])
