/** What a client may rely on beyond single requests: order, one Host, answers while it still sends, 100 Continue. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { sharedServer, type TestServer } from '../support/server.ts'

const domain = 'connections.localhost'
let server: TestServer
let auth: string

beforeAll(async () => {
  server = await sharedServer()
  await server.createInstance(domain)
  auth = `Host: ${domain}\r\nAuthorization: Bearer ${await server.token('*', { domain })}\r\n`
  await exchange([`PUT /couchdb/test.wire HTTP/1.1\r\n${auth}Content-Length: 0\r\n\r\n`], 1)
}, 60_000)

/** Sends texts as they are and gives what came back, once it holds so many answers or the connection has ended. */
function exchange(texts: readonly string[], answers: number, between?: (got: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    const left = [...texts]
    let got = ''
    const finish = () => {
      socket.destroy()
      resolve(got)
    }
    const send = () => {
      while (left.length > 0 && (between === undefined || got === '' || between(got))) {
        socket.write(left.shift() as string)
        if (between !== undefined && got === '') break
      }
    }
    socket.setTimeout(30_000, () => reject(new Error(`no answer, only ${got}`)))
    socket.on('error', () => finish())
    socket.on('close', () => finish())
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1')
      if (left.length > 0) send()
      else if ((got.match(/HTTP\/1\.1 (?!100)\d/g) ?? []).length >= answers && /[}\]]\s*$/.test(got)) finish()
    })
    send()
  })
}

const statuses = (got: string) => [...got.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1]))

function put(id: string, size = 1): string {
  const body = JSON.stringify({ text: 'x'.repeat(size) })
  const head = `PUT /couchdb/test.wire/${id} HTTP/1.1\r\n${auth}Content-Type: application/json\r\n`
  return `${head}Content-Length: ${body.length}\r\n\r\n${body}`
}
const get = (id: string) => `GET /couchdb/test.wire/${id}?attachments=false HTTP/1.1\r\n${auth}\r\n`

describe('requests that are sent without waiting', () => {
  test('see what the ones before them wrote, and are answered in order', async () => {
    const got = await exchange([put('a', 100_000) + get('a') + put('b') + get('b') + get('never')], 5)
    expect(statuses(got)).toEqual([201, 200, 201, 200, 404])
  })

  test('a connection on which thousands wait is cut, and others are served', async () => {
    const waiting = `GET /couchdb/test.wire/_changes?feed=longpoll&since=now HTTP/1.1\r\n${auth}\r\n`
    expect(statuses(await exchange([waiting, get('never').repeat(5_000)], 5_001)).length).toBeLessThanOrEqual(1)
    expect(statuses(await exchange([get('never')], 1))).toEqual([404])
  })

  test('a refused one does not stop those behind it', async () => {
    expect(statuses(await exchange([get('never') + put('c') + get('c')], 3))).toEqual([404, 201, 200])
  })
})

test.each([
  ['two hosts', `Host: ${domain}\r\nHost: ${domain}\r\n`],
  ['two different hosts', `Host: ${domain}\r\nhost: other.localhost\r\n`],
  ['no host', ''],
])('a request with %s is refused', async (_name, hosts) => {
  expect(statuses(await exchange([`GET /couchdb/ HTTP/1.1\r\n${hosts}\r\n`], 1))).toEqual([400])
})

describe('Expect: 100-continue', () => {
  const asking = (path: string, more: string, length: number) =>
    `POST ${path} HTTP/1.1\r\n${more}Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`

  test.each([
    ['without token', '/couchdb/test.wire', `Host: ${domain}\r\n`, 10, 401],
    ['of an unknown host', '/couchdb/test.wire', 'Host: unknown.localhost\r\n', 10, 404],
    ['of an unknown path', '/nowhere', `Host: ${domain}\r\n`, 10, 404],
  ])('%s: the final answer comes at once', async (_name, path, more, length, status) => {
    expect(statuses(await exchange([asking(path, more, length)], 1))).toEqual([status])
  })

  test('of a body that is too large: the final answer comes at once', async () => {
    expect(statuses(await exchange([asking('/couchdb/test.wire/_find', auth, 2 ** 40)], 1))).toEqual([413])
  })

  test('else the body is asked for', async () => {
    const got = await exchange([asking('/couchdb/test.wire', auth, 7), '{"n":1}'], 1, (text) => text.includes(' 100 '))
    expect(statuses(got)).toEqual([100, 201])
  })
})

test.each([
  ['401', `PUT /couchdb/test.wire/a/x HTTP/1.1\r\nHost: ${domain}\r\n`, 401],
  ['404', `PUT /couchdb/test.nothing/a/x HTTP/1.1\r\n`, 404],
  ['413', `POST /couchdb/test.wire/_find HTTP/1.1\r\nContent-Type: application/json\r\n`, 413],
])('a client that goes on sending what was refused gets its %s', async (_name, head, status) => {
  const size = status === 413 ? 65 * 1024 * 1024 : 16 * 1024 * 1024
  const full = head.includes('Host:') ? head : `${head}${auth}`
  const got = await exchange([`${full}Content-Length: ${size}\r\n\r\n`, 'x'.repeat(size)], 1)
  expect(statuses(got)).toEqual([status])
})
