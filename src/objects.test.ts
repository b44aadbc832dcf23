import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from './log.ts'
import { openObjects } from './objects.ts'

const root = mkdtempSync(join(tmpdir(), 'hearth-objects-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const open = (objects_url?: string) => openObjects({ data_dir: join(root, 'data'), objects_url }, silentLog)

test('without a URL objects are in the data directory', async () => {
  await (await open()).close()
  expect(existsSync(join(root, 'data', 'objects', 'tmp'))).toBe(true)
})

test('a file URL names the folder, escapes and all', async () => {
  await (await open(`file://${root}/a%20folder`)).close()
  expect(existsSync(join(root, 'a folder', 'tmp'))).toBe(true)
})

describe('ends the start with a reason that shows no secret', () => {
  test.each([
    [
      'file:///dev/null/x',
      '/dev/null/x cannot hold the files (it is not a folder, or lies below something that is not a folder).',
    ],
    ['file:///a%00b', 'file:///a%00b is not a path'],
    ['s3://host/bucket', 'lacks the access key or the secret key'],
    ['s3://KEY@host/bucket', 'lacks the access key or the secret key'],
    ['s3://KEY:SESAME@host/', 'lacks a bucket name'],
    ['s3://KEY:SESAME@host/a/b', 'lacks a bucket name'],
    ['s3://KEY:SESAME@host/BUCKET', 'lacks a bucket name'],
    ['s3://KEY:SESAME%zz@host/bucket', 'has a bad escape in a key'],
    ['s3://KEY:SESAME@host/bucket?zone=x', 'has the unknown parameter zone'],
    ['s3://KEY:SESAME@host:99999/bucket', 'is not the URL of a bucket'],
  ])('%s', async (url, reason) => {
    const error = await open(url).then(
      () => undefined,
      (failure: unknown) => failure,
    )
    expect(error).toMatchObject({ name: 'StartupError', message: expect.stringContaining(reason) })
    expect(String(error)).not.toContain('SESAME')
  })
})
