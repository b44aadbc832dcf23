/** Making and changing directories and files. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { scenarios } from '../scenarios.ts'
import { openDrive, startDrives, type TestDrive } from './drive.ts'

beforeAll(startDrives, 60_000)

const root = 'io.cozy.files.root-dir'
const attributes = (given: object) => ({ data: { attributes: given } })

scenarios('directories', openDrive, [
  {
    name: 'made in the root, with all that can be said of one',
    request:
      'POST /files/?Type=directory&Name=Bills&Tags=a,%20b%20,,a&CreatedAt=2020-01-02T03:04:05Z&UpdatedAt=2021-01-02T03:04:05Z',
    status: 201,
    json: {
      data: {
        type: 'io.cozy.files',
        id: /^[0-9a-f]{32}$/,
        attributes: {
          type: 'directory',
          name: 'Bills',
          dir_id: root,
          path: '/Bills',
          tags: ['a', 'b'],
          created_at: '2020-01-02T03:04:05Z',
          updated_at: '2021-01-02T03:04:05Z',
          cozyMetadata: { doctypeVersion: '1', metadataVersion: 1, createdOn: /^https:\/\/.*\/$/ },
        },
        meta: { rev: /^1-[0-9a-f]{32}$/ },
        relationships: {
          parent: { links: { self: `/files/${root}` }, data: { type: 'io.cozy.files', id: root } },
          contents: { meta: { count: 0 }, data: [] },
        },
      },
    },
    answers: { 'content-type': 'application/vnd.api+json', location: /^\/files\/[0-9a-f]{32}$/ },
    save: { bills: 'data.id' },
  },
  {
    name: 'without a slash, the date in a header, empty parameters',
    request: 'POST /files?Type=directory&Name=Dated&MetadataID=&Tags=&CreatedAt=',
    headers: { date: 'Wed, 21 Oct 2015 07:28:00 GMT' },
    status: 201,
    json: {
      data: {
        attributes: { created_at: '2015-10-21T07:28:00.000Z', updated_at: '2015-10-21T07:28:00.000Z', tags: [] },
      },
    },
  },
  {
    name: 'dates that are none count as not given',
    request: 'POST /files/?Type=directory&Name=Undated&CreatedAt=yesterday&UpdatedAt=soon',
    headers: { date: '' },
    status: 201,
    json: { data: { attributes: { created_at: /^20\d\d-.*Z$/ } } },
  },
  {
    name: 'by a path, with what is missing above it',
    request: 'POST /files/?Type=directory&Path=/Deep/er/%C3%A9&Recursive=true',
    status: 201,
    json: { data: { attributes: { path: '/Deep/er/é', name: 'é' } } },
    save: { deep: 'data.id' },
  },
  {
    name: 'by a path that is there',
    request: 'POST /files/?Type=directory&Path=/Deep/er/%C3%A9&Recursive=true',
    status: 201,
    json: { data: { id: '{{deep}}' } },
  },
  {
    name: 'by a path without its parent',
    request: 'POST /files/?Type=directory&Path=/No/where',
    status: 404,
  },
  {
    name: 'changed: name and tags',
    request: 'PATCH /files/{{bills}}',
    body: attributes({ name: 'Invoices', tags: ['c'] }),
    headers: { 'if-match': '' },
    status: 200,
    json: { data: { attributes: { name: 'Invoices', path: '/Invoices', tags: ['c'] }, meta: { rev: /^2-/ } } },
    save: { rev: 'data.meta.rev' },
  },
  {
    name: 'moved by its relationship, with the revision in quotes',
    request: 'PATCH /files/{{bills}}',
    body: { data: { relationships: { parent: { data: { type: 'io.cozy.files', id: '{{deep}}' } } } } },
    headers: { 'if-match': '"{{rev}}"' },
    status: 200,
    json: { data: { attributes: { path: '/Deep/er/é/Invoices', dir_id: '{{deep}}' } } },
  },
  {
    name: 'changed by its path',
    request: 'PATCH /files/metadata?Path=/Deep/er/%C3%A9/Invoices',
    body: attributes({ cozyMetadata: { favorite: true } }),
    status: 200,
    json: { data: { id: '{{bills}}', attributes: { cozyMetadata: { favorite: true, createdOn: /^https/ } } } },
  },
])

scenarios('files', openDrive, [
  {
    name: 'metadata for an upload to come',
    request: 'POST /files/upload/metadata',
    body: { data: { type: 'io.cozy.files.metadata', attributes: { category: 'bill', n: 1.5 } } },
    headers: { 'content-type': 'application/vnd.api+json' },
    status: 201,
    json: {
      data: { type: 'io.cozy.files.metadata', id: /^[A-Za-z0-9]{32}$/, attributes: { category: 'bill', n: 1.5 } },
    },
    save: { secret: 'data.id' },
  },
  {
    name: 'uploaded with all that can be said of one',
    request:
      'POST /files/?Type=file&Name=a.txt&Tags=x,y&Executable=true&Encrypted=true&MetadataID={{secret}}&SourceAccount=acc&SourceAccountIdentifier=me&CreatedAt=2020-01-02T03:04:05Z',
    body: 'hello',
    headers: { 'content-type': 'text/plain; charset=utf-8', 'content-md5': 'XUFAKrxLKna5cZ2REBfFkg==' },
    status: 201,
    json: {
      data: {
        attributes: {
          type: 'file',
          name: 'a.txt',
          size: '5',
          md5sum: 'XUFAKrxLKna5cZ2REBfFkg==',
          mime: 'text/plain',
          class: 'text',
          executable: true,
          encrypted: true,
          trashed: false,
          tags: ['x', 'y'],
          metadata: { category: 'bill', n: 1.5 },
          cozyMetadata: { sourceAccount: 'acc', sourceAccountIdentifier: 'me', uploadedOn: /^https/ },
        },
        links: { self: /^\/files\// },
      },
    },
    lacks: ['internal_vfs_id', '"path"', 'tiny'],
    answers: { location: /^\/files\/[0-9a-f]{32}$/ },
    save: { file: 'data.id', rev: 'data.meta.rev' },
  },
  {
    name: 'uploaded without anything but a name: the type is that of the name',
    request: 'POST /files/?Type=file&Name=photo.jpg&Size=&SourceAccount=&MetadataID=',
    status: 201,
    json: {
      data: {
        attributes: { size: '0', md5sum: '1B2M2Y8AsgTpgAmY7PhCfg==', mime: 'image/jpeg', class: 'image' },
        links: { tiny: /^\/files\/[0-9a-f]{32}\/thumbnails\/[0-9a-f]{32}\/tiny$/, large: /large$/ },
      },
    },
  },
  {
    name: 'uploaded in chunks with the size announced',
    request: 'POST /files/?Type=file&Name=chunked&Size=7',
    body: 'chunked',
    headers: { 'transfer-encoding': 'chunked' },
    status: 201,
    json: { data: { attributes: { size: '7', mime: 'application/octet-stream', class: 'files' } } },
  },
  {
    name: 'uploaded in chunks without it',
    request: 'POST /files/?Type=file&Name=unknown&Metadata=%7B%22a%22:1%7D',
    body: 'unknown',
    headers: { 'transfer-encoding': 'chunked' },
    status: 201,
    json: { data: { attributes: { size: '7', metadata: { a: 1 } } } },
  },
  {
    name: 'overwritten: tags and flags are replaced even when not given',
    request: 'PUT /files/{{file}}?Name=ignored.txt',
    body: 'other text',
    headers: { 'content-type': 'text/markdown', 'if-match': '{{rev}}' },
    status: 200,
    json: {
      data: {
        id: '{{file}}',
        attributes: {
          name: 'a.txt',
          size: '10',
          mime: 'text/markdown',
          tags: [],
          executable: false,
          encrypted: false,
          created_at: '2020-01-02T03:04:05Z',
        },
        meta: { rev: /^2-/ },
      },
    },
  },
  {
    name: 'renamed: the type follows the extension, what is not given stays',
    request: 'PATCH /files/{{file}}',
    body: attributes({ name: 'a.png', tags: ['kept'], metadata: { only: true } }),
    status: 200,
    json: { data: { attributes: { name: 'a.png', mime: 'image/png', class: 'image', metadata: { only: true } } } },
  },
  {
    name: 'changed in some attributes',
    request: 'PATCH /files/{{file}}',
    body: attributes({
      executable: true,
      class: 'own: it is worked out from the type',
      restore_path: '/evil',
      size: '1',
      updated_at: '2037-01-01T00:00:00Z',
    }),
    status: 200,
    json: {
      data: {
        attributes: {
          executable: true,
          class: 'image',
          size: '10',
          tags: ['kept'],
          updated_at: '2037-01-01T00:00:00Z',
        },
      },
    },
    lacks: ['restore_path'],
  },
  {
    name: 'copied beside itself',
    request: 'POST /files/{{file}}/copy',
    status: 201,
    json: { data: { attributes: { name: 'a (copy).png', size: '10', dir_id: root } } },
  },
  {
    name: 'copied again',
    request: 'POST /files/{{file}}/copy?Name=&DirID=',
    status: 201,
    json: { data: { attributes: { name: 'a (copy) (2).png' } } },
  },
  { name: 'a directory', request: 'POST /files/?Type=directory&Name=d', status: 201, save: { d: 'data.id' } },
  {
    name: 'copied elsewhere under another name, as the client spells it',
    request: 'POST /files/{{file}}/copy?name=b.png&DirID={{d}}',
    status: 201,
    json: { data: { attributes: { name: 'b.png', dir_id: '{{d}}' } } },
    save: { b: 'data.id' },
  },
  { name: 'a directory is not copied', request: 'POST /files/{{d}}/copy', status: 404 },
  { name: 'a directory has no content', request: 'PUT /files/{{d}}', body: 'x', status: 404 },
  {
    name: 'shared drives, made once',
    request: 'POST /files/shared-drives',
    status: 200,
    json: { data: { id: 'io.cozy.files.shared-drives-dir', attributes: { type: 'directory' } } },
    save: { rev: 'data.meta.rev' },
  },
  {
    name: 'and found again',
    request: 'POST /files/shared-drives',
    status: 200,
    json: { data: { meta: { rev: '{{rev}}' } } },
  },
  {
    name: 'to the trash by an attribute',
    request: 'PATCH /files/{{b}}',
    body: attributes({ move_to_trash: true }),
    status: 200,
    json: { data: { attributes: { trashed: true, dir_id: 'io.cozy.files.trash-dir', restore_path: '/d' } } },
  },
  {
    name: 'for good by an attribute',
    request: 'PATCH /files/{{b}}',
    body: attributes({ permanent_delete: true }),
    status: 200,
    json: { data: { id: '{{b}}', attributes: { name: 'b.png', trashed: true } } },
  },
  { name: 'it is gone', request: 'GET /files/{{b}}', status: 404 },
])

scenarios('several at once', openDrive, [
  ...['a', 'b', 'c'].map((name) => ({
    name: `a file ${name}`,
    request: `POST /files/?Type=file&Name=${name}`,
    status: 201,
    save: { [name]: 'data.id' },
  })),
  {
    name: 'all are changed',
    request: 'PATCH /files/',
    body: {
      data: [
        { type: 'io.cozy.files', id: '{{a}}', attributes: { name: 'a2' } },
        { id: '{{b}}', attributes: { tags: ['t'] } },
        { id: '{{c}}', attributes: { move_to_trash: true } },
      ],
    },
    status: 204,
  },
  { name: 'the first', request: 'GET /files/{{a}}', status: 200, json: { data: { attributes: { name: 'a2' } } } },
  { name: 'the second', request: 'GET /files/{{b}}', status: 200, json: { data: { attributes: { tags: ['t'] } } } },
  { name: 'the third', request: 'GET /files/{{c}}', status: 200, json: { data: { attributes: { trashed: true } } } },
  {
    name: 'each stands for itself, and errors name theirs',
    request: 'PATCH /files',
    body: {
      data: [
        { id: '{{a}}', attributes: { name: 'b' } },
        { id: 'nowhere', attributes: { name: 'x' } },
        { id: '{{b}}', attributes: { name: 'b2' } },
      ],
    },
    status: 409,
    json: {
      errors: [
        { status: '409', title: 'Conflict', source: { parameter: '_id', pointer: '{{a}}' } },
        { status: '404', title: 'Not Found', source: { parameter: '_id', pointer: 'nowhere' } },
      ],
    },
    answers: { 'content-type': 'application/vnd.api+json' },
  },
  {
    name: 'the last was changed',
    request: 'GET /files/{{b}}',
    status: 200,
    json: { data: { attributes: { name: 'b2' } } },
  },
  {
    name: 'what is not allowed stops everything',
    request: 'PATCH /files',
    as: 'io.cozy.files:PATCH:b2:name',
    body: {
      data: [
        { id: '{{b}}', attributes: { name: 'b3' } },
        { id: '{{a}}', attributes: { name: 'a3' } },
      ],
    },
    status: 403,
  },
  {
    name: 'nothing was changed',
    request: 'GET /files/{{b}}',
    status: 200,
    json: { data: { attributes: { name: 'b2' } } },
  },
])

describe('names', () => {
  let drive: TestDrive
  beforeAll(async () => {
    drive = await openDrive()
  })

  const nfc = 'caf\u00e9'
  const nfd = 'cafe\u0301'
  const names = [
    nfc,
    nfd,
    '🎈 party 👩‍👩‍👧',
    'a'.repeat(255),
    'é'.repeat(127),
    ' lead and trail ',
    '100% + & = ?#.txt',
    '%2F',
    "it's.txt",
    '日本語.pdf',
    '.hidden',
    '-rf',
    '~',
    'CON',
    'Café',
    'a\tb',
    '"q"',
    'back\\slash',
  ]

  test('are kept code point by code point, and each is another one', async () => {
    for (const name of names) {
      const made = await drive.ask(`POST /files/?Type=file&Name=${encodeURIComponent(name)}`, { body: name })
      expect([made.status, made.json.data?.attributes.name]).toEqual([201, name])
      const found = await drive.ask(`GET /files/metadata?Path=${encodeURIComponent(`/${name}`)}`)
      expect(found.json.data).toMatchObject({ id: made.json.data.id, attributes: { name, path: `/${name}` } })
      const again = await drive.ask(`POST /files/?Type=directory&Name=${encodeURIComponent(name)}`)
      expect(again.status).toBe(409)
    }
    const { json } = await drive.ask(`GET /files/${root}?page[limit]=100`)
    expect(json.included.map((node: { attributes: { name: string } }) => node.attributes.name).sort()).toEqual(
      [...names].sort(),
    )
  })

  test('beyond any use are refused', async () => {
    for (const name of ['a'.repeat(1025), 'é'.repeat(513)]) {
      const { status, json } = await drive.ask(`POST /files/?Type=directory&Name=${encodeURIComponent(name)}`)
      expect([status, json.errors[0].source]).toEqual([422, { parameter: 'name' }])
    }
  })
})

describe('two uploads of one name at once', () => {
  test('one wins and the other is refused', async () => {
    const drive = await openDrive()
    const body = new Uint8Array(300_000)
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        drive.ask('POST /files/?Type=file&Name=same', { body: body.fill(n).slice() }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409])
    const { json } = await drive.ask(`GET /files/${root}`)
    expect(json.data.relationships.contents.meta.count).toBe(1)
    expect((await drive.ask('GET /settings/disk-usage')).json.data.attributes.used).toBe('300000')
  })
})
