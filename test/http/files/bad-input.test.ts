/** Odd values in every place that takes one: a clear refusal or a clean success, never a failure of the server. */
import { beforeAll, expect, test } from 'bun:test'
import { openDrive, startDrives, type TestDrive } from './drive.ts'

let drive: TestDrive
let file: string
let directory: string
/** What other tests made the shared server say before. */
let said = 0

beforeAll(async () => {
  await startDrives()
  drive = await openDrive()
  said = drive.server.output.stderr.length
  file = (await drive.ask('POST /files/?Type=file&Name=file', { body: 'x' })).json.data.id
  directory = (await drive.ask('POST /files/?Type=directory&Name=directory')).json.data.id
  await drive.ask('POST /data/io.cozy.files/_index', { body: { index: { fields: ['name'] } } })
}, 60_000)

/** As they stand in an address. */
const odd = [
  '%00',
  'a%00b',
  '%ff',
  '%',
  '%F0%9F%8E%88',
  '%ED%A0%80',
  '_design%2Fx',
  '..',
  '%2E%2E',
  '%2F',
  "'%22%3B--",
  'x'.repeat(5000),
  'toString',
  '__proto__',
  '-1',
  '1e400',
  'null',
  '%5B%5D',
  '%7B%7D',
]

const inAddress = [
  'GET /files/{}',
  'HEAD /files/{}',
  'GET /files/{}/size',
  'GET /files/{}/relationships/contents',
  'PUT /files/{}',
  'DELETE /files/{}',
  'POST /files/{}?Type=directory&Name=x',
  'POST /files/{}?Type=file&Name=x',
  'POST /files/{}/copy',
  'POST /files/trash/{}',
  'DELETE /files/trash/{}',
  'GET /files/metadata?Path={}',
  'GET /files/metadata?Path=/{}',
  'POST /files/?Type={}&Name=x',
  'POST /files/?Type=directory&Path=/{}&Recursive=true',
  'POST /files/FILE/copy?Name={}&DirID={}',
  'POST /files/FILE/copy?DirID={}',
  'GET /files/DIRECTORY?page[cursor]={}',
  'GET /files/DIRECTORY?page[limit]={}',
  'GET /files/DIRECTORY?page[skip]={}',
  'GET /files/DIRECTORY?page[cursor]=%5B%5B%22{}%22,%22file%22,%22{}%22%5D,%22{}%22%5D',
  'GET /files/_changes?since={}',
  'GET /files/_changes?limit={}',
  'GET /files/_changes?include_docs=true&fields={}',
  'GET /data/io.cozy.albums/{}/relationships/references',
  'GET /data/{}/x/relationships/references',
  'GET /data/io.cozy.albums/x/relationships/references?sort={}',
  'GET /data/io.cozy.albums/x/relationships/references?page[cursor]={}',
  'GET /data/io.cozy.albums/x/relationships/references?page[cursor]=%5B%5B%22%22,%22%22,%22{}%22%5D,%22{}%22%5D',
  'GET /settings/disk-usage?include={}',
  'PUT /files/FILE?Tags={}&UpdatedAt={}&Executable={}',
  'PUT /files/FILE?MetadataID={}',
  'PUT /files/FILE?Metadata={}',
  'PUT /files/FILE?rev={}',
]

test.each(inAddress)('in the address: %s', async (request) => {
  for (const value of odd) {
    const named = request.replace('FILE', file).replace('DIRECTORY', directory).replaceAll('{}', value)
    const { status, text } = await drive.ask(named)
    expect(`${named.slice(0, 200)}: ${status} ${text}`).toMatch(/: [24]\d\d /)
  }
})

const uploads = [
  'Name',
  'Tags',
  'SourceAccount',
  'SourceAccountIdentifier',
  'CreatedAt',
  'UpdatedAt',
  'Size',
  'Metadata',
]

