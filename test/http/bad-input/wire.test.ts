/** What no HTTP library would send: requests byte by byte over a socket. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { openTarget, type Target } from './target.ts'

let target: Target
beforeAll(async () => {
  target = await openTarget('bad.wire')
}, 60_000)
afterEach(() => target.unharmed())

/** Everything that comes back until the server closes or says nothing for a while. */
function send(text: string | Uint8Array, { hangUp = false } = {}): Promise<string> {
  const { hostname, port } = new URL(target.server.url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    const received: Buffer[] = []
    let silence = setTimeout(() => socket.destroy(), 1500)
    socket.on('data', (chunk) => {
      received.push(Buffer.from(chunk))
      clearTimeout(silence)
      silence = setTimeout(() => socket.destroy(), 150)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(silence)
      resolve(Buffer.concat(received).toString('latin1'))
    })
    socket.write(text, () => {
      if (hangUp) setTimeout(() => socket.destroy(), 50)
    })
  })
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
const latin1 = (text: string) => Buffer.from(text, 'latin1')
const host = () => `Host: ${target.domain}\r\n`
const token = () => `Authorization: Bearer ${target.token}\r\n`
const path = 'sentinel%2F%C3%A9'
const get = (headers: string, line = `GET /data/bad.wire/${path} HTTP/1.1`) =>
  latin1(`${line}\r\n${headers}Connection: close\r\n\r\n`)

describe('hosts', () => {
  test('none, in either version of HTTP', async () => {
    expect(statusOf(await send(get(token())))).toBe(400)
    expect(statusOf(await send(`GET /data/bad.wire/${path} HTTP/1.0\r\n${token()}\r\n`))).toBeOneOf([400, 404])
  })

  test('HTTP/1.0 with a host', async () => {
    expect(statusOf(await send(`GET /data/bad.wire/${path} HTTP/1.0\r\n${host()}${token()}\r\n`))).toBe(200)
  })

  test('the one of another instance: its tenant does not take this token', async () => {
    const answer = await send(get(`Host: ${target.server.domain}\r\n${token()}`))
    expect(statusOf(answer)).toBe(400)
    expect(answer).toContain('Invalid JWT token')
  })

  test('several: never a mixture of two tenants', async () => {
    const both = [`${host()}Host: unknown.test\r\n`, `Host: unknown.test\r\n${host()}`, `${host()}${host()}`]
    for (const hosts of both) {
      const answer = await send(get(hosts + token()))
      expect(statusOf(answer)).toBeOneOf([200, 400, 404])
    }
    const otherFirst = await send(get(`Host: ${target.server.domain}\r\n${host()}${token()}`))
    expect(statusOf(otherFirst)).toBeOneOf([400, 404])
  })

  const unknown = [
    'unknown.test',
    'bad-input.test.',
    'bad-input.test:0',
    'xn--a',
    '[::1]',
    '..',
    '-',
    'x'.repeat(3000),
    'bad-input%2etest',
    '"><script>alert(1)</script>',
    'a b',
    'a/b',
    'a@b',
    ':80',
    '[',
    'a:b:c',
    '\xe9',
    '',
  ]
  test.each(unknown)('%.30j is nobody', async (name) => {
    const answer = await send(get(`Host: ${name}\r\n${token()}`))
    expect(statusOf(answer)).toBeOneOf([400, 404])
    expect(answer).not.toContain('unchanged')
    expect(answer).not.toMatch(/content-type: text\/html/i)
  })

  test('a request line with a whole address is routed by the Host header', async () => {
    const line = `GET http://unknown.test/data/bad.wire/${path} HTTP/1.1`
    expect(statusOf(await send(get(host() + token(), line)))).toBe(200)
    const other = `GET http://${target.domain}/data/bad.wire/${path} HTTP/1.1`
    expect(statusOf(await send(get(`Host: unknown.test\r\n${token()}`, other)))).toBeOneOf([400, 404])
  })
})

