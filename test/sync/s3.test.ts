import { afterAll, describe, expect, test } from 'bun:test'
import { driverCode } from '../../src/sync/drivers/error.ts'
import { s3Kind } from '../../src/sync/drivers/s3/s3.ts'
import { bucketPlace } from '../../storage/objects/minio/place.ts'
import { newS3 } from '../../storage/objects/minio/s3.ts'
import { minioProgram, startMinio, type TestMinio } from '../support/minio.ts'
import { type DriverStage, driverSuite } from './driver-suite.ts'
import { renameScenario } from './renames.ts'

const stop = new AbortController()
const kind = s3Kind({ openBucket: newS3, checkHost: async () => {} })
let minio: Promise<TestMinio> | undefined
const server = () => {
  minio ??= startMinio()
  return minio
}

afterAll(async () => {
  await (await minio)?.stop()
})

async function newStage(prefix?: string): Promise<DriverStage & { readonly options: Record<string, unknown> }> {
  const { client, newUrl } = await server()
  const { host, port, accessKey, secretKey, bucket } = bucketPlace(newUrl())
  await client.makeBucket(bucket)
  const keyOf = (name: string) => (prefix === undefined ? name : `${prefix}/${name}`)
  const options = {
    endpoint: `http://${host}:${port}`,
    bucket,
    access_key: accessKey,
    secret_key: secretKey,
    region: 'us-east-1',
    ...(prefix === undefined ? {} : { prefix }),
  }
  return {
    options,
    open: () => kind.open(options, { signal: stop.signal, trusted: true }),
    outside: {
      write: async (name, text) => void (await client.putObject(bucket, keyOf(name), Buffer.from(text))),
      async read(name) {
        try {
          const chunks: Uint8Array[] = []
          for await (const chunk of await client.getObject(bucket, keyOf(name))) chunks.push(chunk as Uint8Array)
          return Buffer.concat(chunks).toString()
        } catch {
          return undefined
        }
      },
      remove: (name) => client.removeObject(bucket, keyOf(name)),
    },
    close: async () => {},
  }
}

if (minioProgram() !== undefined) {
  driverSuite('s3', () => newStage('below/here'), { withoutResume: true })

  describe('what only buckets have', () => {
    test('no such bucket, wrong keys -> options are refused', async () => {
      const { options } = await newStage()
      const open = (changes: object) => kind.open({ ...options, ...changes }, { signal: stop.signal, trusted: true })
      expect(await open({ bucket: 'no-such-bucket' }).catch(driverCode)).toBe('options')
      expect(await open({ secret_key: 'wrong' }).catch(driverCode)).toBe('options')
    })

    test('not from the operator and without TLS -> refused', async () => {
      const { options } = await newStage()
      expect(await kind.open(options, { signal: stop.signal, trusted: false }).catch(driverCode)).toBe('options')
    })

    test('an upload that somebody else has ended -> the copy begins anew, and no upload is left', async () => {
      const stage = await newStage()
      const driver = await stage.open()
      const { client } = await server()
      const bucket = String(stage.options['bucket'])
      const uploads = async () => (await client.listIncompleteUploadsQuery(bucket, '', '', '', '')).uploads
      const chunk = 8 * 1024 * 1024
      const request = { name: 'large', size: chunk + 5, mtimeMs: 0, executable: false, chunkBytes: chunk }
      const bytes = new Uint8Array(chunk + 5).fill(7)
      const first = await driver.stage('key-1', request)
      await first.write(0, bytes.subarray(0, chunk))
      for (const { key } of await uploads()) await client.removeIncompleteUpload(bucket, key)
      const ended = first.write(chunk, bytes.subarray(chunk))
      expect(
        driverCode(await ended.then(() => first.commit(undefined, { key: 'k', name: 'large' })).catch((e) => e)),
      ).toBe('unavailable')
      await first.close()
      expect(await driver.stat('large')).toBeUndefined()
      const second = await driver.stage('key-1', request)
      await second.write(0, bytes.subarray(0, chunk))
      await second.write(chunk, bytes.subarray(chunk))
      const file = await second.commit(undefined, { key: 'k', name: 'large' })
      await second.close()
      expect(file.size).toBe(chunk + 5)
      expect(await uploads()).toEqual([])
      await driver.close()
    }, 60_000)

    test('the server does not answer -> unavailable', async () => {
      const { options } = await newStage()
      const given = { ...options, endpoint: 'http://127.0.0.1:1' }
      expect(await kind.open(given, { signal: stop.signal, trusted: true }).catch(driverCode)).toBe('unavailable')
    })
  })
}

renameScenario(
  's3',
  () => {
    const bucketOf = (options: Record<string, unknown>) => String(options['bucket'])
    return {
      kind,
      options: async () => (await newStage()).options,
      async rename(options, from, to) {
        const { client } = await server()
        const bucket = bucketOf(options)
        await client.copyObject(bucket, to, `/${bucket}/${from}`)
        await client.removeObject(bucket, from)
      },
      async read(options, name) {
        const { client } = await server()
        try {
          const chunks: Uint8Array[] = []
          for await (const chunk of await client.getObject(bucketOf(options), name)) chunks.push(chunk as Uint8Array)
          return Buffer.concat(chunks).toString()
        } catch {
          return undefined
        }
      },
    }
  },
  minioProgram() !== undefined,
)
