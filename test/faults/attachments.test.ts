/** Large attachments in flat memory, uploads that end in the middle, SIGKILL while attachments come. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { startServer, type TestServer } from '../support/server.ts'

const mb = 1024 * 1024
const noise = (size: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(size)))
const md5 = (data: Buffer) => createHash('md5').update(data).digest('base64')

/** What the server has of memory, in bytes. */
function resident(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

/** Files in the object store, temporary ones too. */
function objectFiles(dataDir: string): readonly string[] {
  const folder = join(dataDir, 'objects')
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

describe('large attachments', () => {
  let server: TestServer
  let auth: Record<string, string>
  beforeAll(async () => {
    server = await startServer({ env: { HEARTH_DOCUMENTS_MAX_ATTACHMENT: '600MiB' } })
    auth = { authorization: `Bearer ${await server.token('*')}` }
    await server.fetch('/couchdb/large', { method: 'PUT', headers: auth })
  }, 60_000)
  afterAll(async () => {
    await server?.killTree()
  })

  const chunk = noise(64 * 1024)
  function* chunks(count: number) {
    for (let n = 0; n < count; n += 1) yield chunk
  }
  function digestOf(count: number): string {
    const hash = createHash('md5')
    for (const one of chunks(count)) hash.update(one)
    return hash.digest('base64')
  }
  const put = (path: string, count: number, more: Record<string, string> = {}) =>
    server.fetch(path, {
      method: 'PUT',
      headers: { ...auth, 'content-type': 'video/mp4', 'content-length': `${count * chunk.length}`, ...more },
      body: Readable.from(chunks(count)),
    })
  async function read(path: string, headers: Record<string, string> = {}) {
    const answer = await server.fetch(path, { headers: { ...auth, ...headers } })
    const hash = createHash('md5')
    let size = 0
    for await (const part of answer.body ?? []) {
      hash.update(part)
      size += part.length
    }
    return { status: answer.status, size, md5: hash.digest('base64') }
  }
  /** The most that memory grew by while `work` ran. */
  async function growth(work: () => Promise<unknown>): Promise<number> {
    const before = resident(server.pid)
    let most = before
    const timer = setInterval(() => {
      most = Math.max(most, resident(server.pid))
    }, 20)
    await work()
    clearInterval(timer)
    return (most - before) / mb
  }

  test('512 MB up and down with memory that stays flat', async () => {
    const small = 16 * 16
    const count = 512 * 16
    const wanted = digestOf(count)
    // What the first transfer loads and compiles is no matter of its size.
    expect((await put('/couchdb/large/warm/a', small)).status).toBe(201)
    expect((await read('/couchdb/large/warm/a')).md5).toBe(digestOf(small))
    const up = await growth(async () => {
      expect((await put('/couchdb/large/one/film', count, { 'content-md5': wanted })).status).toBe(201)
    })
    const down = await growth(async () => {
      expect(await read('/couchdb/large/one/film')).toEqual({ status: 200, size: 512 * mb, md5: wanted })
    })
    console.log(`512 MB: memory grew by ${up.toFixed(0)} MB up, ${down.toFixed(0)} MB down`)
    // Less than 64 on a quiet machine; where the processors are busy the collector comes late (111 were seen).
    expect(up).toBeLessThan(160)
    expect(down).toBeLessThan(160)

    const end = await read('/couchdb/large/one/film', { range: `bytes=${512 * mb - 64 * 1024}-` })
    expect(end).toEqual({ status: 206, size: 64 * 1024, md5: md5(chunk) })
  }, 120_000)

  test('with its content in a document it is streamed too', async () => {
    let size = 0
    const grown = await growth(async () => {
      const answer = await server.fetch('/couchdb/large/one?attachments=true', { headers: auth })
      for await (const part of answer.body ?? []) size += part.length
    })
    expect(size).toBeGreaterThan((512 * mb * 4) / 3)
    console.log(`512 MB in base64: memory grew by ${grown.toFixed(0)} MB`)
    // 683 MB go through. Nothing of it is kept, but the collector comes when it likes: 155 to 210 were seen.
    expect(grown).toBeLessThan(340)
  }, 120_000)

  test('a reader that stops in the middle lets everything go', async () => {
    const open = () => readdirSync(`/proc/${server.pid}/fd`).length
    const before = open()
    for (let n = 0; n < 20; n += 1) {
      const leaving = new AbortController()
      const answer = await server.fetch('/couchdb/large/one/film', { headers: auth, signal: leaving.signal })
      const reader = answer.body?.getReader()
      await reader?.read()
      leaving.abort()
      await reader?.cancel().catch(() => {})
    }
    for (let turn = 0; open() > before + 3 && turn < 1_000; turn += 1) await Bun.sleep(50)
    expect(open()).toBeLessThanOrEqual(before + 3)
  }, 60_000)

  test('too large: 413, announced or not, and nothing stays', async () => {
    const files = objectFiles(server.dataDir).length
    const announced = await put('/couchdb/large/much/a', 601 * 16).catch((error: Error) => error)
    // The server answers before the body is through; a client that goes on sending may see the connection end.
    if (announced instanceof Response) {
      expect(announced.status).toBe(413)
      expect(await announced.json()).toEqual({ error: 'attachment_too_large', reason: 'a' })
    }
    expect((await server.fetch('/couchdb/large/much', { headers: auth })).status).toBe(404)
    expect(objectFiles(server.dataDir)).toHaveLength(files)
  }, 60_000)

  test('an upload that ends in the middle leaves nothing', async () => {
    const files = objectFiles(server.dataDir).length
    await new Promise<void>((resolve) => {
      const { hostname, port } = new URL(server.url)
      const outgoing = request({
        hostname,
        port,
        method: 'PUT',
        path: '/couchdb/large/cut/a',
        headers: { ...auth, host: server.domain, 'content-length': `${8 * mb}` },
      })
      outgoing.on('error', () => resolve())
      outgoing.on('close', () => resolve())
      outgoing.write(noise(mb), () => setTimeout(() => outgoing.destroy(), 100))
    })
    for (let turn = 0; objectFiles(server.dataDir).length > files && turn < 1_000; turn += 1) await Bun.sleep(50)
    expect(objectFiles(server.dataDir)).toHaveLength(files)
    expect((await server.fetch('/couchdb/large/cut', { headers: auth })).status).toBe(404)
  }, 60_000)

  test('a dropped database leaves no object', async () => {
    const dropped = await server.fetch('/couchdb/large', { method: 'DELETE', headers: auth })
    expect(dropped.status).toBe(200)
    for (let turn = 0; objectFiles(server.dataDir).length > 0 && turn < 600; turn += 1) await Bun.sleep(100)
    expect(objectFiles(server.dataDir)).toEqual([])
  }, 90_000)
})

describe('killed while attachments come', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'hearth-attachments-'))
  const acknowledged = new Map<string, string>()
  let server: TestServer
  let token: string
  let names = 0
  beforeAll(async () => {
    server = await startServer({ dataDir })
    token = await server.token('*')
    await server.fetch('/couchdb/killed', { method: 'PUT', headers: { authorization: `Bearer ${token}` } })
  }, 60_000)
  afterAll(async () => {
    await server?.killTree()
    rmSync(dataDir, { recursive: true, force: true })
  })

  /** Uploads until the server is dead: by PUT and inline, small and larger, new and known contents. */
  async function load(kill: () => Promise<void>): Promise<number> {
    const before = acknowledged.size
    const auth = { authorization: `Bearer ${token}` }
    let killed = false
    const shared = noise(50_000)
    const uploading = Array.from({ length: 8 }, async (_, worker) => {
      while (!killed) {
        names += 1
        const id = `doc${names}`
        const data = worker === 0 ? shared : noise(worker % 2 === 0 ? 2_000 : 700_000)
        const inline = worker % 4 === 2
        const path = inline ? `/couchdb/killed/${id}` : `/couchdb/killed/${id}/a`
        const doc = { _attachments: { a: { data: data.toString('base64') } } }
        try {
          const answer = await server.fetch(path, {
            method: 'PUT',
            headers: { ...auth, 'content-type': inline ? 'application/json' : 'application/x-noise' },
            body: inline ? JSON.stringify(doc) : data,
          })
          const { rev } = (await answer.json()) as { rev?: string }
          if (answer.status === 201 && rev) acknowledged.set(id, md5(data))
        } catch {
          // It is dead, or about to be.
        }
      }
    })
    await Bun.sleep(300 + Math.random() * 500)
    // A round in which next to nothing was acknowledged proves nothing.
    const deadline = Date.now() + 20_000
    while (acknowledged.size - before <= 5 && Date.now() < deadline) await Bun.sleep(20)
    await kill()
    killed = true
    await Promise.all(uploading)
    return acknowledged.size - before
  }

  async function compare(): Promise<void> {
    const auth = { authorization: `Bearer ${token}` }
    const wrong: string[] = []
    for (const [id, wanted] of acknowledged) {
      const answer = await server.fetch(`/couchdb/killed/${id}/a`, { headers: auth })
      if (md5(Buffer.from(await answer.arrayBuffer())) !== wanted) wrong.push(`${id}: ${answer.status}`)
    }
    expect(wrong).toEqual([])
    // Nor is there a document whose attachment is not there.
    const listed = await server.fetch('/couchdb/killed/_all_docs?include_docs=true&attachments=true', { headers: auth })
    const { rows } = (await listed.json()) as {
      rows: { doc: { _attachments: { a: { data: string; digest: string } } } }[]
    }
    for (const { doc } of rows) {
      const { data, digest } = doc._attachments.a
      expect(`md5-${md5(Buffer.from(data, 'base64'))}`).toBe(digest)
    }
    expect(rows.length).toBeGreaterThanOrEqual(acknowledged.size)
  }

  test('every acknowledged one reads back, five rounds', async () => {
    const written: number[] = []
    for (let round = 0; round < 5; round += 1) {
      written.push(await load(() => (round % 2 === 0 ? server.killTree() : server.kill())))
      server = await startServer({ dataDir })
      await compare()
    }
    expect(written.filter((count) => count > 5).length).toBeGreaterThan(3)
  }, 120_000)
})
