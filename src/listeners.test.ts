import { afterEach, expect, test } from 'bun:test'
import { get } from 'node:http'
import { get as getTls } from 'node:https'
import { type Fetch, type Listeners, openListeners } from './listeners.ts'
import { StartupError } from './model/startup-error.ts'
import { selfSignedCertificate } from './self-signed.ts'

const open: Listeners[] = []
afterEach(async () => {
  for (const listeners of open.splice(0)) await listeners.close(0)
})

async function listen(fetch: Fetch, port = 0, host = 'localhost') {
  const listeners = await openListeners([{ name: 'public', setting: 'port', host, port, fetch }])
  open.push(listeners)
  return { listeners, port: listeners.addresses.public?.port ?? 0 }
}

function status(host: string, port: number, path = '/'): Promise<number | string> {
  return new Promise((resolve) => {
    get({ host, port, path }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    }).on('error', (error) => resolve(error.message))
  })
}

const ok: Fetch = () => new Response('ok')

test('localhost is IPv4 and IPv6 on one port', async () => {
  const { port, listeners } = await listen(ok)
  expect(port).toBeGreaterThan(1023)
  expect(listeners.addresses.public?.url).toBe(`http://localhost:${port}`)
  expect(await status('127.0.0.1', port)).toBe(200)
  expect(await status('::1', port)).toBe(200)
})

test('an address is opened where it is named only', async () => {
  const { port } = await listen(ok, 0, '127.0.0.1')
  expect(await status('127.0.0.1', port)).toBe(200)
  expect(await status('::1', port)).not.toBe(200)
})

test('a taken port is an error that names the setting, and nothing stays open', async () => {
  const { port } = await listen(ok)
  const free = await listen(ok)
  await free.listeners.close(0)
  const second = openListeners([
    { name: 'sync', setting: 'sync.port', host: 'localhost', port: free.port, fetch: ok },
    { name: 'admin', setting: 'admin.port', host: 'localhost', port, fetch: ok },
  ])
  const error = await second.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StartupError)
  expect((error as Error).message).toBe(
    `the admin listener cannot open 127.0.0.1 port ${port}: something else listens there already. Choose another one with --admin-port (setting admin.port), or 0 for a free one`,
  )
  expect(await status('127.0.0.1', free.port)).not.toBe(200)
})

test('heads up to 64 KB are taken, larger ones are 431', async () => {
  const { port } = await listen(ok)
  expect(await status('127.0.0.1', port, `/${'a'.repeat(60_000)}`)).toBe(200)
  expect(await status('127.0.0.1', port, `/${'a'.repeat(70_000)}`)).toBe(431)
})

test('closing lets a running request finish and refuses new ones', async () => {
  let finish = () => {}
  const running = new Promise<void>((resolve) => {
    finish = resolve
  })
  const { port, listeners } = await listen(() => running.then(() => new Response('late')))
  const answer = status('127.0.0.1', port)
  await Bun.sleep(50)
  const closing = listeners.close(5_000)
  await Bun.sleep(50)
  expect(await status('127.0.0.1', port)).not.toBe(200)
  finish()
  expect(await answer).toBe(200)
  await closing
})

test('closing cuts a request that does not finish in time', async () => {
  const { port, listeners } = await listen(() => new Promise<Response>(() => {}))
  const answer = status('127.0.0.1', port)
  await Bun.sleep(50)
  const before = Date.now()
  await listeners.close(200)
  expect(Date.now() - before).toBeLessThan(1_500)
  expect(await answer).toBeString()
})

test('serves TLS with a self-signed certificate', async () => {
  const tls = await selfSignedCertificate({ names: ['localhost'], notBefore: new Date(), days: 1 })
  const listeners = await openListeners([
    { name: 'appliance', setting: 'appliance.port', host: 'localhost', port: 0, fetch: ok, tls },
  ])
  open.push(listeners)
  const { port = 0, url } = listeners.addresses.appliance ?? {}
  expect(url).toBe(`https://localhost:${port}`)
  const code = await new Promise((resolve, reject) => {
    getTls({ host: '127.0.0.1', port, servername: 'localhost', ca: tls.cert, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    }).on('error', reject)
  })
  expect(code).toBe(200)
})
