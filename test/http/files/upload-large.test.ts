/** Uploads are streamed with back-pressure: memory stays flat, also when the store is slower than the client. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { startServer, type TestServer } from '../../support/server.ts'

const megabytes = 512
const block = new Uint8Array(1 << 20).map((_, at) => at % 253)

/** One of its own: memory is measured. */
let server: TestServer
let authorization: string

beforeAll(async () => {
  server = await startServer()
  authorization = `Bearer ${await server.token('*')}`
}, 90_000)
afterAll(() => server.stop())

async function upload(name: string, count: number, announced: boolean) {
  const answer = await server.fetch(`/files/?Type=file&Name=${name}`, {
    method: 'POST',
    headers: {
      authorization,
      ...(announced ? { 'content-length': `${count << 20}` } : { 'transfer-encoding': 'chunked' }),
    },
    body: Readable.from(Array.from({ length: count }, () => block)),
  })
  const { data } = (await answer.json()) as { data: { attributes: { size: string; md5sum: string } } }
  return { status: answer.status, size: data?.attributes.size, md5sum: data?.attributes.md5sum }
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

test('512 MB are stored whole, in flat memory', async () => {
  // The first time compiles what it runs.
  await upload('warm', 64, true)
  const hash = createHash('md5')
  for (let i = 0; i < megabytes; i++) hash.update(block)
  const whole = { status: 201, size: `${megabytes << 20}`, md5sum: hash.digest('base64') }
  for (const announced of [true, false]) {
    const grown = await growth(async () => {
      expect(await upload(announced ? 'announced' : 'chunked', megabytes, announced)).toEqual(whole)
    })
    expect(grown).toBeLessThan(64)
  }
}, 90_000)

test('two hundred small files at once', async () => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      server.fetch(`/files/?Type=file&Name=small-${n}`, {
        method: 'POST',
        headers: { authorization },
        body: `content ${n}`,
      }),
    ),
  )
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
  const { data } = (await (
    await server.fetch('/files/io.cozy.files.root-dir', { headers: { authorization } })
  ).json()) as { data: { relationships: { contents: { meta: { count: number } } } } }
  // With the two directories that every instance begins with.
  expect(data.relationships.contents.meta.count).toBe(205)
}, 30_000)
