import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { selfSignedCertificate } from '../self-signed.ts'
import { type OutgoingOptions, openOutgoing } from './outgoing.ts'
import { OutgoingError } from './outgoing-error.ts'

const servers: Server[] = []
afterAll(() => {
  for (const server of servers) server.closeAllConnections()
})

async function listen(handler: (request: IncomingMessage, response: ServerResponse) => void, host = '127.0.0.1') {
  const server = createServer(handler)
  servers.push(server)
  await new Promise<void>((done) => server.listen(0, host, done))
  return (server.address() as AddressInfo).port
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof OutgoingError) return error.failure
    throw error
  }
  return 'none'
}

let port = 0
beforeAll(async () => {
  port = await listen((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://x')
    if (pathname === '/again') return void response.writeHead(302, { location: '/again' }).end()
    if (pathname === '/three') return void response.writeHead(302, { location: '/two' }).end()
    if (pathname === '/two') return void response.writeHead(307, { location: '/one' }).end()
    if (pathname === '/one') return void response.writeHead(302, { location: '/echo' }).end()
    if (pathname === '/silent') return
    if (pathname === '/stalls') return void response.write('begun')
    if (pathname === '/short') {
      response.writeHead(200, { 'content-length': '10' })
      response.write('12345')
      return void setTimeout(() => request.socket.destroy(), 20)
    }
    if (pathname === '/broken') {
      response.write('12345')
      return void setTimeout(() => request.socket.destroy(), 20)
    }
    if (pathname === '/large') return void response.end('x'.repeat(2000))
    if (pathname === '/announced') return void response.writeHead(200, { 'content-length': '5000' }).write('x')
    if (pathname.startsWith('/to/')) {
      return void response.writeHead(302, { location: decodeURIComponent(pathname.slice(4)) }).end()
    }
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }))
    })
  })
})

const open = (options: Partial<OutgoingOptions> = {}) => openOutgoing({ allowPrivate: false, ...options })
const trusting = () => open({ allowPrivate: true })

/** Own host `own.example` that redirects wherever the path says. */
const redirecting = () =>
  open({
    isOwn: async (host) => host === 'own.example',
    serve: (request) =>
      new Response(null, {
        status: 302,
        headers: { location: decodeURIComponent(new URL(request.url).pathname.slice(1)) },
      }),
  })

describe('an address that is not public is never connected to', () => {
  const hosts = [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '017700000001',
    '0',
    '0.0.0.0',
    '１２７.０.０.１',
    '127。0。0。1',
    '10.0.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.168.0.1',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:7f00:0001]',
    '[64:ff9b::7f00:1]',
    '[fe80::1]',
    '[fd00::1]',
    'localhost',
  ]
  test.each(hosts)('%s', async (host) => {
    expect(await failureOf(open().fetch(`http://${host}:${port}/echo`))).toBe('forbidden_address')
    if (!/^[\x21-\x7e]+$/.test(host)) return
    const there = encodeURIComponent(`http://${host}:${port}/echo`)
    expect(await failureOf(redirecting().fetch(`http://own.example/${there}`))).toBe('forbidden_address')
  })

  test('a name that resolves to one', async () => {
    const outgoing = open({ lookup: async () => ['127.0.0.1', '::1'] })
    expect(await failureOf(outgoing.fetch(`http://rebound.example:${port}/echo`))).toBe('forbidden_address')
    expect(await failureOf(outgoing.addressesOf('rebound.example'))).toBe('forbidden_address')
  })

  test('only the public ones of a name are given out', async () => {
    const outgoing = open({ lookup: async () => ['10.0.0.1', '8.8.8.8', '::1'] })
    expect(await outgoing.addressesOf('mixed.example')).toEqual(['8.8.8.8'])
  })
})

test('a name is asked for once: what it resolves to a moment later does not count', async () => {
  const other = await listen((_, response) => response.end('other'), '127.0.0.2')
  let asked = 0
  const outgoing = open({
    allowPrivate: true,
    lookup: async () => (asked++ === 0 ? ['127.0.0.1'] : ['127.0.0.2']),
  })
  const response = await outgoing.fetch(`http://rebound.example:${port}/echo`)
  expect(await response.json()).toMatchObject({ headers: { host: `rebound.example:${port}` } })
  expect(asked).toBe(1)
  expect(await (await outgoing.fetch(`http://rebound.example:${other}/`)).text()).toBe('other')
})

