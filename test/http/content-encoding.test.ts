/** Compressed requests on both faces: gzip is unpacked within the limit, other encodings are refused by name. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let token: string

beforeAll(async () => {
  server = await startServer({ env: { HEARTH_REQUEST_MAX_SIZE: '1MB' } })
  token = await server.token('*')
}, 60_000)

async function ask(method: string, path: string, body?: Uint8Array, headers: Record<string, string> = {}) {
  const auth = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const answer = await server.fetch(path, {
    method,
    headers: { ...auth, ...headers },
    ...(body ? { body: body as Uint8Array<ArrayBuffer> } : {}),
  })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.includes('json') === true
  return { status: answer.status, headers: answer.headers, text, json: isJson ? JSON.parse(text) : undefined }
}

const packed = (value: unknown) => gzipSync(typeof value === 'string' ? value : JSON.stringify(value))
const gzip = { 'content-encoding': 'gzip' }

describe.each(['/couchdb/test.packed1', '/data/test.packed2'])('%s', (T) => {
  beforeAll(() => ask('PUT', T))

  test.each([
    ['POST', '', { n: 1 }],
    ['PUT', '/a', { n: 1 }],
    ['POST', '/_bulk_docs', { docs: [{ _id: 'b' }] }],
    ['POST', '/_all_docs', { keys: ['a'] }],
    ['POST', '/_bulk_get', { docs: [{ id: 'a' }] }],
    ['POST', '/_revs_diff', { a: ['1-x'] }],
    ['POST', '/_index', { index: { fields: ['n'] } }],
    ['POST', '/_find', { selector: { n: 1 } }],
    ['POST', '/_explain', { selector: { n: 1 } }],
    ['POST', '/_changes?filter=_doc_ids', { doc_ids: ['a'] }],
    ['PUT', '/_local/x', { n: 1 }],
  ])('%s %s understands gzip', async (method, path, body) => {
    const { status, text } = await ask(method, `${T}${path}`, packed(body), gzip)
    expect([status < 300, text]).toEqual([true, text])
  })

  test.each(['GZIP', ' gzip ', 'x-gzip', 'identity', ''])('the name %p is understood', async (name) => {
    const body = name === 'identity' || name === '' ? Buffer.from('{}') : packed('{}')
    expect((await ask('POST', T, body, { 'content-encoding': name })).status).toBeLessThan(300)
  })

  test.each(['br', 'deflate', 'zstd', 'gzip, gzip', 'nonsense'])('the encoding %p is 415', async (name) => {
    const { status, json } = await ask('POST', `${T}/_bulk_docs`, Buffer.from('{"docs":[]}'), {
      'content-encoding': name,
    })
    expect([status, json.error, json.reason]).toEqual([
      415,
      'bad_content_type',
      'Only gzip and identity content-encodings are supported',
    ])
  })

  test('the limit counts unpacked bytes', async () => {
    const bomb = packed(`{"docs":[{"n":"${'x'.repeat(20_000_000)}"}]}`)
    expect(bomb.length).toBeLessThan(50_000)
    expect((await ask('POST', `${T}/_bulk_docs`, bomb, gzip)).status).toBe(413)
    expect((await ask('POST', `${T}/_find`, bomb, gzip)).status).toBe(413)
  })

  test.each([
    ['not gzip', Buffer.from('{"docs":[]}')],
    ['cut short', packed({ docs: [{ n: 'some words to be packed' }] }).subarray(0, 30)],
  ])('a body that is %s is 400', async (_name, body) => {
    expect((await ask('POST', `${T}/_bulk_docs`, body, gzip)).status).toBe(400)
  })

  test('an attachment that comes packed is kept as it came, and read packed or not', async () => {
    const content = 'hello '.repeat(10_000)
    const bytes = packed(content)
    const md5 = createHash('md5').update(bytes).digest('base64')
    const headers = { ...gzip, 'content-type': 'text/plain', 'content-md5': md5 }
    const made = await ask('PUT', `${T}/attached/x.txt`, bytes, headers)
    expect(made.status).toBe(201)
    const read = await ask('GET', `${T}/attached/x.txt`, undefined, { 'accept-encoding': 'identity' })
    expect([read.text, read.headers.get('content-encoding')]).toEqual([content, null])
    expect([read.headers.get('content-length'), read.headers.get('accept-ranges')]).toEqual([null, 'none'])
    const kept = await ask('HEAD', `${T}/attached/x.txt`, undefined, { 'accept-encoding': 'br, gzip;q=0.5' })
    expect(kept.headers.get('content-encoding')).toBe('gzip')
    expect([kept.headers.get('content-length'), kept.headers.get('etag')]).toEqual([`${bytes.length}`, `"${md5}"`])
    const refused = await ask('HEAD', `${T}/attached/x.txt`, undefined, { 'accept-encoding': 'gzip;q=0' })
    expect(refused.headers.get('content-encoding')).toBe(null)
    const stub = { length: bytes.length, encoded_length: bytes.length, encoding: 'gzip', digest: `md5-${md5}` }
    const { json } = await ask('GET', `${T}/attached?att_encoding_info=true`)
    expect(json._attachments['x.txt']).toMatchObject({ ...stub, stub: true, content_type: 'text/plain' })
    const whole = await ask('GET', `${T}/attached?attachments=true`)
    expect(whole.json._attachments['x.txt'].data).toBe(Buffer.from(content).toString('base64'))
    // Where it stays, a new revision keeps it as it was.
    const next = await ask('PUT', `${T}/attached`, Buffer.from(JSON.stringify({ ...json, n: 1 })))
    expect(next.status).toBeLessThan(300)
    expect((await ask('GET', `${T}/attached`)).json._attachments['x.txt']).toMatchObject(stub)
    const rev = `?rev=${next.json.rev}`
    const wrong = { ...headers, 'content-md5': createHash('md5').update(content).digest('base64') }
    expect((await ask('PUT', `${T}/attached/y.txt${rev}`, bytes, wrong)).json.error).toBe('content_md5_mismatch')
    expect((await ask('PUT', `${T}/attached/y.txt${rev}`, bytes, { 'content-encoding': 'br' })).status).toBe(415)
    for (const broken of [Buffer.from(content), bytes.subarray(0, 30)]) {
      expect((await ask('PUT', `${T}/attached/y.txt${rev}`, broken, gzip)).status).toBe(400)
    }
  })

  test.each([false, true])('long contents do not count for the limit of a request (packed: %p)', async (isPacked) => {
    const bytes = Buffer.alloc(3_000_000, 'abcdefg')
    const docs = [1, 2].map((n) => ({
      _id: `photo${n}${isPacked}`,
      n,
      _attachments: { 'p.jpg': { content_type: 'image/jpeg', data: bytes.toString('base64') } },
    }))
    const text = JSON.stringify({ docs })
    const { status, text: answer } = isPacked
      ? await ask('POST', `${T}/_bulk_docs`, packed(text), gzip)
      : await ask('POST', `${T}/_bulk_docs`, Buffer.from(text))
    expect([status, answer]).toEqual([201, answer])
    const read = await ask('GET', `${T}/photo2${isPacked}/p.jpg`)
    expect(read.text.length).toBe(bytes.length)
    const { _id, ...alone } = docs[0] as (typeof docs)[0]
    expect((await ask('PUT', `${T}/alone${isPacked}`, Buffer.from(JSON.stringify(alone)))).status).toBeLessThan(300)
  })

  test('what is wrong with a long content is told', async () => {
    const doc = { _id: 'wrong', _attachments: { a: { data: `${'A'.repeat(300_000)}-` } } }
    const { status, json } = await ask('POST', `${T}/_bulk_docs`, Buffer.from(JSON.stringify({ docs: [doc] })))
    expect([status, json]).toEqual([400, { error: 'bad_request', reason: 'Invalid attachment data for a' }])
    expect((await ask('GET', `${T}/wrong`)).status).toBe(404)
  })
})
