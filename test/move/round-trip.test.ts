/** An instance is exported by the command line and imported elsewhere: document by document and byte by byte the same. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { minioProgram, startMinio, type TestMinio } from '../support/minio.ts'
import { runHearth, startServer, type TestServer } from '../support/server.ts'
import { type Account, doctypes, documentsOf, everythingIn, newAccount, populate, type Sizes } from './account.ts'

const isFull = process.env['HEARTH_TEST_FULL'] !== undefined
const sizes: Sizes = isFull
  ? { documents: 20_000, files: 3_000, largest: Number(process.env['HEARTH_TEST_LARGEST'] ?? 512 * 1024 ** 2) }
  : { documents: 600, files: 60, largest: 24 * 1024 ** 2 }
if (!isFull) console.warn('a round trip of 600 documents and 60 files; HEARTH_TEST_FULL=1 makes it 20,000 and 3,000')
const partsSize = isFull ? '1MiB' : '32KiB'
const ms = isFull ? 3_600_000 : 120_000

const folder = mkdtempSync(join(tmpdir(), 'hearth-round-trip-'))
let minio: TestMinio | undefined

beforeAll(async () => {
  if (minioProgram() !== undefined) minio = await startMinio()
}, 60_000)
afterAll(async () => {
  await minio?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const stores = minioProgram() === undefined ? ['folder'] : ['folder', 'MinIO']

describe.each(stores)('on the object store %s', (store) => {
  let server: TestServer
  let source: Account
  let target: Account
  let before: Awaited<ReturnType<typeof everythingIn>>
  const archive = join(folder, store)
  const hearth = (...args: string[]) =>
    runHearth(args, { env: { HEARTH_ADMIN_URL: server.adminUrl, HEARTH_ADMIN_PASSPHRASE: server.passphrase } })
  const parts = () => readdirSync(archive).filter((name) => name.endsWith('.zip'))

  beforeAll(async () => {
    server = await startServer({
      env: {
        HEARTH_EXPORT_MIN_PART_SIZE: partsSize,
        HEARTH_FS_VERSIONING_MIN_DELAY_BETWEEN_TWO_VERSIONS: '0',
        ...(store === 'MinIO' && minio ? { HEARTH_OBJECTS_URL: minio.newUrl() } : {}),
      },
    })
    source = await newAccount(server, 'source.example')
    target = await newAccount(server, 'target.example')
    await populate(source, sizes)
    before = await everythingIn(source)
  }, ms)
  afterAll(() => server.stop())

  test(
    'the export comes in at least five zip files that other programs accept',
    async () => {
      const { code, stdout, stderr } = await hearth(
        'export',
        source.domain,
        '-o',
        archive,
        '--parts-size',
        partsSize,
        '--json',
      )
      expect([code, stderr]).toEqual([0, ''])
      const told = JSON.parse(stdout) as { parts: { file: string; bytes: number; fetched: number }[] }
      expect(told.parts.length).toBeGreaterThanOrEqual(5)
      for (const { file, bytes, fetched } of told.parts) expect([statSync(file).size, fetched]).toEqual([bytes, bytes])
      const check = `import sys,zipfile
for name in sys.argv[1:]:
  bad = zipfile.ZipFile(name).testzip()
  if bad: sys.exit(name + ' ' + bad)`
      for (const { file } of told.parts) execFileSync('unzip', ['-tqq', file])
      execFileSync('python3', ['-c', check, ...told.parts.map(({ file }) => file)])
    },
    ms,
  )

  test(
    'what is there is not fetched again, and a broken part goes on where it broke off',
    async () => {
      const [whole = '', broken = '', lost = ''] = parts()
        .sort()
        .map((name) => join(archive, name))
      const bytes = new Map([whole, broken, lost].map((path) => [path, readFileSync(path)]))
      const kept = Math.floor(statSync(broken).size / 2)
      truncateSync(broken, kept)
      execFileSync('mv', [broken, `${broken}.partial`])
      rmSync(lost)
      const { code, stdout } = await hearth('export', source.domain, '-o', archive, '--json')
      expect(code).toBe(0)
      const fetched = new Map(
        (JSON.parse(stdout) as { parts: { file: string; fetched: number }[] }).parts.map((one) => [
          one.file,
          one.fetched,
        ]),
      )
      expect(fetched.get(whole)).toBe(0)
      expect(fetched.get(broken)).toBe(statSync(broken).size - kept)
      expect(fetched.get(lost)).toBe(statSync(lost).size)
      for (const [path, content] of bytes) expect(readFileSync(path).equals(content)).toBe(true)
    },
    ms,
  )

  test(
    'another instance gets all of it',
    async () => {
      await target.ask('PUT', '/data/org.example.former/one', { x: 1 })
      const { code, stderr } = await hearth('import', target.domain, archive, '--yes')
      expect([code, stderr]).toEqual([0, expect.stringContaining('target.example holds what the archive holds')])
      const after = await everythingIn(target)
      expect([...after.keys()]).toEqual([...before.keys()])
      for (const [id, document] of before) expect([id, after.get(id)]).toEqual([id, document])
      expect((await target.send('GET', '/data/org.example.former/one')).status).toBe(404)
      const { stdout } = await hearth('fsck', target.domain)
      expect(stdout).toBe('')
    },
    ms,
  )

  test('left out are: design documents, losing revisions, deleted documents, attachments', async () => {
    const [doctype = ''] = doctypes
    const ids = (await documentsOf(target, doctype)).map(({ _id }) => _id)
    expect(ids.some((id) => id.startsWith('_design/'))).toBe(false)
    expect(ids).not.toContain('deleted')
    const read = (path: string) => target.ask<Record<string, unknown>>('GET', `/data/${doctype}/${path}`)
    expect(await read('in-conflict?conflicts=true')).not.toHaveProperty('_conflicts')
    expect(await read('in-conflict')).toMatchObject({ from: 'b' })
    expect(await read('attached')).not.toHaveProperty('_attachments')
  })
})