test('an address that refuses -> the next one of the name', async () => {
  const outgoing = open({ allowPrivate: true, lookup: async () => ['127.0.0.3', '127.0.0.1'] })
  expect((await outgoing.fetch(`http://two.example:${port}/echo`)).status).toBe(200)
  const nobody = open({ allowPrivate: true, lookup: async () => ['127.0.0.3'] })
  expect(await failureOf(nobody.fetch(`http://two.example:${port}/echo`))).toBe('unreachable')
})

describe('what is no URL of a server', () => {
  test.each([
    '',
    '/x',
    'file:///etc/passwd',
    'ftp://h/',
    'gopher://h/',
    'data:,x',
    'http://a:b@h/',
    'http://',
    'javascript:1',
  ])('%p -> bad_url', async (url) => {
    expect(await failureOf(trusting().fetch(url))).toBe('bad_url')
    if (url === '' || url === '/x') return
    expect(await failureOf(redirecting().fetch(`http://own.example/${encodeURIComponent(url)}`))).toBe('bad_url')
  })

  test.each(['', 'a b', 'a/b', 'u@h', 'h:22', '[::1'])('host %p -> bad_url', async (host) => {
    expect(await failureOf(trusting().addressesOf(host))).toBe('bad_url')
  })
})

describe('redirects', () => {
  test('three are followed, with the method of each kind', async () => {
    const response = await trusting().fetch(`http://127.0.0.1:${port}/three`, { method: 'POST', body: 'text' })
    expect(await response.json()).toMatchObject({ method: 'GET', url: '/echo', body: '' })
    const kept = await trusting().fetch(`http://127.0.0.1:${port}/two`, { method: 'PUT', body: 'text' })
    expect(await kept.json()).toMatchObject({ method: 'PUT', body: 'text' })
  })

  test('a fourth is a failure', async () => {
    expect(await failureOf(trusting().fetch(`http://127.0.0.1:${port}/again`))).toBe('too_many_redirects')
  })

  test('are given back when asked for', async () => {
    const response = await trusting().fetch(`http://127.0.0.1:${port}/again`, { redirect: 'return' })
    expect([response.status, response.headers.get('location')]).toEqual([302, '/again'])
  })

  test('credentials stay with the first host', async () => {
    const headers = { authorization: 'Bearer geheim', cookie: 'a=geheim', 'x-kept': 'yes' }
    const elsewhere = encodeURIComponent(`http://localhost:${port}/echo`)
    const away = await trusting().fetch(`http://127.0.0.1:${port}/to/${elsewhere}`, { headers })
    const seen = await away.text()
    expect(seen).not.toContain('geheim')
    expect(seen).toContain('"x-kept":"yes"')
    const here = await trusting().fetch(`http://127.0.0.1:${port}/one`, { headers })
    expect(await here.json()).toMatchObject({ headers: { authorization: 'Bearer geheim' } })
  })
})