describe('request lines', () => {
  const lines = [
    'GARBAGE',
    'GET',
    'GET  HTTP/1.1',
    'GET data/x HTTP/1.1',
    'GET /data/bad.wire/a\tb HTTP/1.1',
    'GET /data/bad.wire/a\0b HTTP/1.1',
    'GET /data/bad.wire/\xff HTTP/1.1',
    'GET /data/bad.wire/\xc3\xa9 HTTP/1.1',
    'GET /data/bad.wire/x HTTP/9.9',
    'OPTIONS * HTTP/1.1',
    'FOO /data/bad.wire HTTP/1.1',
    'PATCH /data/bad.wire/x HTTP/1.1',
    'TRACE /data/bad.wire/x HTTP/1.1',
    'GET /data/../data/bad.wire/x HTTP/1.1',
    'GET /data/bad.wire/../../admin HTTP/1.1',
    'GET //data//bad.wire HTTP/1.1',
    'GET /data/bad.wire/x#fragment HTTP/1.1',
    `GET /${'a'.repeat(70_000)} HTTP/1.1`,
    `GET /${'a/'.repeat(20_000)} HTTP/1.1`,
    `GET /data/bad.wire/x?${'a=1&'.repeat(10_000)} HTTP/1.1`,
    '\x16\x03\x01\x02\x00\x01\x00',
    '\r\n\r\n\r\n',
  ]
  test.each(lines)('%.40j', async (line) => {
    const answer = await send(get(host() + token(), line))
    const status = statusOf(answer)
    if (answer !== '') expect(status).toBeWithin(400, 500)
  })
})

describe('bodies', () => {
  const put = (headers: string, body: string) =>
    latin1(`PUT /data/bad.wire/cut HTTP/1.1\r\n${host()}${token()}${headers}\r\n${body}`)
  afterEach(async () => {
    expect((await target.ask('GET /data/{db}/cut')).status).toBe(404)
  })

  test.each([
    ['less than announced', 'Content-Length: 100\r\n', '{"a":1}'],
    ['less than announced, though it is JSON', 'Content-Length: 8\r\n', '{"a":1}'],
    ['chunks without an end', 'Transfer-Encoding: chunked\r\n', '7\r\n{"a":1}\r\n'],
    ['a chunk that is cut', 'Transfer-Encoding: chunked\r\n', '64\r\n{"a":1}\r\n'],
    ['headers without an end', 'Content-Length: 7\r\nX: ', ''],
  ])('%s, then the client is gone', async (_name, headers, body) => {
    for (let n = 0; n < 5; n++) await send(put(headers, body), { hangUp: true })
  })

  test.each([
    ['a length that is no number', 'Content-Length: abc\r\n', '{"a":1}'],
    ['a length below 0', 'Content-Length: -1\r\n', '{"a":1}'],
    ['two lengths', 'Content-Length: 7\r\nContent-Length: 8\r\n', '{"a":1}'],
    ['a length and chunks', 'Content-Length: 7\r\nTransfer-Encoding: chunked\r\n', '7\r\n{"a":1}\r\n0\r\n\r\n'],
    ['an unknown encoding', 'Transfer-Encoding: gzip\r\n', '{"a":1}'],
    ['chunks without sizes', 'Transfer-Encoding: chunked\r\n', 'zz\r\n{"a":1}\r\n0\r\n\r\n'],
    ['an unknown expectation', 'Expect: miracle\r\nContent-Length: 7\r\n', '{"a":1}'],
    ['no length at all', '', '{"a":1}'],
    ['a length beyond the limit', 'Content-Length: 99999999999999\r\n', '{"a":1}'],
    ['5 GB that are asked about first', 'Content-Length: 5000000000\r\nExpect: 100-continue\r\n', ''],
  ])('%s', async (_name, headers, body) => {
    const answer = (await send(put(headers, body))).replace('HTTP/1.1 100 Continue\r\n\r\n', '')
    expect(statusOf(answer)).toBeWithin(400, 500)
  })
})

