/** MinIO stops while files are uploaded and comes back: clear refusals, then service, nothing half-written. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { minioProgram, startMinio, type TestMinio } from '../../support/minio.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { type Acknowledged, FilesClient, fsck, someBytes } from './uploader.ts'

describe.skipIf(minioProgram() === undefined)('MinIO stopped during uploads', () => {
  let minio: TestMinio
  let server: TestServer
  let client: FilesClient

  beforeAll(async () => {
    minio = await startMinio()
    server = await startServer({ env: { HEARTH_OBJECTS_URL: minio.newUrl() } })
    client = new FilesClient(server, await server.token('io.cozy.files'))
  }, 60_000)
  afterAll(async () => {
    await server?.stop()
    await minio?.stop()
  })

  test('503 with Retry-After while it is away, and service when it is back', async () => {
    const firstDirectories = await client.count()
    const acknowledged: Acknowledged[] = []
    const refused: { status: number; at: number }[] = []
    let over = false
    const uploading = Array.from({ length: 8 }, async (_, n) => {
      for (let at = 0; !over; at += 1) {
        const done = await client.upload(`u${n} ${at}`, someBytes())
        if ('status' in done) refused.push({ status: done.status, at: performance.now() })
        else acknowledged.push(done)
      }
    })
    await eventually(() => acknowledged.length > 10)
    const before = acknowledged.length
    await minio.pause()
    await eventually(() => refused.length > 5)
    await eventually(async () => (await statusOf(server, '/readyz')) === 503)
    const download = await client.fetch(`/files/download/${acknowledged[0]?.id}`)
    expect(download.status).toBe(503)
    expect(download.headers.get('retry-after')).toMatch(/^\d+$/)
    await download.text()
    const upload = await client.fetch('/files/?Type=file&Name=refused', { method: 'POST', body: 'x' })
    expect(upload.status).toBe(503)
    expect(upload.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await upload.json()).toMatchObject({ errors: [{ status: '503' }] })
    const ready = await server.fetch('/readyz')
    expect(ready.status).toBe(503)
    await ready.text()
    const whileAway = acknowledged.length
    await minio.resume()
    await eventually(() => acknowledged.length >= whileAway + 20)
    over = true
    await Promise.all(uploading)
    expect(before).toBeGreaterThan(5)
    expect(refused.length).toBeGreaterThan(5)
    expect([...new Set(refused.map(({ status }) => status))]).toEqual([503])
    expect(await client.damage(acknowledged)).toEqual([])
    expect(await client.count()).toBe(firstDirectories + acknowledged.length)
    expect(await fsck(server)).toEqual([])
  }, 300_000)

  test('a large upload that loses it in the middle leaves nothing', async () => {
    const before = await client.count()
    const chunk = randomBytes(1_000_000)
    let sent = 0
    const body = async function* () {
      for (; sent < 60; sent += 1) {
        yield chunk
        if (sent === 30) await minio.pause()
      }
    }
    const { Readable } = await import('node:stream')
    const status = await client
      .fetch('/files/?Type=file&Name=large&Size=60000000', { method: 'POST', body: Readable.from(body()) })
      .then(
        (response) => response.status,
        () => 'cut off' as const,
      )
    expect([503, 'cut off']).toContain(status)
    await minio.resume()
    await eventually(async () => (await statusOf(server, '/readyz')) === 200)
    expect(await client.count()).toBe(before)
    expect(await fsck(server)).toEqual([])
  }, 300_000)
})

async function statusOf(server: TestServer, path: string): Promise<number> {
  const response = await server.fetch(path)
  await response.text()
  return response.status
}

/** A busy machine may take its time: the limit is there to end a test that hangs. */
async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await condition()); await Bun.sleep(50)) {
    if (Date.now() > deadline) throw new Error('it never came true')
  }
}
