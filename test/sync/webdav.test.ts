/** The driver for WebDAV against the server of rclone. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openOutgoing } from '../../src/outgoing/outgoing.ts'
import { driverCode } from '../../src/sync/drivers/error.ts'
import { resourcesOf } from '../../src/sync/drivers/webdav/answers.ts'
import { webdavKind } from '../../src/sync/drivers/webdav/webdav.ts'
import { freePort } from '../support/postgres.ts'
import { type DriverStage, driverSuite } from './driver-suite.ts'
import { renameScenario } from './renames.ts'

const hasServer = spawnSync('rclone', ['version']).status === 0
if (!hasServer) {
  const missing = 'no rclone found: apt-get install rclone'
  if (process.env['CI']) throw new Error(missing)
  console.warn(`\n*** SKIPPED, every test on a WebDAV server: ${missing} ***\n`)
}

const context = { signal: new AbortController().signal, trusted: true }
const kind = webdavKind({ outgoingFor: (trusted) => openOutgoing({ allowPrivate: trusted }) })
let folder = ''
let server: ChildProcess | undefined
let base = ''
let count = 0
const credentials = { username: 'ada', password: 'pä ss:word' }

beforeAll(async () => {
  if (!hasServer) return
  folder = mkdtempSync(join(tmpdir(), 'hearth-webdav-'))
  const port = await freePort()
  base = `http://127.0.0.1:${port}`
  const args = ['serve', 'webdav', folder, '--addr', `127.0.0.1:${port}`, '--user', credentials.username]
  server = spawn(
    'rclone',
    [...args, '--pass', credentials.password, '--dir-cache-time', '0s', '--poll-interval', '0'],
    { stdio: 'ignore' },
  )
  const deadline = Date.now() + 20_000
  while (
    !(await fetch(base).then(
      () => true,
      () => false,
    ))
  ) {
    if (Date.now() > deadline) throw new Error('rclone did not start')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}, 60_000)

afterAll(() => {
  server?.kill('SIGKILL')
  if (folder !== '') rmSync(folder, { recursive: true, force: true })
})

async function newStage(): Promise<DriverStage> {
  const name = `root ${++count}`
  const root = join(folder, name)
  mkdirSync(root)
  return {
    open: () => kind.open({ url: `${base}/${encodeURIComponent(name)}/`, ...credentials }, context),
    outside: {
      async write(file, text) {
        await mkdir(dirname(join(root, file)), { recursive: true })
        await writeFile(join(root, file), text)
      },
      read: (file) => readFile(join(root, file), 'utf8').catch(() => undefined),
      remove: (file) => unlink(join(root, file)),
    },
    close: async () => rmSync(root, { recursive: true, force: true }),
  }
}

if (hasServer) {
  driverSuite('webdav', newStage, { withoutResume: true })

  describe('what only WebDAV has', () => {
    test('wrong password, no such folder, nobody there -> options, options, unavailable', async () => {
      const open = (url: string, password = credentials.password) =>
        kind.open({ url, ...credentials, password }, context).catch(driverCode)
      expect(await open(base, 'wrong')).toBe('options')
      expect(await open(`${base}/none`)).toBe('options')
      expect(await open('http://127.0.0.1:1')).toBe('unavailable')
    })

    test('an address of this machine, not from the operator -> refused', async () => {
      const opened = kind.open({ url: base, ...credentials }, { ...context, trusted: false })
      expect(await opened.catch(driverCode)).toBe('unavailable')
    })
  })
}

renameScenario(
  'webdav',
  () => ({
    kind,
    async options() {
      const name = `renames ${++count}`
      mkdirSync(join(folder, name))
      return { url: `${base}/${encodeURIComponent(name)}/`, ...credentials }
    },
    async rename({ url }, from, to) {
      const root = join(folder, decodeURIComponent(new URL(String(url)).pathname))
      await mkdir(dirname(join(root, to)), { recursive: true })
      await rename(join(root, from), join(root, to))
    },
    read: ({ url }, name) =>
      readFile(join(folder, decodeURIComponent(new URL(String(url)).pathname), name), 'utf8').catch(() => undefined),
  }),
  hasServer,
)

describe('answers of WebDAV servers', () => {
  test('a document with a DTD -> refused', () => {
    const xml = '<!DOCTYPE x [<!ENTITY a "b">]><multistatus xmlns="DAV:"><response/></multistatus>'
    expect(() => resourcesOf(xml)).toThrow('DTD')
    expect(() => resourcesOf('<html></html>')).toThrow('multistatus')
  })

  test('cut at any place -> an error, never a shorter listing', () => {
    const one = (path: string) =>
      `<d:response><d:href>${path}</d:href><d:propstat><d:prop/><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>`
    const whole = `<d:multistatus xmlns:d="DAV:">${one('/a')}${one('/b')}</d:multistatus>`
    expect(resourcesOf(`${whole}\n`)).toHaveLength(2)
    for (let length = 0; length < whole.length; length++) expect(() => resourcesOf(whole.slice(0, length))).toThrow()
  })

  test('any prefix, absolute and relative addresses -> read', () => {
    const xml = `<?xml version="1.0"?><x:multistatus xmlns:x="DAV:"><x:response><x:href>https://host/a%20b/</x:href><x:propstat>
      <x:prop><x:resourcetype><x:collection/></x:resourcetype></x:prop><x:status>HTTP/1.1 200 OK</x:status></x:propstat></x:response>
      <x:response><x:href>/a%20b/c</x:href><x:propstat><x:prop><x:resourcetype/><x:getcontentlength>5</x:getcontentlength>
      <x:getetag>"1"</x:getetag></x:prop><x:status>HTTP/1.1 200 OK</x:status></x:propstat></x:response></x:multistatus>`
    expect(resourcesOf(xml)).toEqual([
      { path: '/a b', isFolder: true, size: 0, mtimeMs: 0, etag: '' },
      { path: '/a b/c', isFolder: false, size: 5, mtimeMs: 0, etag: '"1"' },
    ])
  })
})
