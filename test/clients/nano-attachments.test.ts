/** Attachments as nano handles them on the CouchDB face, one by one and in multipart bodies. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import nano, { type DocumentScope, type ServerScope } from 'nano'
import { sharedServer, type TestServer } from '../support/server.ts'

const database = 'nano-attachments'
let server: TestServer
let token: string
let host: string
let db: DocumentScope<Record<string, unknown>>

beforeAll(async () => {
  server = await sharedServer()
  host = new URL(server.url).host
  await server.createInstance(host).catch((error: unknown) => {
    if (!String(error).includes('409')) throw error
  })
  token = await server.token('*', { domain: host })
  const couch = nano({
    url: `http://nano:${token}@${host}/couchdb`,
    parseUrl: false,
  } as nano.Configuration) as ServerScope
  await couch.db.destroy(database).catch(() => undefined)
  await couch.db.create(database)
  db = couch.use(database)
}, 60_000)

const noise = (size: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(size)))

/** A PUT as no client of ours sends it. */
async function put(path: string, type: string, body: string | Buffer) {
  const headers = { host, authorization: `Bearer ${token}`, 'content-type': type }
  const answer = await server.fetch(path, { method: 'PUT', headers, body })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

describe('one by one', () => {
  test('insert, get, stream, destroy', async () => {
    const data = noise(50_000)
    const made = await db.attachment.insert('a', 'x.bin', data, 'application/x-noise')
    expect(made).toMatchObject({ ok: true, id: 'a' })
    expect(await db.attachment.get('a', 'x.bin')).toEqual(data)
    const stream = db.attachment.getAsStream('a', 'x.bin')
    expect(Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>))).toEqual(data)
    expect(await db.head('a')).toMatchObject({ etag: `"${made.rev}"` })
    const gone = await db.attachment.destroy('a', 'x.bin', { rev: made.rev })
    expect(gone.rev).toStartWith('2-')
    expect(await db.get('a')).toEqual({ _id: 'a', _rev: gone.rev })
  })
})

