import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { allOf, inChunks, md5Of, repeatedly } from '../../../test/conformance/objects.ts'
import { minioProgram, startMinio, type TestMinio } from '../../../test/support/minio.ts'
import { freePort } from '../../../test/support/postgres.ts'
import type { ObjectStore } from '../contract.ts'
import { inspectBucket, openMinioObjects } from './minio-objects.ts'
import { partBytesOf } from './parts.ts'

const mb = 1_000_000
/** No failure may take longer. */
const patienceMs = 15_000

/** What the promise rejects with, in time. */
async function failureOf(work: Promise<unknown>): Promise<unknown> {
  const began = Date.now()
  const failure = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(Date.now() - began).toBeLessThan(patienceMs)
  return failure
}

describe.skipIf(minioProgram() === undefined)('a bucket on MinIO', () => {
  let minio: TestMinio
  let url: string
  let store: ObjectStore
  const logged: string[] = []
  const open = (at: string) => openMinioObjects({ url: at, log: (event) => logged.push(event) })

  beforeAll(async () => {
    minio = await startMinio()
    url = minio.newUrl()
    store = await open(url)
  }, 60_000)
  afterAll(() => minio?.stop())

  const bucket = () => minio.bucketOf(url)
  const keys = async () => {
    const found: string[] = []
    for await (const { name } of minio.client.listObjectsV2(bucket(), '', true)) found.push(name ?? '')
    return found
  }
  const put = (name: string, text: string) => store.put(name, inChunks(Buffer.from(text)))
  const read = async (name: string) => {
    const found = await store.get(name)
    return found && md5Of(await allOf(found.body))
  }

  test('keeps small objects under their names, large ones with a note beside, and removes both', async () => {
    await put('tenant/0123/photo.jpg', 'x')
    await store.put('tenant/large', repeatedly(11))
    expect(await keys()).toEqual(['#ping', 'tenant/0123/photo.jpg#', 'tenant/large#', 'tenant/large#md5'])
    expect((await store.list('', { limit: 10 })).objects.map(({ name }) => name)).toEqual([
      'tenant/0123/photo.jpg',
      'tenant/large',
    ])
    await store.delete(['tenant/0123/photo.jpg', 'tenant/large'])
    expect(await keys()).toEqual(['#ping'])
  })

  describe('the md5 is right although', () => {
    const bytes = randomBytes(12 * mb)
    const expectRight = async (name: string, content: Buffer) => {
      // A store that has not seen the writing.
      const other = await open(url)
      expect(await other.stat(name)).toMatchObject({ size: content.length, md5: md5Of(content) })
      expect((await other.get(name, { start: 0, end: 0 }))?.stat.md5).toBe(md5Of(content))
    }

    test('an object came from somebody else', async () => {
      await minio.client.putObject(bucket(), 'foreign#', Buffer.from('foreign'))
      await expectRight('foreign', Buffer.from('foreign'))
    })

    test('somebody else has replaced a large one', async () => {
      await store.put('replaced', inChunks(bytes))
      await minio.client.putObject(bucket(), 'replaced#', Buffer.from('other'))
      await expectRight('replaced', Buffer.from('other'))
    })

    test('a small one has replaced a large one, and a large one that', async () => {
      await store.put('changing', inChunks(bytes))
      await put('changing', 'small')
      await expectRight('changing', Buffer.from('small'))
      await store.put('changing', inChunks(bytes.subarray(1)))
      await expectRight('changing', bytes.subarray(1))
    })

    test('the note is lost, or is no note', async () => {
      await store.put('unnoted', inChunks(bytes))
      await minio.client.removeObject(bucket(), 'unnoted#md5')
      await expectRight('unnoted', bytes)
      await minio.client.putObject(bucket(), 'unnoted#md5', Buffer.from('[1, {"etag": 5}'))
      await expectRight('unnoted', bytes)
    })

    test('it is read while it is being replaced', async () => {
      await store.put('racing', inChunks(bytes))
      const version = (n: number) => bytes.subarray(0, 11 * mb + n)
      for (let n = 0; n < 5; n++) {
        const [found] = await Promise.all([store.stat('racing'), store.put('racing', inChunks(version(n)))])
        const size = found?.size ?? 0
        expect(found?.md5).toBe(md5Of(bytes.subarray(0, size)))
      }
    })
  })

  test('copies what is too large for one copy in parts', async () => {
    const parts = await openMinioObjects({
      url,
      log: () => {},
      copyLimits: { maxAtOnceBytes: 6 * 2 ** 20, partBytes: 5 * 2 ** 20 },
    })
    const bytes = randomBytes(17 * mb)
    await store.put('long', inChunks(bytes), { contentType: 'text/x-long' })
    expect(await parts.copy('long', 'longer')).toBe(true)
    const stat = { size: bytes.length, md5: md5Of(bytes), contentType: 'text/x-long' }
    expect(await (await open(url)).stat('longer')).toMatchObject(stat)
    expect(await read('longer')).toBe(stat.md5)
    expect(await parts.copy('nothing', 'longer')).toBe(false)
    expect(await parts.copy('longer', 'longer')).toBe(true)
    expect(await read('longer')).toBe(stat.md5)
    expect(await store.sweepAbandoned(0)).toBe(0)
  })

  test('SIGKILL in the middle of an upload leaves nothing that can be seen, and sweeping removes the parts', async () => {
    await put('endless', 'old')
    const script = fileURLToPath(new URL('../../../test/conformance/objects-endless.ts', import.meta.url))
    const child = spawn(process.execPath, [script, url], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
    expect(await read('endless')).toBe(md5Of(Buffer.from('old')))
    expect(await store.sweepAbandoned(60_000)).toBe(0)
    expect(await store.sweepAbandoned(0)).toBe(1)
    expect(await store.sweepAbandoned(0)).toBe(0)
    expect(await read('endless')).toBe(md5Of(Buffer.from('old')))
  })

  test('wrong keys end the start, with what the server says and without the secret', async () => {
    const [before, after] = url.split(/(?<=:\/\/)[^@]*/)
    for (const [wrong, says] of [
      ['nobody:SESAME', 'InvalidAccessKeyId'],
      ['hearth:SESAME', 'SignatureDoesNotMatch'],
    ] as const) {
      const failure = await failureOf(open(`${before}${wrong}${after}`))
      expect(failure).toMatchObject({ name: 'StartupError', message: expect.stringContaining(says) })
      expect(String(failure)).not.toContain('SESAME')
    }
  })

  test('inspecting tells what a start would meet, and makes nothing', async () => {
    const [before, after] = url.split(/(?<=:\/\/)[^@]*/)
    const fresh = minio.newUrl()
    expect(await inspectBucket(url)).toEqual({ state: 'there', text: `the bucket ${bucket()} at 127.0.0.1` })
    expect(await inspectBucket(fresh)).toMatchObject({ state: 'missing' })
    expect(await minio.client.bucketExists(minio.bucketOf(fresh))).toBe(false)
    expect(await inspectBucket(`${before}nobody:SESAME${after}`)).toMatchObject({ state: 'refused' })
    const closed = `s3+http://KEY:SESAME@127.0.0.1:${await freePort()}/bucket`
    const silent = await inspectBucket(closed)
    expect(silent.state).toBe('silent')
    expect(silent.text).not.toContain('SESAME')
  })

  test('a bucket that goes away later is store_unavailable', async () => {
    const own = minio.newUrl()
    const other = await open(own)
    await minio.client.removeObject(minio.bucketOf(own), '#ping')
    await minio.client.removeBucket(minio.bucketOf(own))
    expect(await failureOf(other.ping())).toMatchObject({ code: 'store_unavailable' })
    expect(await failureOf(other.list('', { limit: 1 }))).toMatchObject({ code: 'store_unavailable' })
  })

  describe('the server goes away', () => {
    const works: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['ping', () => store.ping()],
      ['stat', () => store.stat('kept')],
      ['get', () => store.get('kept')],
      ['list', () => store.list('', { limit: 1 })],
      ['small put', () => put('new', 'x')],
      ['large put', () => store.put('new', repeatedly(20))],
      ['copy', () => store.copy('kept', 'new')],
      ['delete', () => store.delete(['kept'])],
      ['sweep', () => store.sweepAbandoned(0)],
    ]

    test('everything says so, and works again afterwards', async () => {
      await put('kept', 'kept')
      await minio.pause()
      for (const [name, work] of works) {
        const failure = (await failureOf(work())) as Error
        expect({ name, failure }).toMatchObject({ name, failure: { code: 'store_unavailable' } })
        expect(failure.message).not.toContain(`${minio.port}`)
      }
      await minio.resume()
      for (const [, work] of works) await work()
      expect(await read('new')).toBeDefined()
    }, 60_000)

    test('an upload and a download that run are ended, and the old object stays', async () => {
      await put('cut', 'old')
      await store.put('reading', repeatedly(60))
      const reader = (await store.get('reading'))!.body.getReader()
      await reader.read()
      async function* slow() {
        yield* repeatedly(12)
        await minio.pause()
        yield* repeatedly(12)
      }
      expect(await failureOf(store.put('cut', slow()))).toMatchObject({ code: 'store_unavailable' })
      const rest = async () => {
        while (!(await reader.read()).done);
      }
      expect(await failureOf(rest())).toMatchObject({ code: 'store_unavailable' })
      await minio.resume()
      expect(await read('cut')).toBe(md5Of(Buffer.from('old')))
      await store.sweepAbandoned(0)
    }, 60_000)

    test('a server that is silent is waited for no longer than 15 s', async () => {
      await put('kept', 'kept')
      process.kill(minio.pid(), 'SIGSTOP')
      const failures = await Promise.all(works.map(([, work]) => failureOf(work())))
      process.kill(minio.pid(), 'SIGCONT')
      for (const failure of failures) expect(failure).toMatchObject({ code: 'store_unavailable' })
      await store.ping()
    }, 60_000)

    test('a start without it goes on, and serves when it comes', async () => {
      await minio.pause()
      logged.length = 0
      const late = await open(minio.newUrl())
      expect(logged).toEqual(['the object store does not answer yet'])
      expect(await failureOf(late.ping())).toMatchObject({ code: 'store_unavailable' })
      await minio.resume()
      await late.ping()
      await late.put('first', inChunks(Buffer.from('x')))
      expect((await late.stat('first'))?.size).toBe(1)
    }, 60_000)
  })
})

test('a server that never answers is no reason not to start', async () => {
  const logged: unknown[] = []
  const url = `s3+http://KEY:SESAME@127.0.0.1:${await freePort()}/bucket`
  const store = await openMinioObjects({ url, log: (event, detail) => logged.push(event, detail) })
  expect(logged.length).toBe(2)
  expect(await failureOf(store.stat('a'))).toMatchObject({
    code: 'store_unavailable',
    reason: 'The object store does not answer.',
  })
})

describe('parts', () => {
  test.each([
    [0, 5 * 2 ** 20],
    [50 * 2 ** 30, 5_368_710],
    [5 * 2 ** 40, 549_755_814],
  ])('of %d bytes', (size, bytes) => {
    expect(partBytesOf(1, size)).toBe(bytes)
    expect(partBytesOf(10_000, size)).toBe(bytes)
    expect(bytes * 10_000).toBeGreaterThanOrEqual(size)
  })

  test('of an unknown size grow, so that 10,000 hold 300 GB and none is over 5 GiB', () => {
    const sizes = Array.from({ length: 10_000 }, (_, index) => partBytesOf(index + 1, undefined))
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(300e9)
    expect(Math.max(...sizes)).toBeLessThan(5 * 2 ** 30)
  })
})
