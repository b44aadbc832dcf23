/** The websocket's protocol: handshake, commands, error frames, limits and permissions, as in cozy-stack's docs/realtime.md. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { sharedServer, type TestServer } from '../../support/server.ts'
import { Listener, type Place, until } from './listener.ts'

const domain = 'realtime-protocol.localhost'
let server: TestServer
let place: Place
let token: string
const open: Listener[] = []

beforeAll(async () => {
  server = await sharedServer()
  await server.createInstance(domain)
  place = { url: server.url, domain }
  token = await server.token('*', { domain })
}, 60_000)
afterEach(async () => {
  for (const listener of open.splice(0)) listener.socket.terminate()
})

async function listen(given?: string): Promise<Listener> {
  const listener = await Listener.open(place, given)
  open.push(listener)
  return listener
}
const scoped = (scope: string) => server.token(scope, { domain })

/** Sends text as it is and reads all that comes until the connection ends or is silent. */
function raw(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.on('data', (data) => {
      answer += String(data)
      setTimeout(() => socket.destroy(), 300)
    })
    socket.on('close', () => resolve(answer))
  })
}
const handshake = (
  path: string,
  host: string,
  more = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n`

describe('handshake', () => {
  test.each(['/realtime', '/realtime/', '/realtime/?x=1'])('%s is a websocket', async (path) => {
    expect(await raw(handshake(path, domain))).toStartWith('HTTP/1.1 101 Switching Protocols')
  })

  test('the subprotocol is echoed, another one is not', async () => {
    const protocol = 'Sec-WebSocket-Protocol: other, io.cozy.websocket\r\n'
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    expect(await raw(handshake('/realtime/', domain, key + protocol))).toContain(
      'Sec-WebSocket-Protocol: io.cozy.websocket',
    )
    const other = await raw(handshake('/realtime/', domain, `${key}Sec-WebSocket-Protocol: other\r\n`))
    expect(other).toStartWith('HTTP/1.1 101')
    expect(other).not.toContain('Protocol:')
  })

  test('an unknown host is 404 before any websocket', async () => {
    const answer = await raw(handshake('/realtime/', 'nobody.localhost'))
    expect(answer).toStartWith('HTTP/1.1 404 Not Found')
    expect(answer).toMatch(/connection: close/i)
    const [, body = ''] = answer.split('\r\n\r\n')
    expect(JSON.parse(body)).toMatchObject({
      errors: [{ status: '404', title: 'Not Found', detail: 'Instance not found' }],
    })
  })

  test.each([
    ['no key', 'Sec-WebSocket-Version: 13\r\n', 'HTTP/1.1 400'],
    ['an old version', 'Sec-WebSocket-Version: 7\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n', 'HTTP/1.1 4'],
  ])('%s is refused', async (_what, headers, answer) => {
    expect(await raw(handshake('/realtime/', domain, headers))).toStartWith(answer)
  })

  test('a plain request is told to upgrade', async () => {
    const response = await server.fetch('/realtime/', { headers: { host: domain } })
    expect(response.status).toBe(426)
    expect(response.headers.get('upgrade')).toBe('websocket')
    expect((await server.fetch('/realtime/', { method: 'PUT', headers: { host: domain } })).status).toBe(405)
  })

  test('elsewhere the wish for a websocket, and everywhere that for another protocol, is passed over', async () => {
    const data = await raw(handshake('/data/', domain))
    expect(data).toStartWith('HTTP/1.1 200')
    expect(data).toContain('welcome')
    const h2c = `POST /realtime/x/y HTTP/1.1\r\nHost: ${domain}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 2\r\n\r\n{}`
    expect(await raw(h2c)).toStartWith('HTTP/1.1 401')
  })
})

const unauthorized = { status: '401 Unauthorized', code: 'unauthorized', title: 'The authentication has failed' }
const notAllowed = (method: string) => ({
  status: '405 Method Not Allowed',
  code: 'method not allowed',
  title: `The ${method} method is not supported`,
})
const noType = (method = 'SUBSCRIBE') => ({
  status: '404 Page Not Found',
  code: 'page not found',
  title: `The type parameter is mandatory for ${method}`,
})

describe('the first message', () => {
  test.each<[string, unknown, object]>([
    ['another method', { method: 'SUBSCRIBE', payload: { type: 'a' } }, notAllowed('SUBSCRIBE')],
    ['no method', { payload: 'x' }, notAllowed('')],
    ['an array', [1], notAllowed('')],
    ['no JSON', '{"method":', notAllowed('')],
    ['an empty token', { method: 'AUTH', payload: '' }, unauthorized],
    ['a token that is no text', { method: 'AUTH', payload: { a: 1 } }, unauthorized],
    ['no token', { method: 'AUTH' }, unauthorized],
    ['a bad token', { method: 'AUTH', payload: 'nonsense' }, unauthorized],
  ])('%s: an error, and the end', async (_what, message, error) => {
    const listener = await listen()
    listener.send(message)
    // What follows is not read.
    listener.send({ method: 'AUTH', payload: token })
    listener.command('SUBSCRIBE', 'io.cozy.x')
    expect((await listener.closed).code).toBe(1008)
    const source = message === '{"method":' ? null : message
    expect(listener.events as unknown).toEqual([{ event: 'error', payload: { ...error, source } }])
  })

  test('a token of another instance, and an expired one, are refused', async () => {
    const foreign = await listen(await server.token('*'))
    expect((await foreign.closed).code).toBe(1008)
    const expired = await server.token('*', { domain, expire: '1s' })
    await Bun.sleep(1_100)
    const late = await listen(expired)
    expect((await late.closed).code).toBe(1008)
    expect(late.events).toMatchObject([{ payload: unauthorized }])
  })

  test('AUTH is not answered, in any case of letters', async () => {
    const listener = await listen()
    listener.send({ method: 'Auth', payload: token })
    await listener.flush()
    expect(listener.events).toEqual([])
  })
})

test.each<[string, unknown, object]>([
  ['an unknown method', { method: 'PUBLISH', payload: { type: 'a' } }, notAllowed('PUBLISH')],
  ['AUTH again', { method: 'AUTH', payload: 'x' }, notAllowed('AUTH')],
  ['no JSON', 'SUBSCRIBE io.cozy.files', notAllowed('')],
  ['a number', '17', notAllowed('')],
  ['null', 'null', notAllowed('')],
  ['no payload', { method: 'SUBSCRIBE' }, noType()],
  ['no type', { method: 'SUBSCRIBE', payload: { id: 'a' } }, noType()],
  ['an empty type', { method: 'subscribe', payload: { type: '' } }, noType()],
  ['a type that is no text', { method: 'SUBSCRIBE', payload: { type: 1 } }, noType()],
  ['an id that is no text', { method: 'SUBSCRIBE', payload: { type: 'a', id: 1 } }, noType()],
  ['UNSUBSCRIBE without type', { method: 'UNSUBSCRIBE', payload: {} }, noType('UNSUBSCRIBE')],
  ['deep nesting', `{"method":"X","payload":${'['.repeat(3_000)}${']'.repeat(3_000)}}`, notAllowed('X')],
])('%s is an error frame, and the socket lives on', async (_what, message, error) => {
  const listener = await listen(token)
  listener.send(message)
  const [answer] = await listener.next()
  expect(answer).toMatchObject({ event: 'error', payload: error })
  if (typeof message === 'object') expect(answer?.payload.source).toEqual(message)
  await listener.flush()
  expect(listener.events).toHaveLength(1)
})

describe('messages that end a socket', () => {
  test.each<[string, (listener: Listener) => void, number]>([
    ['a binary one', ({ socket }) => socket.send(Buffer.from('{}')), 1003],
    ['one above 8 KiB', (listener) => listener.send({ method: 'AUTH', payload: 'x'.repeat(8 * 1024) }), 1009],
  ])('%s', async (_what, act, code) => {
    const listener = await listen(token)
    act(listener)
    expect((await listener.closed).code).toBe(code)
  })

  test('8 KiB are taken', async () => {
    const listener = await listen(token)
    const message = JSON.stringify({ method: 'X', payload: '' })
    listener.send({ method: 'X', payload: 'x'.repeat(8 * 1024 - message.length) })
    expect(await listener.told()).toEqual(['error 405 Method Not Allowed'])
  })
})

test('a socket has at most 1,000 subscriptions; the same one twice is one', async () => {
  const listener = await listen(token)
  for (let n = 0; n < 1_000; n += 1) listener.command('SUBSCRIBE', `io.cozy.many/${n % 999}`)
  listener.command('SUBSCRIBE', 'io.cozy.many')
  await listener.flush()
  expect(listener.events).toEqual([])
  listener.command('SUBSCRIBE', 'io.cozy.more')
  const [answer] = await listener.next()
  expect(answer?.payload).toMatchObject({
    status: '429 Too Many Requests',
    title: 'A connection can have at most 1000 subscriptions',
  })
  listener.command('UNSUBSCRIBE', 'io.cozy.many/5')
  listener.command('SUBSCRIBE', 'io.cozy.more')
  await listener.flush()
  expect(listener.events).toHaveLength(1)
})

describe('what a token may hear', () => {
  test.each<[scope: string, target: string, allowed: boolean]>([
    ['*', 'io.cozy.notes', true],
    ['io.cozy.notes', 'io.cozy.notes', true],
    ['io.cozy.notes:GET', 'io.cozy.notes/a', true],
    ['io.cozy.notes:POST,PUT', 'io.cozy.notes', false],
    ['io.cozy.notes', 'io.cozy.other', false],
    ['io.cozy.notes:GET:a', 'io.cozy.notes', false],
    ['io.cozy.notes:GET:a', 'io.cozy.notes/a', true],
    ['io.cozy.notes:GET:a', 'io.cozy.notes/b', false],
    ['io.cozy.notes:GET:blue:colour', 'io.cozy.notes/a', false],
    ['io.cozy.bank.*', 'io.cozy.bank.accounts', true],
    ['io.cozy.files:GET', 'io.cozy.files', true],
    ['io.cozy.files:GET', 'io.cozy.files.thumbnails', true],
    ['io.cozy.files:GET', 'io.cozy.notes.events/n', true],
    ['io.cozy.notes', 'io.cozy.notes.events', false],
    ['io.cozy.notes', 'io.cozy.sharings.initial_sync', true],
    ['io.cozy.notes', 'io.cozy.auth.confirmations', true],
    ['io.cozy.notes', 'io.cozy.jobs.events', false],
    ['*', 'io.cozy.jobs.events', true],
    // Reserved, or no doctype at all.
    ['*', 'io.cozy.oauth.clients', false],
    ['*', 'io.cozy.sessions/a', false],
    ['*', 'Bad-Name', false],
    ['*', '*', false],
  ])('%s hears %s: %p', async (scope, target, allowed) => {
    const listener = await listen(await scoped(scope))
    listener.command('SUBSCRIBE', target)
    await listener.flush()
    if (allowed) {
      expect(listener.events).toEqual([])
      return
    }
    const [type, id] = target.split('/')
    const payload = {
      status: '403 Forbidden',
      code: 'forbidden',
      title: `The application can't subscribe to ${type}`,
      source: { method: 'SUBSCRIBE', payload: id === undefined ? { type } : { type, id } },
    }
    expect(listener.events as unknown).toEqual([{ event: 'error', payload }])
  })
})

