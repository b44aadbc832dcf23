/** PouchDB pushes photos with default options: up to 100 documents with their contents in one request. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { startServer, type TestServer } from '../../support/server.ts'
import { openLocal } from './pouch.ts'
import { faces, freshName, type Remote, remoteOf } from './remote.ts'

const megabyte = 1024 * 1024
let server: TestServer
let remote: Remote

beforeAll(async () => {
  server = await startServer()
  remote = await remoteOf(server)
}, 60_000)

afterAll(() => server.stop())

const memoryOf = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

/** The most that the server grew while `work` ran. Bytes. */
async function growthWhile(work: () => Promise<unknown>): Promise<number> {
  const before = memoryOf(server.pid)
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, memoryOf(server.pid))
  }, 20)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  return most - before
}

function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(size, at + 65_536)))
  return bytes
}

const cases = faces.flatMap((face) => [
  [face, '60 documents with a photo of 1.2 MB each', 60, Math.round(1.2 * megabyte)] as const,
  [face, 'one document with 51 MB', 1, 51 * megabyte] as const,
])

test.each(cases)(
  '/%s takes %s, and its memory stays flat',
  async (face, _what, count, size) => {
    const local = openLocal()
    for (let at = 0; at < count; at += 1) {
      const data = noise(size)
      await local.put({ _id: `photo${at}`, _attachments: { 'p.jpg': { content_type: 'image/jpeg', data } } })
    }
    // The first request of a process loads what all later ones use.
    const target = remote.open(face, freshName())
    await target.put({ _id: 'first', _attachments: { a: { content_type: 'x/y', data: noise(300_000) } } })
    const growth = await growthWhile(async () => {
      const { docs_written, doc_write_failures } = await local.replicate.to(target)
      expect([docs_written, doc_write_failures]).toEqual([count, 0])
    })
    const { rows } = await target.allDocs({ include_docs: true, startkey: 'photo', endkey: 'photo\ufff0' })
    const lengths = rows.map(({ doc }) => doc?.['_attachments'] as { 'p.jpg': { length: number } })
    expect(lengths.map((attachments) => attachments['p.jpg'].length)).toEqual(new Array(count).fill(size))
    expect(growth / megabyte).toBeLessThan(64)
  },
  180_000,
)