test.each(uploads)('in an upload: %s', async (parameter) => {
  for (const [at, value] of odd.entries()) {
    const name = parameter === 'Name' ? '' : `&Name=${parameter}${at}`
    for (const type of ['file', 'directory']) {
      const { status, text } = await drive.ask(`POST /files/${directory}?Type=${type}${name}&${parameter}=${value}`)
      expect(`${parameter}=${value.slice(0, 50)}: ${status} ${text}`).toMatch(/: [24]\d\d /)
    }
  }
})

const values = [
  '"\\u0000"',
  '"\\ud800"',
  '""',
  '1',
  '1e999',
  'null',
  '[]',
  '[null]',
  '{}',
  '{"\\u0000":1}',
  '[["a"]]',
  '"x"',
]
const nested = `${'['.repeat(5000)}${']'.repeat(5000)}`

test.each([
  ['PATCH /files/FILE', ['name', 'dir_id', 'tags', 'updated_at', 'executable', 'class', 'metadata', 'cozyMetadata']],
  ['POST /files/upload/metadata', ['x', '\\u0000']],
] as const)('in attributes: %s', async (request, names) => {
  for (const name of names) {
    for (const value of [...values, nested]) {
      const body = `{"data":{"attributes":{"${name}":${value}}}}`
      const { status, text } = await drive.ask(request.replace('FILE', file), { body })
      expect(`${body.slice(0, 100)}: ${status} ${text}`).toMatch(/: [24]\d\d /)
    }
  }
})

test.each([
  ['POST /files/FILE/relationships/referenced_by', '{"data":[{"type":VALUE,"id":VALUE}]}'],
  ['DELETE /files/FILE/relationships/referenced_by', '{"data":[{"type":VALUE,"id":VALUE}]}'],
  ['POST /data/io.cozy.albums/x/relationships/references', '{"data":[{"type":"io.cozy.files","id":VALUE}]}'],
  ['DELETE /data/io.cozy.albums/x/relationships/references', '{"data":VALUE}'],
  ['POST /files/_all_docs', '{"keys":[VALUE]}'],
  ['POST /files/_find', '{"selector":{"name":VALUE}}'],
  ['POST /files/_find', '{"selector":VALUE}'],
  ['POST /files/_find', '{"selector":{"name":"x"},"limit":VALUE,"skip":VALUE}'],
  ['POST /files/_find', '{"selector":{"name":"x"},"fields":VALUE}'],
  ['POST /files/_find', '{"selector":{"name":"x"},"bookmark":VALUE}'],
  ['PATCH /files/', '{"data":[{"id":VALUE,"attributes":{"tags":VALUE}}]}'],
  ['PATCH /files/', '{"data":VALUE}'],
  ['PATCH /files/FILE', 'VALUE'],
  ['PATCH /files/FILE', '{"data":{"relationships":VALUE}}'],
])('in a body: %s %s', async (request, body) => {
  for (const value of [...values, nested]) {
    const filled = body.replaceAll('VALUE', value)
    const { status, text } = await drive.ask(request.replace('FILE', file), { body: filled })
    expect(`${filled.slice(0, 100)}: ${status} ${text}`).toMatch(/: [24]\d\d /)
  }
})

test.each(['Content-Type', 'Content-MD5', 'If-Match', 'Date', 'Accept', 'Expect'])('in the header %s', async (name) => {
  for (const value of ['', ' ', 'x', '"', 'é', '0'.repeat(3000), '*', 'text/plain; charset=\u00ff']) {
    const { status, text } = await drive.ask(`PUT /files/${file}`, { headers: { [name]: value }, body: 'x' })
    expect(`${name}: ${value.slice(0, 50)}: ${status} ${text}`).toMatch(/: [24]\d\d /)
  }
})

test('after all that the file is there and the server well', async () => {
  expect((await drive.ask(`GET /files/${file}`)).status).toBe(200)
  expect(drive.server.output.stderr.slice(said)).not.toContain('request failed')
})