describe('limits', () => {
  const fetch = (path: string, request = {}) => trusting().fetch(`http://127.0.0.1:${port}${path}`, request)

  test('no answer -> timeout', async () => {
    expect(await failureOf(fetch('/silent', { answerMs: 50 }))).toBe('timeout')
  })
  test('an answer that stops -> timeout', async () => {
    expect(await failureOf(fetch('/stalls', { idleMs: 50 }).then((response) => response.text()))).toBe('timeout')
  })
  test('more bytes than allowed -> too_large, announced or not', async () => {
    for (const path of ['/large', '/announced']) {
      expect(await failureOf(fetch(path, { maxBytes: 1000 }).then((response) => response.text()))).toBe('too_large')
    }
    expect((await (await fetch('/large', { maxBytes: 2000 })).text()).length).toBe(2000)
  })
  test('a connection that breaks in the middle -> unreachable, never a short body', async () => {
    for (const path of ['/short', '/broken']) {
      expect(await failureOf(fetch(path).then((response) => response.text()))).toBe('unreachable')
    }
  })
  test.each(['before', 'while it comes'])('an endless answer from inside, given up %s -> aborted', async (when) => {
    const endless = () =>
      new ReadableStream<Uint8Array>({
        async pull(controller) {
          await delay(5)
          controller.enqueue(new Uint8Array(1))
        },
      })
    const inside = open({ isOwn: async () => true, serve: () => new Response(endless()) })
    const stop = new AbortController()
    if (when === 'before') stop.abort()
    else setTimeout(() => stop.abort(), 50)
    const read = async () => (await inside.fetch('http://own.example/', { signal: stop.signal })).text()
    expect(await failureOf(read())).toBe('aborted')
  })

  test('given up by the caller -> aborted', async () => {
    const stop = new AbortController()
    const failed = failureOf(fetch('/silent', { signal: stop.signal }))
    await delay(20)
    stop.abort()
    expect(await failed).toBe('aborted')
  })
})

test('a stream is sent as it comes, and not a second time', async () => {
  async function* parts() {
    yield new TextEncoder().encode('one ')
    yield new TextEncoder().encode('two')
  }
  const response = await trusting().fetch(`http://127.0.0.1:${port}/echo`, { method: 'PUT', body: parts() })
  expect(await response.json()).toMatchObject({ method: 'PUT', body: 'one two' })
  const again = await trusting().fetch(`http://127.0.0.1:${port}/two`, { method: 'PUT', body: parts() })
  expect(again.status).toBe(307)
})

describe('hosts of this server', () => {
  test('are answered inside the process, without any address', async () => {
    const outgoing = open({
      isOwn: async (host) => host === 'own.example:8080',
      serve: async (request) =>
        Response.json({
          url: request.url,
          method: request.method,
          host: request.headers.get('host'),
          body: await request.text(),
        }),
      lookup: () => Promise.reject(new Error('nobody may ask')),
    })
    const response = await outgoing.fetch('http://own.example:8080/a?b', { method: 'POST', body: 'text' })
    expect(await response.json()).toEqual({
      url: 'http://own.example:8080/a?b',
      method: 'POST',
      host: 'own.example:8080',
      body: 'text',
    })
    expect(await failureOf(outgoing.fetch('http://own.example/'))).toBe('unreachable')
  })
})

test('over TLS the certificate must be for the name, although the address is called', async () => {
  const pair = await selfSignedCertificate({ names: ['a.example'], notBefore: new Date(Date.now() - 1000), days: 1 })
  const server = createTlsServer(pair, (request, response) => response.end(request.headers.host))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port: tlsPort } = server.address() as AddressInfo
  const lookup = async () => ['127.0.0.1']
  const outgoing = open({ allowPrivate: true, lookup, ca: pair.cert })
  expect(await (await outgoing.fetch(`https://a.example:${tlsPort}/`)).text()).toBe(`a.example:${tlsPort}`)
  expect(await failureOf(outgoing.fetch(`https://b.example:${tlsPort}/`))).toBe('unreachable')
  expect(await failureOf(open({ allowPrivate: true, lookup }).fetch(`https://a.example:${tlsPort}/`))).toBe(
    'unreachable',
  )
  server.closeAllConnections()
})

test('a large answer is read from the other server only as fast as it is taken', async () => {
  let written = 0
  const chunk = Buffer.alloc(1024 * 1024)
  const large = await listen((_, response) => {
    const go = () => {
      while (written < 200 * chunk.length) {
        written += chunk.length
        if (!response.write(chunk)) return void response.once('drain', go)
      }
      response.end()
    }
    go()
  })
  const response = await trusting().fetch(`http://127.0.0.1:${large}/`, { maxBytes: 1024 ** 3 })
  const reader = response.body?.getReader()
  await reader?.read()
  let before = -1
  while (written !== before) {
    before = written
    await delay(100)
  }
  expect(written).toBeLessThan(100 * chunk.length)
  await reader?.cancel()
})
