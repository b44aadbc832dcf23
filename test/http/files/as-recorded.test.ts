/** Details of answers that clients of cozy-stack depend on, as a real one gives them. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { scenarios } from '../scenarios.ts'
import { openDrive, startDrives } from './drive.ts'

beforeAll(startDrives, 60_000)

const root = 'io.cozy.files.root-dir'
const attributes = (given: object) => ({ data: { attributes: given } })
const references = (...ids: string[]) => ({ data: ids.map((id) => ({ type: 'io.cozy.albums', id })) })

scenarios('a new instance', () => openDrive({ isNew: true }), [
  {
    name: 'begins with /Administrative, which its applications find by a reference, and /Photos',
    request: `GET /files/${root}`,
    status: 200,
    json: {
      included: [
        {
          attributes: {
            path: '/Administrative',
            referenced_by: [{ type: 'io.cozy.apps', id: 'io.cozy.apps/administrative' }],
          },
        },
        { attributes: { path: '/Photos' } },
      ],
    },
    save: { photos: 'included.1.id' },
  },
  {
    name: 'the reference is found from the other side',
    request: 'GET /data/io.cozy.apps/io.cozy.apps%2Fadministrative/relationships/references',
    status: 200,
    json: { meta: { count: 1 } },
  },
  {
    name: 'one of them is destroyed',
    request: 'PATCH /files/{{photos}}',
    body: attributes({ permanent_delete: true }),
    status: 200,
  },
  {
    name: 'and does not come back',
    request: `GET /files/${root}`,
    status: 200,
    json: { included: [{ attributes: { path: '/Administrative' } }] },
  },
])

scenarios('what is trashed', openDrive, [
  { name: 'a file', request: 'POST /files/?Type=file&Name=a', status: 201, save: { a: 'data.id' } },
  { name: 'a directory', request: 'POST /files/?Type=directory&Name=d', status: 201, save: { d: 'data.id' } },
  {
    name: 'a file says by whom and when',
    request: 'DELETE /files/{{a}}',
    status: 200,
    json: {
      data: {
        attributes: {
          cozyMetadata: { trashedAt: /^20/, trashedBy: { kind: 'member', domain: /^drive-.*localhost$/ } },
        },
      },
    },
  },
  {
    name: 'a directory does, also when it is trashed by an attribute',
    request: 'PATCH /files/{{d}}',
    body: attributes({ move_to_trash: true }),
    status: 200,
    json: { data: { attributes: { cozyMetadata: { trashedBy: { kind: 'member' } } } } },
  },
  { name: 'restored, it says so no more', request: 'POST /files/trash/{{a}}', status: 200, lacks: ['trashedBy'] },
  { name: 'so does a directory', request: 'POST /files/trash/{{d}}', status: 200, lacks: ['trashedBy', 'trashedAt'] },
])

scenarios('directories by a path', openDrive, [
  { name: 'made', request: 'POST /files/?Type=directory&Path=/a', status: 201 },
  { name: 'there already', request: 'POST /files/?Type=directory&Path=/a', status: 409 },
  {
    name: 'there already, but asked for with Recursive',
    request: 'POST /files/?Type=directory&Path=/a&Recursive=true',
    status: 201,
  },
  { name: 'the root', request: 'POST /files/?Type=directory&Path=/', status: 404 },
  { name: 'a file', request: 'POST /files/?Type=file&Name=f', status: 201 },
  { name: 'the path of a file', request: 'POST /files/?Type=directory&Path=/f', status: 409 },
  {
    name: 'the path of a file, with Recursive',
    request: 'POST /files/?Type=directory&Path=/f&Recursive=true',
    status: 409,
  },
  { name: 'a path through a file', request: 'POST /files/?Type=directory&Path=/f/x&Recursive=true', status: 404 },
])

scenarios('the parts of an object', openDrive, [
  { name: 'a directory', request: 'POST /files/?Type=directory&Name=d', status: 201, save: { d: 'data.id' } },
  {
    name: 'a directory names its parent as `self`',
    request: 'POST /files/{{d}}?Type=directory&Name=e',
    status: 201,
    json: { data: { relationships: { parent: { links: { self: '/files/{{d}}' } } } } },
    lacks: ['"related"', '"referenced_by":['],
  },
  {
    name: 'a file names it as `related`',
    request: 'POST /files/{{d}}?Type=file&Name=f',
    status: 201,
    json: { data: { relationships: { parent: { links: { related: '/files/{{d}}' } } } } },
    save: { f: 'data.id' },
  },
  {
    name: 'references of a directory',
    request: 'POST /files/{{d}}/relationships/referenced_by',
    body: references('x'),
    status: 200,
  },
  {
    name: 'references of a file',
    request: 'POST /files/{{f}}/relationships/referenced_by',
    body: references('x'),
    status: 200,
  },
  {
    name: 'a directory shows references among its attributes',
    request: 'GET /files/{{d}}',
    status: 200,
    json: { data: { attributes: { referenced_by: [{ type: 'io.cozy.albums', id: 'x' }] } } },
  },
  {
    name: 'a file shows them as a relationship only',
    request: 'GET /files/{{f}}',
    status: 200,
    json: { data: { relationships: { referenced_by: { data: [{ id: 'x' }] } } } },
    lacks: ['"referenced_by":['],
  },
  { name: 'another content', request: 'PUT /files/{{f}}', body: 'more', status: 200 },
  {
    name: 'a version names its file among its attributes',
    request: 'GET /files/{{f}}',
    status: 200,
    json: {
      included: [{ attributes: { relationships: { file: { data: { _id: '{{f}}', _type: 'io.cozy.files' } } } } }],
    },
  },
])

scenarios('a PATCH', openDrive, [
  {
    name: 'a file',
    request: 'POST /files/?Type=file&Name=a.txt&Tags=x',
    status: 201,
    save: { a: 'data.id', rev: 'data.meta.rev' },
  },
  {
    name: 'without attributes changes nothing',
    request: 'PATCH /files/{{a}}',
    body: { data: { type: 'io.cozy.files' } },
    status: 200,
    json: { data: { id: '{{a}}', meta: { rev: '{{rev}}' } } },
  },
  {
    name: 'without attributes is refused all the same when it names another revision',
    request: 'PATCH /files/{{a}}',
    body: { data: {} },
    headers: { 'if-match': '1-other' },
    status: 412,
  },
  {
    name: 'without attributes is refused among several',
    request: 'PATCH /files/',
    body: { data: [{ id: '{{a}}' }] },
    status: 400,
  },
  {
    name: 'trims tags and keeps each once',
    request: 'PATCH /files/{{a}}',
    body: attributes({ tags: ['x', 'y', 'x', ' z ', '', '  '] }),
    status: 200,
    json: { data: { attributes: { tags: ['x', 'y', 'z'] } } },
  },
  {
    name: 'of a class works it out from the type',
    request: 'PATCH /files/{{a}}',
    body: attributes({ class: 'image' }),
    status: 200,
    json: { data: { attributes: { class: 'text', mime: 'text/plain' } } },
  },
  {
    name: 'of a class and a name takes that of the new name',
    request: 'PATCH /files/{{a}}',
    body: attributes({ class: 'text', name: 'a.pdf' }),
    status: 200,
    json: { data: { attributes: { class: 'pdf', mime: 'application/pdf' } } },
  },
  {
    name: 'for good answers what was there, and needs the revision that it names',
    request: 'PATCH /files/{{a}}',
    body: attributes({ permanent_delete: true }),
    headers: { 'if-match': '1-other' },
    status: 412,
  },
  {
    name: 'for good of a directory',
    request: 'POST /files/?Type=directory&Path=/d/e&Recursive=true',
    status: 201,
    save: { d: 'data.attributes.dir_id' },
  },
  {
    name: 'for good of a directory answers it too',
    request: 'PATCH /files/metadata?Path=/d',
    body: attributes({ permanent_delete: true }),
    status: 200,
    json: { data: { id: '{{d}}', attributes: { path: '/d' } } },
  },
  { name: 'which is gone', request: 'GET /files/{{d}}', status: 404 },
])

const [early, late] = ['2021-02-03T04:05:06.123456788Z', '2021-02-03T05:05:06.123456789%2B01:00']
scenarios('dates', openDrive, [
  {
    name: 'keep nanoseconds and offset on creation',
    request: `POST /files/?Type=file&Name=a&CreatedAt=${early}&UpdatedAt=${late}`,
    status: 201,
    json: {
      data: {
        attributes: { created_at: '2021-02-03T04:05:06.123456788Z', updated_at: '2021-02-03T05:05:06.123456789+01:00' },
      },
    },
    save: { a: 'data.id' },
  },
  {
    name: 'keep them when changed, the instant of creation being the earliest',
    request: 'PATCH /files/{{a}}',
    body: attributes({ updated_at: '2021-02-03T06:05:06.123456788+02:00' }),
    status: 200,
    json: { data: { attributes: { updated_at: '2021-02-03T06:05:06.123456788+02:00' } } },
  },
  {
    name: 'a nanosecond before creation is refused',
    request: 'PATCH /files/{{a}}',
    body: attributes({ updated_at: '2021-02-03T06:05:06.123456787+02:00' }),
    status: 422,
  },
  {
    name: 'keep them when the content is replaced',
    request: `PUT /files/{{a}}?UpdatedAt=${late}`,
    body: 'x',
    status: 200,
    json: { data: { attributes: { updated_at: '2021-02-03T05:05:06.123456789+01:00' } } },
  },
  {
    name: 'are shown in seconds where HTTP has no more',
    request: 'GET /files/download/{{a}}',
    status: 200,
    answers: { 'last-modified': 'Wed, 03 Feb 2021 04:05:06 GMT' },
  },
  {
    name: 'of a directory keep them too',
    request: `POST /files/?Type=directory&Name=d&CreatedAt=${late}`,
    status: 201,
    json: { data: { attributes: { created_at: '2021-02-03T05:05:06.123456789+01:00' } } },
  },
])

describe('lists', () => {
  test('of everything leave the trash out, by ids and without', async () => {
    const drive = await openDrive()
    const make = async (query: string) => (await drive.ask(`POST /files/${query}`)).json.data.id as string
    const d = await make('?Type=directory&Name=d')
    const inside = await make(`${d}?Type=file&Name=inside`)
    const [gone, goneBelow] = [await make('?Type=directory&Name=gone'), await make('?Type=file&Name=old')]
    const below = await make(`${gone}?Type=file&Name=below`)
    for (const id of [gone, goneBelow]) await drive.ask(`DELETE /files/${id}`)
    const everything = [root, 'io.cozy.files.trash-dir', d, inside, gone, goneBelow, below]
    for (const body of [undefined, {}, { keys: [] }, { keys: everything }]) {
      const { status, json } = await drive.ask('POST /files/_all_docs', body === undefined ? {} : { body })
      expect([status, json.meta]).toEqual([200, { count: 3 }])
      expect(json.data.map(({ id }: { id: string }) => id)).toEqual([root, d, inside])
      expect(json.data[2].attributes.path).toBe('/d/inside')
    }
  })

  test('of more than one page are whole', async () => {
    const drive = await openDrive()
    const made = await Promise.all(
      Array.from({ length: 600 }, (_, n) => drive.ask(`POST /files/?Type=directory&Name=${n}`)),
    )
    const { json } = await drive.ask('POST /files/_all_docs')
    const ids = new Set(json.data.map(({ id }: { id: string }) => id))
    expect([json.meta.count, ids.size]).toEqual([601, 601])
    for (const { json: one } of made) expect(ids.has(one.data.id)).toBe(true)
  })

  test('a limit of 0 or less is as if none was given', async () => {
    const drive = await openDrive()
    for (const name of ['a', 'b']) await drive.ask(`POST /files/?Type=file&Name=${name}`)
    for (const limit of ['0', '-5', '']) {
      const { status, json } = await drive.ask(`GET /files/${root}/relationships/contents?page[limit]=${limit}`)
      expect([limit, status, json.data.length]).toEqual([limit, 200, 2])
    }
  })

  test('changes need include_docs for what is read from documents', async () => {
    const drive = await openDrive()
    await drive.ask('POST /files/?Type=file&Name=a')
    for (const name of ['skip_trashed', 'include_file_path']) {
      expect((await drive.ask(`GET /files/_changes?${name}=true`)).status).toBe(400)
      expect((await drive.ask(`GET /files/_changes?${name}=false`)).status).toBe(200)
      expect((await drive.ask(`GET /files/_changes?${name}=true&include_docs=true`)).status).toBe(200)
    }
    const query = 'include_docs=true&include_file_path=true&fields=name'
    const { json } = await drive.ask(`GET /files/_changes?${query}`)
    expect(json.results.at(-1).doc).toMatchObject({ name: 'a', path: '/a', dir_id: root })
  })

  test('questions show the path of every file, and with fields when they name it', async () => {
    const drive = await openDrive()
    await drive.ask('POST /data/io.cozy.files/_index', { body: { index: { fields: ['name'] } } })
    await drive.ask('POST /files/?Type=file&Name=a')
    const find = async (more: object) =>
      (await drive.ask('POST /files/_find', { body: { selector: { name: 'a' }, ...more } })).json.data[0].attributes
    expect(await find({})).toMatchObject({ name: 'a', path: '/a' })
    const always = { type: 'file', class: 'files', size: '0', trashed: false }
    expect(await find({ fields: ['name'] })).toEqual({ ...always, name: 'a' })
    expect(await find({ fields: ['path'] })).toEqual({ ...always, path: '/a', dir_id: root })
  })
})
