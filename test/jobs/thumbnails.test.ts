/** Thumbnails of a real server: made when images appear, served by their links, gone with them; hostile images cost a job. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { readImageHeader } from '../../src/thumbnails/image-header.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { cmykPhoto, exifBlock, jpegPhoto, pngBomb, pngPhoto, webpPhoto } from './photos.ts'

/** HEARTH_TEST_FULL: 300 photos of 12 megapixels. */
const isFull = process.env['HEARTH_TEST_FULL'] !== undefined
const size = isFull ? { width: 4000, height: 3000 } : { width: 800, height: 600 }

interface FileAnswer {
  readonly data: {
    readonly id: string
    readonly attributes: { readonly metadata?: Readonly<Record<string, unknown>> }
    readonly links: Readonly<Record<string, string>>
  }
}

describe('thumbnails', () => {
  let server: TestServer
  let token: string
  let count = 0

  beforeAll(async () => {
    server = await startServer()
    token = await server.token('io.cozy.files io.cozy.jobs')
  }, 60_000)
  afterAll(() => server?.stop())

  const headers = () => ({ authorization: `Bearer ${token}` })
  async function upload(type: string, bytes: Uint8Array): Promise<string> {
    const path = `/files/?Type=file&Name=photo${++count}`
    const answer = await server.fetch(path, {
      method: 'POST',
      headers: { ...headers(), 'content-type': type },
      body: bytes,
    })
    expect(answer.status).toBe(201)
    return ((await answer.json()) as FileAnswer).data.id
  }
  const fileOf = async (id: string) =>
    (await (await server.fetch(`/files/${id}`, { headers: headers() })).json()) as FileAnswer
  async function thumbnail(id: string, format: string) {
    const { data } = await fileOf(id)
    const answer = await server.fetch(data.links[format] ?? '')
    const bytes = new Uint8Array(await answer.arrayBuffer())
    const header = answer.status === 200 ? readImageHeader(bytes) : undefined
    return { status: answer.status, type: answer.headers.get('content-type'), header }
  }
  const jobs = async () => {
    const selector = { worker: 'thumbnail' }
    const asked = { method: 'POST', headers: { ...headers(), 'content-type': 'application/json' } }
    const body = JSON.stringify({ selector, limit: 1000, execution_stats: false })
    await server.fetch('/data/io.cozy.jobs/_index', {
      ...asked,
      body: JSON.stringify({ index: { fields: ['worker'] } }),
    })
    const answer = await server.fetch('/data/io.cozy.jobs/_find', { ...asked, body })
    return ((await answer.json()) as { docs: { state: string; error?: string }[] }).docs
  }
  const until = async (what: string, check: () => Promise<boolean>) => {
    const deadline = Date.now() + (isFull ? 1_800_000 : 120_000)
    while (!(await check())) {
      if (Date.now() > deadline) throw new Error(`${what} did not happen:\n${server.output.stderr.slice(-2000)}`)
      await Bun.sleep(100)
    }
  }
  const drawn = (id: string) => until('a thumbnail', async () => (await thumbnail(id, 'tiny')).status === 200)

  test('a photo that lies on its side is upright in all sizes, and says when it was taken', async () => {
    const id = await upload('image/jpeg', jpegPhoto(size, exifBlock(6)))
    await drawn(id)
    expect((await thumbnail(id, 'tiny')).header).toMatchObject({ type: 'jpeg', width: 72, height: 96 })
    expect((await thumbnail(id, 'small')).header).toMatchObject({ width: 360, height: 480 })
    expect((await thumbnail(id, 'medium')).header).toMatchObject({ width: 540, height: 720 })
    const large = isFull ? { width: 810, height: 1080 } : { width: 600, height: 800 }
    expect((await thumbnail(id, 'large')).header).toMatchObject(large)
    await until('the metadata', async () => (await fileOf(id)).data.attributes.metadata !== undefined)
    expect((await fileOf(id)).data.attributes.metadata).toMatchObject({
      datetime: '2024-07-14T12:30:00Z',
      orientation: 6,
      width: size.height,
      height: size.width,
    })
  }, 200_000)

  test.each<[string, string, () => Promise<Uint8Array>, string]>([
    ['a landscape', 'image/jpeg', async () => jpegPhoto(size, exifBlock(1)), 'jpeg'],
    ['a PNG', 'image/png', async () => pngPhoto(size), 'jpeg'],
    ['a PNG with transparency', 'image/png', async () => pngPhoto(size, { alpha: 100 }), 'png'],
    ['a PNG of 16 bits', 'image/png', async () => pngPhoto(size, { bitDepth: 16 }), 'jpeg'],
    ['a WebP', 'image/webp', () => webpPhoto(size), 'jpeg'],
    ['a WebP with transparency', 'image/webp', () => webpPhoto(size, 100), 'png'],
  ])(
    '%s gets thumbnails',
    async (_name, type, make, kind) => {
      const id = await upload(type, await make())
      await drawn(id)
      expect((await thumbnail(id, 'tiny')).header).toMatchObject({ type: kind, width: 96, height: 72 })
      expect(await thumbnail(id, 'small')).toMatchObject({ type: `image/${kind}`, header: { width: 640, height: 480 } })
    },
    200_000,
  )

  test('small images are not enlarged', async () => {
    const id = await upload('image/png', pngPhoto({ width: 40, height: 30 }))
    await drawn(id)
    expect((await thumbnail(id, 'large')).header).toMatchObject({ width: 40, height: 30 })
  }, 200_000)

  test('a photo for printers gets thumbnails', async () => {
    const id = await upload('image/jpeg', cmykPhoto())
    await drawn(id)
    expect((await thumbnail(id, 'large')).header).toMatchObject({ type: 'jpeg', width: 8, height: 8 })
  }, 200_000)

  test('hostile and broken images fail one job each, and the server stays as it is', async () => {
    const before = residentBytes(server.pid)
    const failed = async () => (await jobs()).filter(({ state }) => state === 'errored')
    const known = (await failed()).length
    const whole = jpegPhoto(size)
    for (const [type, bytes] of [
      ['image/png', pngBomb()],
      ['image/jpeg', whole.subarray(0, 400)],
      ['image/jpeg', Buffer.from('no picture at all')],
    ] as const) {
      const id = await upload(type, bytes)
      expect((await thumbnail(id, 'tiny')).status).toBe(404)
    }
    await until('the failures', async () => (await failed()).length >= known + 3)
    const reasons = (await failed()).map(({ error }) => error)
    expect(reasons).toContain('the image has more than 40 megapixels')
    const good = await upload('image/jpeg', whole)
    await drawn(good)
    expect(residentBytes(server.pid) - before).toBeLessThan(100_000_000)
  }, 300_000)

  test('they are objects that operators see, and go with the file', async () => {
    const id = await upload('image/jpeg', jpegPhoto({ width: 200, height: 100 }))
    await drawn(id)
    const names = async () => {
      const auth = { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}`, host: server.domain }
      const answer = await server.fetch(`${server.adminUrl}/swift/vfs`, { headers: auth })
      return ((await answer.json()) as { objects_names: string[] }).objects_names
    }
    const split = `thumbs/${id.slice(0, 22)}/${id.slice(22, 27)}/${id.slice(27)}`
    expect((await names()).filter((name) => name.startsWith(split)).sort()).toEqual(
      ['large', 'medium', 'small', 'tiny'].map((format) => `${split}-${format}`),
    )
    await server.fetch(`/files/${id}`, { method: 'DELETE', headers: headers() })
    expect((await server.fetch(`/files/trash/${id}`, { method: 'DELETE', headers: headers() })).status).toBe(204)
    await until('the end of the objects', async () => !(await names()).some((name) => name.startsWith(split)))
  }, 200_000)

  test.skipIf(!isFull)(
    '300 photos of 12 megapixels (HEARTH_TEST_FULL)',
    async () => {
      const photo = jpegPhoto(size, exifBlock(8))
      const before = residentBytes(server.pid)
      const started = performance.now()
      const ids: string[] = []
      for (let n = 0; n < 300; n += 1) ids.push(await upload('image/jpeg', photo))
      for (const id of ids) await drawn(id)
      console.log(`      ${(300_000 / (performance.now() - started)).toFixed(2)} photos/s`)
      expect(residentBytes(server.pid) - before).toBeLessThan(150_000_000)
    },
    3_600_000,
  )
})

if (!isFull) console.warn('thumbnails of 300 photos of 12 megapixels are skipped: set HEARTH_TEST_FULL=1')

function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096
}
