/** Who may do what. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { scenarios } from '../scenarios.ts'
import { openDrive, startDrives, type TestDrive } from './drive.ts'

beforeAll(startDrives, 60_000)

const root = 'io.cozy.files.root-dir'
const refusal = (status: number, title: string, detail: string) => ({
  errors: [{ status: `${status}`, title, detail }],
})

scenarios('tokens', openDrive, [
  ...[
    `GET /files/${root}`,
    'GET /files/nowhere',
    'POST /files/?Type=file&Name=x',
    'PUT /files/x',
    'PATCH /files/x',
    'PATCH /files/',
    'DELETE /files/x',
    'GET /files/trash',
    'DELETE /files/trash',
    'GET /files/_changes',
    'POST /files/_find',
    'POST /files/_all_docs',
    'POST /files/upload/metadata',
    'POST /files/shared-drives',
    'GET /settings/disk-usage',
  ].map((request) => ({
    name: `none: ${request}`,
    request,
    as: 'nobody',
    status: 401,
    json: refusal(401, 'Unauthorized', 'No token in request'),
    answers: { 'www-authenticate': 'Bearer', 'content-type': 'application/vnd.api+json' },
  })),
  {
    name: 'one that is nonsense',
    request: `GET /files/${root}`,
    headers: { authorization: 'Bearer nonsense' },
    status: 400,
    json: refusal(400, 'Bad Request', 'Invalid JWT token'),
    answers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  },
  {
    name: 'an unknown host',
    request: `GET /files/${root}`,
    headers: { host: 'nobody.example.net' },
    status: 404,
    json: { errors: [{ status: '404' }] },
  },
  {
    name: 'of another doctype',
    request: `GET /files/${root}`,
    as: 'io.cozy.notes',
    status: 403,
    json: refusal(403, 'Forbidden', 'Forbidden'),
  },
  { name: 'of another doctype, nothing there', request: 'GET /files/nowhere', as: 'io.cozy.notes', status: 403 },
  { name: 'for everything', request: `GET /files/${root}`, as: '*', status: 200 },
  { name: 'for the doctype', request: `GET /files/${root}`, as: 'io.cozy.files', status: 200 },
])

describe('restricted tokens', () => {
  let drive: TestDrive
  /** `/a/b/inside.jpg`, `/a/near.txt` (tagged, referenced), `/far.jpg`, by name. */
  const ids: Record<string, string> = {}

  beforeAll(async () => {
    drive = await openDrive()
    const make = async (name: string, parent: string, query: string) => {
      const { status, json } = await drive.ask(`POST /files/${parent}?${query}&Name=${name}`)
      expect(status).toBe(201)
      ids[name] = json.data.id
      return json.data.id as string
    }
    const a = await make('a', root, 'Type=directory')
    const b = await make('b', a, 'Type=directory&Tags=shelf')
    await make('inside.jpg', b, 'Type=file')
    const near = await make('near.txt', a, 'Type=file&Tags=work,urgent')
    await make('far.jpg', root, 'Type=file')
    const body = { data: [{ type: 'io.cozy.notes', id: 'n' }] }
    await drive.ask(`POST /files/${near}/relationships/referenced_by`, { body })
    const shelf = { data: [{ type: 'io.cozy.notes', id: 'shelf' }] }
    await drive.ask(`POST /files/${b}/relationships/referenced_by`, { body: shelf })
  }, 30_000)

  const filled = (text: string) => text.replaceAll(/\{(.+?)\}/g, (_, name) => ids[name] ?? name)

  test.each([
    ['an id', '{near.txt}', 'near.txt', 'a b inside.jpg far.jpg'],
    ['a parent', '{b}', 'b inside.jpg', 'a near.txt far.jpg'],
    ['a directory far above', '{a}', 'a b inside.jpg near.txt', 'far.jpg'],
    ['the root', root, 'a b inside.jpg near.txt far.jpg', ''],
    ['a name', 'far.jpg:name', 'far.jpg', 'a near.txt inside.jpg'],
    ['a media type', 'image/jpeg:mime', 'inside.jpg far.jpg', 'a near.txt'],
    ['a class', 'image:class', 'inside.jpg far.jpg', 'a near.txt'],
    ['a tag', 'urgent:tags', 'near.txt', 'a far.jpg'],
    ['a tag or another', 'other,work:tags', 'near.txt', 'a far.jpg'],
    ['a tag of a directory', 'shelf:tags', 'b inside.jpg', 'a near.txt far.jpg'],
    ['the name of a directory', 'a:name', 'a b inside.jpg near.txt', 'far.jpg'],
    ['the kind of a directory', 'directory:type', 'a b inside.jpg near.txt', 'far.jpg'],
    ['a reference', 'io.cozy.notes/n:referenced_by', 'near.txt', 'a far.jpg'],
    ['a reference of a directory', 'io.cozy.notes/shelf:referenced_by', 'b', 'a inside.jpg far.jpg'],
    ['a parent as an attribute, which rules do not select by', '{b}:dir_id', '', 'inside.jpg near.txt'],
    ['a size, which rules do not select by', '0:size', '', 'inside.jpg near.txt'],
    ['nothing that is there', 'x', '', 'a b inside.jpg near.txt far.jpg'],
  ])('by %s', async (_, values, allowed, refused) => {
    const as = `io.cozy.files:GET:${filled(values)}`
    for (const name of allowed.split(' ').filter(Boolean)) {
      expect([name, (await drive.ask(`GET /files/${ids[name]}`, { as })).status]).toEqual([name, 200])
    }
    for (const name of refused.split(' ').filter(Boolean)) {
      expect([name, (await drive.ask(`GET /files/${ids[name]}`, { as })).status]).toEqual([name, 403])
    }
    expect((await drive.ask('GET /files/nowhere', { as })).status).toBe(404)
  })

  test.each([
    // Request, scope that suffices, scope that does not.
    ['GET /files/metadata?Path=/a/near.txt', 'GET:{a}', 'GET:{b}'],
    ['GET /files/{a}/relationships/contents', 'GET:{a}', 'POST:{a}'],
    ['GET /files/{a}/size', 'GET:{a}', 'GET:{b}'],
    ['GET /files/trash', 'GET:io.cozy.files.trash-dir', 'GET:{a}'],
    ['POST /files/{b}?Type=directory&Name=new1', 'POST:{a}', 'GET:{a}'],
    ['POST /files/{b}?Type=file&Name=new2', 'POST:{b}', 'POST:{far.jpg}'],
    ['POST /files/?Type=file&Name=new3.png', 'POST:image:class', 'POST:pdf:class'],
    ['POST /files/?Type=file&Name=new4', `POST:${root}`, 'POST:{a}'],
    ['POST /files/?Type=directory&Path=/a/b/c/d&Recursive=true', 'POST:{a}', 'POST:{far.jpg}'],
    ['POST /files/?Type=directory&Path=/a/b/c2', 'POST:{a}', 'POST:{far.jpg}'],
    ['PUT /files/{near.txt}', 'PUT:{a}', 'POST,PATCH:{a}'],
    ['PATCH /files/{near.txt}', 'PATCH:{a}', 'PUT:{a}'],
    ['PATCH /files/metadata?Path=/a/near.txt', 'PATCH:{a}', 'PATCH:{b}'],
    ['PATCH /files/', 'PATCH:{a}', 'PATCH:{b}'],
    ['POST /files/{near.txt}/copy?DirID={b}', 'GET,POST:{a}', 'POST:{a}'],
    ['POST /files/{near.txt}/copy?DirID=io.cozy.files.root-dir', 'GET,POST', 'GET,POST:{a}'],
    ['POST /files/{near.txt}/relationships/referenced_by', 'PATCH:{a}', 'PUT:{a}'],
    ['POST /files/shared-drives', 'POST:io.cozy.files.shared-drives-dir', 'POST:{a}'],
    ['POST /files/upload/metadata', 'POST:{a}', 'GET'],
    ['POST /files/_all_docs', 'GET', 'GET:{a}'],
    ['POST /files/_find', 'GET', 'GET:{a}'],
    ['GET /files/_changes', 'GET', 'GET:{a}'],
    ['DELETE /files/{inside.jpg}', 'PATCH:{b}', 'DELETE:{b}'],
    ['POST /files/trash/{inside.jpg}', 'PATCH:{inside.jpg}', 'GET,POST:{inside.jpg}'],
    ['DELETE /files/trash', 'DELETE', 'DELETE:{a}'],
  ])('%s needs %s, and %s is not enough', async (request, enough, insufficient) => {
    const bodies: Readonly<Record<string, object>> = {
      PATCH: { data: { attributes: {} } },
      'PATCH /files/': { data: [{ id: ids['near.txt'], attributes: { tags: ['work', 'urgent'] } }] },
      'POST /files/{near.txt}/relationships/referenced_by': { data: [] },
      'POST /files/upload/metadata': { data: { attributes: {} } },
      'POST /files/_all_docs': { keys: [] },
      'POST /files/_find': { selector: { _id: { $gt: null } } },
    }
    const body = bodies[request] ?? bodies[request.split(' ')[0] ?? '']
    const ask = (scope: string) =>
      drive.ask(filled(request), { as: `io.cozy.files:${filled(scope)}`, ...(body === undefined ? {} : { body }) })
    const refused = await ask(insufficient)
    expect([refused.status, refused.json.errors?.[0].title]).toEqual([403, 'Forbidden'])
    const { status, text } = await ask(enough)
    expect(`${status} ${text}`).toMatch(/^20|^400.*no_index/)
  })

  test('moving needs PATCH where a node goes to as well', async () => {
    const move = (dirId: string, as: string) =>
      drive.ask(`PATCH /files/${ids['near.txt']}`, { as, body: { data: { attributes: { dir_id: dirId } } } })
    expect((await move(root, filled('io.cozy.files:PATCH:{a}'))).status).toBe(403)
    expect((await move(ids['b'] ?? '', filled('io.cozy.files:PATCH:{a}'))).status).toBe(200)
    expect((await move(ids['a'] ?? '', filled('io.cozy.files:PATCH:{a}'))).status).toBe(200)
  })

  test.each([
    ['GET', 'io.cozy.albums:GET:x', 'io.cozy.files:GET', 'io.cozy.albums:GET:y'],
    ['POST', 'io.cozy.albums:PUT:x', 'io.cozy.files:PATCH', 'io.cozy.albums:POST:x'],
    ['DELETE', 'io.cozy.albums:DELETE', 'io.cozy.files:PATCH', 'io.cozy.files:PATCH:{a}'],
  ])('%s references: %s or %s, but not %s', async (method, document, files, insufficient) => {
    const body = method === 'GET' ? {} : { body: { data: [{ type: 'io.cozy.files', id: ids['near.txt'] }] } }
    const path = `${method} /data/io.cozy.albums/x/relationships/references`
    const status = method === 'GET' ? 200 : 204
    expect((await drive.ask(path, { as: document, ...body })).status).toBe(status)
    expect((await drive.ask(path, { as: files, ...body })).status).toBe(status)
    expect((await drive.ask(path, { as: filled(insufficient), ...body })).status).toBe(403)
  })

  test('tenants do not see each other', async () => {
    const other = await openDrive()
    for (const request of [`GET /files/${ids['a']}`, 'GET /files/metadata?Path=/a', `PUT /files/${ids['far.jpg']}`]) {
      expect((await other.ask(request)).status).toBe(404)
    }
    const { status } = await other.fetch(`/files/${root}`, {
      method: 'GET',
      headers: { authorization: `Bearer ${await drive.token('*')}` },
    })
    expect(status).toBe(400)
  })
})
