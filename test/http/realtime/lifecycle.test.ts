/** Sockets that fall silent, do not read, or whose rights end; and what is left when they are gone. */
import { afterEach, describe, expect, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { socketLimits } from '../../../routes/realtime/limits.ts'
import { postgresBin } from '../../support/postgres.ts'
import { type InProcess, openInProcess } from './in-process.ts'
import { Listener, until } from './listener.ts'

const type = 'io.cozy.lives'
let server: InProcess
afterEach(() => server?.stop(), 20_000)

async function start(limits: Parameters<typeof openInProcess>[0] = {}): Promise<void> {
  server = await openInProcess(limits)
}
const subscribe = async (...targets: readonly string[]) => Listener.subscribed(server, await server.token(), ...targets)

/** A websocket of which nothing is read and to whose pings nobody answers, after it has said some commands. */
async function deafSocket(...commands: readonly object[]): Promise<Socket> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  socket.on('error', () => {})
  const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  socket.write(
    `GET /realtime/ HTTP/1.1\r\nHost: ${server.domain}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n`,
  )
  await new Promise((resolve) => socket.once('data', resolve))
  socket.pause()
  for (const command of commands) socket.write(masked(JSON.stringify(command)))
  return socket
}

/** A client's text frame of up to 65,535 bytes, with a mask of zeros. */
function masked(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([0x81, 0x80 | 126, bytes.length >> 8, bytes.length & 255, 0, 0, 0, 0]), bytes])
}

test('the limits are those of the protocol', () => {
  expect(socketLimits).toMatchObject({ pingMs: 54_000, silenceMs: 60_000, writeMs: 10_000, maxQueuedBytes: 1_048_576 })
})

describe.skipIf(postgresBin() === undefined)('silence', () => {
  test('pings are sent, and whoever answers them stays', async () => {
    await start({ pingMs: 100, silenceMs: 400 })
    const listener = await subscribe(type)
    let pings = 0
    listener.socket.on('ping', () => {
      pings += 1
    })
    await Bun.sleep(1_000)
    expect(pings).toBeGreaterThan(5)
    await server.put(type, 'a')
    expect(await listener.told()).toEqual(['CREATED a 1'])
  })

  test('whoever is gone without a word is ended, and leaves nothing behind', async () => {
    await start({ pingMs: 100, silenceMs: 400 })
    const socket = await deafSocket(
      { method: 'AUTH', payload: await server.token() },
      { method: 'SUBSCRIBE', payload: { type } },
    )
    await until(() => server.gateway.size === 1 && server.store.watching() === 1)
    const began = performance.now()
    await until(() => server.gateway.size === 0)
    expect(performance.now() - began).toBeGreaterThan(200)
    expect(server.store.watching()).toBe(0)
    socket.destroy()
  })

  test('without AUTH a socket does not stay, whatever it answers', async () => {
    await start({ pingMs: 50, silenceMs: 300 })
    const listener = await Listener.open(server)
    expect(await listener.closed).toEqual({ code: 1008, reason: 'No AUTH was received' })
  })
})

describe.skipIf(postgresBin() === undefined)('whoever does not read', () => {
  const large = { text: 'x'.repeat(100_000) }

  test('is cut off when too much waits, while the others get everything', async () => {
    await start()
    const good = await subscribe(type)
    const bad = await subscribe(type)
    bad.socket.pause()
    for (let n = 0; n < 300; n += 1) await server.put(type, `d${n}`, large)
    await until(
      () => good.events.length === 300,
      () => `${good.events.length}`,
    )
    expect(server.gateway.cutOff).toBe(1)
    bad.socket.resume()
    // Told why, behind what had been sent before.
    expect((await bad.closed).code).toBe(1013)
    expect(bad.events.length).toBeLessThan(300)
    await server.put(type, 'after')
    expect((await good.next(301)).at(-1)?.payload.id).toBe('after')
  }, 30_000)

  test('is ended when it takes nothing for a while, however little waits', async () => {
    await start({ writeMs: 300, maxQueuedBytes: 100 * 2 ** 20 })
    const socket = await deafSocket(
      { method: 'AUTH', payload: await server.token() },
      { method: 'SUBSCRIBE', payload: { type } },
    )
    await until(() => server.store.watching() === 1)
    for (let n = 0; n < 100; n += 1) await server.put(type, `d${n}`, large)
    await until(() => server.gateway.size === 0)
    expect(server.gateway.cutOff).toBe(1)
    socket.destroy()
  }, 30_000)

  test('but one that reads slowly and steadily is waited for', async () => {
    await start({ writeMs: 1_000 })
    const slow = await subscribe(type)
    const timer = setInterval(() => {
      slow.socket.resume()
      setTimeout(() => slow.socket.pause(), 20)
    }, 100)
    for (let n = 0; n < 100; n += 1) await server.put(type, `d${n}`, large)
    await until(
      () => slow.events.length === 100,
      () => `${slow.events.length}, ${slow.socket.readyState}`,
    )
    clearInterval(timer)
    slow.socket.resume()
    expect(server.gateway.cutOff).toBe(0)
  }, 30_000)

  test('and one that only sends cannot fill the memory', async () => {
    await start({ writeMs: 500 })
    const socket = await deafSocket({ method: 'AUTH', payload: await server.token() })
    const nonsense = masked(JSON.stringify({ method: 'X', payload: 'x'.repeat(7_000) }))
    for (let n = 0; n < 3_000; n += 1) socket.write(nonsense)
    // For what it does not read, or for what it sends, whichever becomes too much first.
    await until(
      () => server.gateway.size === 0,
      () => `${server.gateway.cutOff} cut off, ${socket.bytesWritten} bytes sent`,
    )
    socket.destroy()
  })
})