describe('headers', () => {
  const odd = [
    'Origin: a\x7fb',
    'Origin: \xe9',
    'Origin: a\tb',
    'Origin: ',
    'If-None-Match: \x7f',
    'If-None-Match: *',
    'Accept: \xff',
    'Accept-Encoding: gzip;q=x, \xe9, *;q=-1',
    'Cookie: \xff=\xfe',
    'X-Request-Id: \xe9\t',
    `X-Request-Id: ${'x'.repeat(5000)}`,
    'Content-Type: \xff',
    'Range: bytes=9-1',
    'Date: never',
    ' Folded: x',
    'No-Colon',
    ': no name',
    'X\x01: y',
    `X-Big: ${'y'.repeat(70_000)}`,
    Array.from({ length: 3000 }, (_, n) => `X-${n}: 1`).join('\r\n'),
  ]
  test.each(odd)('%.40j', async (header) => {
    const answer = await send(get(`${host()}${token()}${header}\r\n`))
    expect(statusOf(answer)).toBeOneOf([200, 304, 400, 431])
    const preflight = `OPTIONS /data/bad.wire/x HTTP/1.1`
    const asked = `${host()}Access-Control-Request-Method: GET\r\nOrigin: http://a\r\n${header}\r\n`
    expect(statusOf(await send(get(asked, preflight)))).toBeOneOf([204, 400, 431])
  })

  test('nothing out of a path, a query or an origin becomes a header', async () => {
    const inject = '%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0aHTTP/1.1%20200'
    const requests = [
      `GET /data/bad.wire/${inject} HTTP/1.1`,
      `PUT /couchdb/${inject} HTTP/1.1`,
      `GET /data/${inject}/x HTTP/1.1`,
      `GET /couchdb/bad.wire/x?rev=1-${inject} HTTP/1.1`,
      `DELETE /couchdb/bad.wire/${path}?rev=1-${inject} HTTP/1.1`,
      `GET /data/bad.wire/_all_docs?limit=${inject} HTTP/1.1`,
      `COPY /couchdb/bad.wire/x HTTP/1.1\r\nDestination: ${inject}`,
    ]
    for (const line of requests) {
      const answer = await send(get(`${host()}${token()}Origin: http://a${inject}\r\n`, line))
      const [head = ''] = answer.split('\r\n\r\n')
      expect(statusOf(answer)).toBeWithin(400, 500)
      expect(head).not.toMatch(/^set-cookie/im)
      expect(answer.match(/^HTTP\/1\.1 /gm)).toHaveLength(1)
    }
  })

  test('revisions of any characters are no headers either', async () => {
    for (const [n, hash] of ['日本', 'a\r\nSet-Cookie: evil=1', '\u007f', 'é', '"q"', ' '].entries()) {
      for (const id of [`r${n}`, `_design/r${n}`]) {
        const doc = { _id: id, _rev: `1-${hash}`, n }
        const written = await target.ask('POST /couchdb/{db}/_bulk_docs', { new_edits: false, docs: [doc] })
        expect(written.status).toBe(201)
        for (const face of ['data', 'couchdb']) {
          const read = await target.ask(`GET /${face}/{db}/${id}`)
          expect(JSON.parse(read.text)).toMatchObject(doc)
          expect(read.headers.get('set-cookie')).toBeNull()
          const etag = read.headers.get('etag') ?? ''
          expect(etag).toMatch(/^"[\x21\x23-\x7e]+"$/)
          expect((await target.ask(`HEAD /${face}/{db}/${id}`)).status).toBe(200)
          const again = await target.ask(`GET /${face}/{db}/${id}`, undefined, { 'if-none-match': etag })
          expect(again.status).toBe(304)
        }
      }
      const path = `/couchdb/{db}/r${n}?rev=${encodeURIComponent(`1-${hash}`)}`
      expect((await target.ask(`PUT ${path}`, { n: 'changed' })).status).toBe(201)
    }
  })
})