describe('POST /realtime/T/ID', () => {
  const post = async (path: string, body: string, scope?: string) => {
    const auth = scope === undefined ? {} : { authorization: `Bearer ${await scoped(scope)}` }
    const response = await server.fetch(path, { method: 'POST', headers: { host: domain, ...auth }, body })
    const text = await response.text()
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: text === '' ? '' : JSON.parse(text),
    }
  }

  test.each<[scope: string | undefined, path: string, body: string, status: number]>([
    ['*', '/realtime/io.cozy.ui/a', '{}', 204],
    ['io.cozy.ui:POST:a', '/realtime/io.cozy.ui/a', '{"_id":"b"}', 204],
    ['io.cozy.ui:POST:a', '/realtime/io.cozy.ui/b', '{"_id":"a"}', 403],
    ['io.cozy.ui:GET', '/realtime/io.cozy.ui/a', '{}', 403],
    [undefined, '/realtime/io.cozy.ui/a', '{}', 401],
    ['*', '/realtime/io.cozy.ui/%00', '{}', 204],
    ['*', '/realtime/io.cozy.ui/a%FF', '{}', 400],
    ['*', '/realtime/io.cozy.ui/a', '', 400],
    ['*', '/realtime/io.cozy.ui/a', '[1]', 400],
    ['*', '/realtime/io.cozy.ui/a', '{"a":', 400],
    ['*', '/realtime/io.cozy.ui/a', `{"a":"${'x'.repeat(7_400)}"}`, 204],
    ['*', '/realtime/io.cozy.ui/a', `{"a":"${'x'.repeat(8_000)}"}`, 413],
    ['*', `/realtime/io.cozy.ui/${'i'.repeat(1_000)}`, `{"a":"${'x'.repeat(7_000)}"}`, 413],
    ['*', '/realtime/Bad-Name/a', '{}', 403],
    ['*', '/realtime/io.cozy.sessions/a', '{}', 403],
    ['*', '/realtime/io.cozy.ui', '{}', 404],
    ['*', '/realtime/io.cozy.ui/a/b', '{}', 404],
  ])('%s %s: %#', async (scope, path, body, status) => {
    const answer = await post(path, body, scope)
    expect(answer.status).toBe(status)
    if (status === 204) return
    expect(answer.type).toBe('application/vnd.api+json')
    expect(answer.body).toMatchObject({ errors: [{ status: `${status}`, source: {} }] })
  })
})

test('both routes are described', async () => {
  const document = (await (await server.fetch('/openapi.json')).json()) as { paths: Record<string, object> }
  expect(Object.keys(document.paths['/realtime'] ?? {})).toEqual(['get'])
  expect(Object.keys(document.paths['/realtime/{type}/{id}'] ?? {})).toEqual(['post'])
})

test('closing is answered', async () => {
  const listener = await listen(token)
  listener.socket.close(1000, 'bye')
  expect(await listener.closed).toEqual({ code: 1000, reason: 'bye' })
  await until(() => listener.socket.readyState === 3)
})
