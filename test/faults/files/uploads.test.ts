/** Uploads that are large, many, cut short, or meet each other: on a folder and on MinIO. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { minioProgram, sharedMinio } from '../../support/minio.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { FilesClient, fsck, rootId } from './uploader.ts'

const places = [
  { name: 'a folder', available: true, env: async () => ({}) },
  {
    name: 'MinIO',
    available: minioProgram() !== undefined,
    env: async () => ({ HEARTH_OBJECTS_URL: (await sharedMinio()).newUrl() }),
  },
]

/** Largest growth of the resident memory that an upload or download of any size may cause. */
const allowedGrowth = 64 * 2 ** 20
const largeMegabytes = 512

for (const place of places) {
  describe.skipIf(!place.available)(`uploads to ${place.name}`, () => {
    let server: TestServer
    let client: FilesClient

    beforeAll(async () => {
      server = await startServer({ env: await place.env() })
      client = new FilesClient(server, await server.token('io.cozy.files', { expire: '1h' }))
    }, 60_000)
    afterAll(async () => {
      await server?.stop()
    })

    const residentBytes = () => {
      const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024
    }

    /** The largest resident memory while `work` runs, less what it was before. */
    async function growthDuring(work: () => Promise<void>): Promise<number> {
      const before = residentBytes()
      let highest = before
      const timer = setInterval(() => {
        highest = Math.max(highest, residentBytes())
      }, 20)
      try {
        await work()
      } finally {
        clearInterval(timer)
      }
      return highest - before
    }

    test(`${largeMegabytes} MB up and down with flat memory`, async () => {
      const chunk = randomBytes(2 ** 20)
      const sent = createHash('md5')
      const body = function* () {
        for (let at = 0; at < largeMegabytes; at += 1) {
          sent.update(chunk)
          yield chunk
        }
      }
      // The first request warms up what the server needs once.
      await (await client.fetch('/files/?Type=file&Name=warm', { method: 'POST', body: chunk })).text()
      let id = ''
      const up = await growthDuring(async () => {
        const size = largeMegabytes * 2 ** 20
        const response = await client.fetch(`/files/?Type=file&Name=large&Size=${size}`, {
          method: 'POST',
          headers: { 'content-length': `${size}` },
          body: Readable.from(body()),
        })
        const { data } = (await response.json()) as { data: { id: string; attributes: Record<string, string> } }
        expect(response.status).toBe(201)
        expect(data.attributes['size']).toBe(`${size}`)
        expect(data.attributes['md5sum']).toBe(sent.digest('base64'))
        id = data.id
      })
      const received = createHash('md5')
      const down = await growthDuring(async () => {
        const response = await client.fetch(`/files/download/${id}`)
        const reader = response.body?.getReader()
        for (let step = await reader?.read(); step && !step.done; step = await reader?.read())
          received.update(step.value)
        expect(`"${received.digest('base64')}"`).toBe(response.headers.get('etag') ?? '')
      })
      console.log(`${place.name}: memory grew by ${mb(up)} MB up, ${mb(down)} MB down`)
      expect(up).toBeLessThan(allowedGrowth)
      expect(down).toBeLessThan(allowedGrowth)
      await (await client.fetch(`/files/${id}`, { method: 'DELETE' })).text()
      expect((await client.fetch(`/files/trash/${id}`, { method: 'DELETE' })).status).toBe(204)
    }, 180_000)

    test('2,000 small files', async () => {
      const response = await client.fetch(`/files/?Type=directory&Name=many`, { method: 'POST' })
      const { data } = (await response.json()) as { data: { id: string } }
      let next = 0
      const one = async () => {
        for (let at = next++; at < 2_000; at = next++) {
          const made = await client.fetch(`/files/${data.id}?Type=file&Name=small${at}`, {
            method: 'POST',
            body: `content ${at}`,
          })
          expect(made.status).toBe(201)
          await made.text()
        }
      }
      await Promise.all(Array.from({ length: 16 }, one))
      const listed = (await (await client.fetch(`/files/${data.id}`)).json()) as {
        data: { relationships: { contents: { meta: { count: number } } } }
      }
      expect(listed.data.relationships.contents.meta.count).toBe(2_000)
      expect(await fsck(server)).toEqual([])
    }, 120_000)

    test('two of the same name at once: one wins, the other is 409, no bytes are left', async () => {
      for (let round = 0; round < 10; round += 1) {
        const upload = (byte: string) =>
          client.fetch(`/files/${rootId}?Type=file&Name=twin${round}`, { method: 'POST', body: byte.repeat(200_000) })
        const answers = await Promise.all(['a', 'b', 'c'].map(upload))
        expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409])
        await Promise.all(answers.map((answer) => answer.text()))
      }
      expect(await fsck(server)).toEqual([])
      if (place.name === 'a folder') expect(await storedObjects()).toBe(await expectedObjects())
    }, 60_000)

    test('a client that leaves in the middle leaves no file and no bytes', async () => {
      const before = await client.count()
      for (let round = 0; round < 5; round += 1) {
        const leaving = new AbortController()
        const body = async function* () {
          for (let at = 0; ; at += 1) {
            yield randomBytes(500_000)
            if (at === 10) leaving.abort()
          }
        }
        const sending = client.fetch(`/files/?Type=file&Name=gone${round}&Size=50000000`, {
          method: 'POST',
          headers: { 'content-length': '50000000' },
          body: Readable.from(body()),
          signal: leaving.signal,
        })
        await expect(sending).rejects.toThrow()
      }
      expect(await client.count()).toBe(before)
      expect(await fsck(server)).toEqual([])
      if (place.name !== 'a folder') return
      const deadline = performance.now() + 10_000
      while ((await storedObjects()) !== (await expectedObjects())) {
        expect(performance.now()).toBeLessThan(deadline)
        await Bun.sleep(100)
      }
    }, 60_000)

    /** Files below the folder of the objects that are not temporary ones. */
    async function storedObjects(): Promise<number> {
      const folder = join(server.dataDir, 'objects')
      return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length
    }

    /** One object for each file: none has a version here. */
    async function expectedObjects(): Promise<number> {
      let total = 0
      let next: string | undefined = `/files/_changes?limit=10000&include_docs=true&skip_deleted=true`
      while (next) {
        const page = (await (await client.fetch(next)).json()) as {
          results: { doc?: { type?: string } }[]
          pending: number
          last_seq: string
        }
        total += page.results.filter(({ doc }) => doc?.type === 'file').length
        next =
          page.pending > 0
            ? `/files/_changes?limit=10000&include_docs=true&skip_deleted=true&since=${page.last_seq}`
            : undefined
      }
      return total
    }
  })
}

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}
