/** The engine over different kinds of places at once, and places that go away. */
import { afterAll, expect, test } from 'bun:test'
import { s3Kind } from '../../src/sync/drivers/s3/s3.ts'
import { fileId } from '../../src/sync/names.ts'
import { bucketPlace } from '../../storage/objects/minio/place.ts'
import { newS3 } from '../../storage/objects/minio/s3.ts'
import { minioProgram, startMinio, type TestMinio } from '../support/minio.ts'
import { postgresBin } from '../support/postgres.ts'
import { inWorld } from './world.ts'

let minio: TestMinio | undefined
afterAll(() => minio?.stop())
const canRun = minioProgram() !== undefined && postgresBin() !== undefined

test.skipIf(!canRun)(
  'a folder and a bucket, whose server goes away and comes back -> in step, and again in step',
  async () => {
    minio = await startMinio()
    const { client } = minio
    const { host, port, accessKey, secretKey, bucket } = bucketPlace(minio.newUrl())
    await client.makeBucket(bucket)
    const kind = s3Kind({ openBucket: newS3, checkHost: async () => {} })
    const keys = async () => {
      const found: string[] = []
      for await (const { name } of client.listObjectsV2(bucket, '', true))
        if (name && !name.startsWith('.hearth-sync/')) found.push(name)
      return found
    }
    await inWorld({ entries: ['A'], rules: [], kinds: [kind] }, async (world) => {
      const options = {
        endpoint: `http://${host}:${port}`,
        bucket,
        access_key: accessKey,
        secret_key: secretKey,
        region: 'us-east-1',
      }
      await world.create('S', 's3', options)
      await world.rules([{ match: { path: '/' }, sync: ['A', 'S'] }])
      await world.folder('A').write('docs/empty', '')
      await world.folder('A').write('docs/text', 'hello')
      await world.until('copies', async () => (await keys()).length === 2)
      await client.putObject(bucket, 'from-s3', Buffer.from('made in the bucket'))
      await world.engine.runner('S').scan()
      await world.until('a copy', async () => (await world.folder('A').read('from-s3')) === 'made in the bucket')

      await minio?.pause()
      for (let n = 0; n < 10; n++) {
        await world.folder('A').write('docs/text', `edit ${n}`)
        await Bun.sleep(20)
      }
      await world.until('accepted', async () => (await world.view('docs/text'))?.uptodate.join() === 'A')
      await minio?.resume()
      await world.until(
        'up to date',
        async () => (await world.store.file(fileId('docs/text')))?.uptodate.length === 2,
        60_000,
      )
      const chunks: Uint8Array[] = []
      for await (const chunk of await client.getObject(bucket, 'docs/text')) chunks.push(chunk as Uint8Array)
      expect(Buffer.concat(chunks).toString()).toBe('edit 9')

      await client.removeObject(bucket, 'from-s3')
      await world.engine.runner('S').scan()
      await world.until('deleted', async () => (await world.folder('A').read('from-s3')) === undefined)
      expect(await world.folder('A').trash()).toContain('made in the bucket')
    })
  },
  120_000,
)