describe.skipIf(postgresBin() === undefined)('rights that end', () => {
  test('a token that expires ends the socket', async () => {
    await start({ pingMs: 100 })
    const listener = await Listener.subscribed(server, await server.token('*', 2), type)
    expect((await listener.closed).code).toBe(1008)
    expect(listener.events).toMatchObject([
      { event: 'error', payload: { code: 'unauthorized', source: { method: 'AUTH' } } },
    ])
    expect(server.store.watching()).toBe(0)
  })

  test('new secrets end the sockets of the old ones at once', async () => {
    await start()
    const listener = await subscribe(type)
    await server.instances.rotateCliSecret(server.domain)
    expect((await listener.closed).code).toBe(1008)
    const again = await subscribe(type)
    await server.put(type, 'a')
    expect(await again.told()).toEqual(['CREATED a 1'])
  })

  test('an instance that is deleted ends its sockets, and no others', async () => {
    await start()
    await server.instances.create({ domain: 'other.localhost' })
    const token = await server.instances.mintToken({
      domain: 'other.localhost',
      audience: 'cli',
      scope: '*',
      subject: 'test',
    })
    const other = await Listener.subscribed({ ...server, domain: 'other.localhost' }, token, type)
    const own = await subscribe(type)
    await server.instances.remove('other.localhost')
    expect(await other.closed).toEqual({ code: 1008, reason: 'The instance no longer exists' })
    await server.put(type, 'a')
    expect(await own.told()).toEqual(['CREATED a 1'])
  })

  test('an application that loses a right loses the subscription, and keeps the others', async () => {
    await start({ pingMs: 100 })
    const permissions = (...types: readonly string[]) => ({
      type: 'app',
      source_id: 'io.cozy.apps/notes',
      permissions: Object.fromEntries(types.map((one) => [one, { type: one, verbs: ['GET'] }])),
    })
    await server.put('io.cozy.permissions', 'p', permissions(type, 'io.cozy.other'))
    const token = await server.instances.mintToken({
      domain: server.domain,
      audience: 'app',
      scope: '',
      subject: 'notes',
    })
    const listener = await Listener.subscribed(server, token, type, 'io.cozy.other')
    expect(listener.events).toEqual([])
    const ref = { prefix: (await server.instances.find(server.domain)).prefix, name: 'io.cozy.permissions' }
    const stored = await server.store.read(ref, 'p')
    if (stored === undefined) throw new Error('no permissions')
    const { bodyOf } = await import('../../conformance/documents.ts')
    const body = bodyOf(permissions('io.cozy.other') as never)
    await server.store.write([{ ref, id: 'p', parent: stored, deleted: false, body, unknownParent: 'refuse' }])
    await until(() => listener.events.length > 0)
    expect(listener.events as unknown).toEqual([
      {
        event: 'error',
        payload: {
          status: '403 Forbidden',
          code: 'forbidden',
          title: `The application can't subscribe to ${type}`,
          source: { method: 'SUBSCRIBE', payload: { type } },
        },
      },
    ])
    await server.put(type, 'a')
    await server.put('io.cozy.other', 'b')
    await until(() => listener.events.length > 1)
    expect(listener.events[1]?.payload.id).toBe('b')
  }, 20_000)
})

describe.skipIf(postgresBin() === undefined)('the end', () => {
  test('the server takes leave of everybody, also of who does not answer', async () => {
    await start({ farewellMs: 500 })
    const listener = await subscribe(type)
    const deaf = await deafSocket({ method: 'AUTH', payload: await server.token() })
    await until(() => server.gateway.size === 2)
    const began = performance.now()
    await server.gateway.close()
    expect((await listener.closed).code).toBe(1001)
    expect(performance.now() - began).toBeLessThan(1_500)
    await until(() => server.gateway.size === 0)
    await expect(Listener.open(server)).rejects.toThrow('503')
    deaf.destroy()
  })

  test('1,000 sockets that come and go, in every way, leave nothing', async () => {
    await start()
    const token = await server.token()
    for (let round = 0; round < 20; round += 1) {
      const open = await Promise.all(
        Array.from({ length: 50 }, async (_, n) => {
          if (n % 10 === 9) return Listener.open(server, n % 20 === 9 ? token : 'bad')
          const targets = [type, `${type}/a`, `io.cozy.t${n}`, 'io.cozy.jobs.events']
          return n % 3 === 0 ? Listener.subscribed(server, token, ...targets) : Listener.subscribed(server, token, type)
        }),
      )
      for (const [n, listener] of open.entries()) {
        if (n % 2 === 0) listener.socket.terminate()
        else listener.socket.close()
      }
      await Promise.all(open.map(({ closed }) => closed))
    }
    await until(() => server.gateway.size === 0)
    expect(server.store.watching()).toBe(0)
    const left = await subscribe(type)
    await server.put(type, 'a')
    expect(await left.told()).toEqual(['CREATED a 1'])
    await left.close()
    await until(() => server.gateway.size === 0 && server.store.watching() === 0)
  }, 60_000)
})
