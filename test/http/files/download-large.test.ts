import { afterAll, beforeAll, expect, test } from 'bun:test'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { startServer, type TestServer } from '../../support/server.ts'
import { openObjects } from './objects.ts'
import { newPerson, type Person, root } from './person.ts'

const megabytes = 512

/** One of its own: memory is measured. */
let server: TestServer
let person: Person
let large = ''

beforeAll(async () => {
  server = await startServer()
  person = await newPerson(server)
  large = await person.file(root, 'large', Readable.from(blocks()))
}, 90_000)
afterAll(() => server.stop())

async function* blocks() {
  const block = new Uint8Array(1 << 20)
  for (let i = 0; i < megabytes; i++) yield block
}

async function download(): Promise<number> {
  const answer = await person.fetch(`/files/download/${large}`)
  let size = 0
  for await (const chunk of answer.body as ReadableStream<Uint8Array>) size += chunk.length
  return size
}

/** A client that asks and then reads no further than its socket does by itself. */
async function startSlowly() {
  const token = await server.token('*', { domain: person.domain })
  const headers = { host: person.domain, authorization: `Bearer ${token}` }
  const asking = request(new URL(`${server.url}/files/download/${large}`), { headers, agent: false })
  asking.end()
  await once(asking, 'response')
  return asking
}

/** MB by which the server's memory grows at most while `work` runs. */
async function growth(work: () => Promise<unknown>): Promise<number> {
  const rss = async () => {
    const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
  }
  const start = await rss()
  let peak = start
  const timer = setInterval(async () => {
    peak = Math.max(peak, await rss())
  }, 10)
  await work()
  clearInterval(timer)
  return peak - start
}

test('512 MB come whole, in flat memory', async () => {
  // The first time compiles what it runs.
  expect(await download()).toBe(megabytes << 20)
  expect(await growth(download)).toBeLessThan(64)
}, 60_000)

test('clients that do not read cost next to nothing, and let the object go when they leave', async () => {
  const grown = await growth(async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, startSlowly))
    await delay(500)
    expect(await openObjects(server)).toBe(8)
    for (const client of clients) client.destroy()
    for (let i = 0; i < 100 && (await openObjects(server)) > 0; i++) await delay(20)
    expect(await openObjects(server)).toBe(0)
  })
  expect(grown).toBeLessThan(64)
}, 60_000)