describe('multipart', () => {
  test('insert and get', async () => {
    const [one, two] = [noise(100_000), Buffer.from('\r\n--hello')]
    const made = await db.multipart.insert(
      { n: 1 },
      [
        { name: 'one.bin', data: one, content_type: 'application/x-one' },
        { name: 'sub/two.txt', data: two, content_type: 'text/plain' },
        { name: 'empty', data: Buffer.alloc(0), content_type: 'text/empty' },
      ],
      'm',
    )
    expect(made).toMatchObject({ ok: true, id: 'm' })
    expect(await db.get('m')).toMatchObject({
      n: 1,
      _attachments: {
        'one.bin': { stub: true, length: 100_000, content_type: 'application/x-one', revpos: 1 },
        'sub/two.txt': { stub: true, length: two.length },
        empty: { length: 0, digest: 'md5-1B2M2Y8AsgTpgAmY7PhCfg==' },
      },
    })
    expect(await db.attachment.get('m', 'one.bin')).toEqual(one)
    expect(`${await db.attachment.get('m', 'sub/two.txt')}`).toBe(`${two}`)

    // nano makes a text of it, whatever is asked.
    const whole = `${await db.multipart.get('m')}`
    expect(whole).toContain(`\r\n\r\n${two}\r\n--`)
    expect(whole).toContain(
      'Content-Disposition: attachment; filename="one.bin"\r\nContent-Type: application/x-one\r\n',
    )
    const [, json] = /^--\w+\r\nContent-Type: application\/json\r\n\r\n(\{.*\})\r\n--/.exec(whole) ?? []
    expect(JSON.parse(json ?? '')).toMatchObject({
      _id: 'm',
      _rev: made.rev,
      n: 1,
      _attachments: { 'one.bin': { follows: true, length: 100_000 }, empty: { follows: true, length: 0 } },
    })
  })

  test('what was read in parts can be written in parts', async () => {
    const { url } = server
    await db.multipart.insert({ n: 1 }, [{ name: 'a "b"', data: Buffer.from('hello'), content_type: 'text/x' }], 'back')
    const auth = { authorization: `Bearer ${token}`, host }
    const read = await server.fetch(`${url}/couchdb/${database}/back?attachments=true&revs=true`, {
      headers: { ...auth, accept: 'multipart/related' },
    })
    const body = Buffer.from(await read.arrayBuffer())
    expect(read.headers.get('content-length')).toBe(`${body.length}`)
    const written = await put(
      `/couchdb/${database}-copy/back?new_edits=false`,
      read.headers.get('content-type') ?? '',
      body,
    )
    expect(written).toMatchObject({ status: 404 })
    await server.fetch(`/couchdb/${database}-copy`, { method: 'PUT', headers: auth })
    const again = await put(
      `/couchdb/${database}-copy/back?new_edits=false`,
      read.headers.get('content-type') ?? '',
      body,
    )
    expect(again.status).toBe(201)
    const copied = await server.fetch(`/couchdb/${database}-copy/back/${encodeURIComponent('a "b"')}`, {
      headers: auth,
    })
    expect(await copied.text()).toBe('hello')
    await server.fetch(`/couchdb/${database}-copy`, { method: 'DELETE', headers: auth })
  })

  const related = 'multipart/related; boundary=b'
  const document = (attachments: object) =>
    `--b\r\ncontent-type: application/json\r\n\r\n${JSON.stringify({ _attachments: attachments })}`
  const part = (content: string, headers = '') => `\r\n--b\r\n${headers}\r\n${content}`

  test('parts by their names, in another order', async () => {
    const body =
      document({ a: { follows: true, length: 1 }, b: { follows: true, length: 2 }, c: { data: 'eA==' } }) +
      part('bb', 'Content-Disposition: attachment; filename="b"\r\n') +
      part('a', 'Content-Disposition: attachment; filename="a"\r\n') +
      '\r\n--b--'
    expect((await put(`/couchdb/${database}/named`, related, body)).status).toBe(201)
    for (const [name, content] of [
      ['a', 'a'],
      ['b', 'bb'],
      ['c', 'x'],
    ] as const) {
      expect((await db.attachment.get('named', name)).toString()).toBe(content)
    }
  })

  test('compressed by a replicator: stored as it was before', async () => {
    const gzipped = gzipSync(Buffer.from('hello'.repeat(1_000)))
    const head = document({
      z: { follows: true, length: 5_000, encoding: 'gzip', encoded_length: gzipped.length, content_type: 'text/plain' },
    })
    const body = Buffer.concat([Buffer.from(`${head}\r\n--b\r\n\r\n`), gzipped, Buffer.from('\r\n--b--')])
    expect((await put(`/couchdb/${database}/zipped`, related, body)).status).toBe(201)
    expect((await db.attachment.get('zipped', 'z')).toString()).toBe('hello'.repeat(1_000))
    expect(await db.get('zipped')).toMatchObject({ _attachments: { z: { length: 5_000 } } })
  })

  test('on /data as well', async () => {
    const body = `${document({ a: { follows: true, length: 5 } })}${part('hello')}\r\n--b--`
    const written = await put('/data/nano.multipart/m', related, body)
    expect(written).toMatchObject({ status: 200, body: { data: { _attachments: { a: { stub: true, length: 5 } } } } })
  })

  const follows = document({ a: { follows: true, length: 5 } })
  test.each([
    ['a content too few', `${follows}\r\n--b--`],
    ['a content too short', `${follows}${part('hell')}\r\n--b--`],
    ['a content too long', `${follows}${part('hello!')}\r\n--b--`],
    ['no end', `${follows}${part('hello')}`],
    ['no document', '--b--'],
    ['a document that is none', '--b\r\n\r\n[]\r\n--b--'],
    ['a document that is no JSON', '--b\r\n\r\nx\r\n--b--'],
    ['nothing', ''],
    ['what is no gzip', `${document({ a: { follows: true, length: 5, encoding: 'gzip' } })}${part('hello')}\r\n--b--`],
  ])('%s: 400, and nothing is written', async (_, body) => {
    for (const place of [`/couchdb/${database}`, '/data/nano.multipart']) {
      expect(await put(`${place}/wrong`, related, body)).toMatchObject({ status: 400 })
      const read = await server.fetch(`${place}/wrong`, { headers: { host, authorization: `Bearer ${token}` } })
      expect(read.status).toBe(404)
    }
  })
})
