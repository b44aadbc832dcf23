/** What must not cost anybody a file: processes that end in between, other places, and people who write at the same time. */
import { afterAll, describe, expect, test } from 'bun:test'
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Outgoing } from '../../src/outgoing/outgoing.ts'
import { syncToken } from '../../src/sync/access.ts'
import type { Driver, DriverKind } from '../../src/sync/drivers/contract.ts'
import { DriverError, driverCode } from '../../src/sync/drivers/error.ts'
import { localStorage } from '../../src/sync/drivers/local/local-storage.ts'
import { recordOf, recordOfPlaced } from '../../src/sync/drivers/local/record.ts'
import type { Bucket } from '../../src/sync/drivers/s3/bucket.ts'
import { s3Kind } from '../../src/sync/drivers/s3/s3.ts'
import { webdavKind } from '../../src/sync/drivers/webdav/webdav.ts'
import { type Deciding, decide, newReplica } from '../../src/sync/engine/decide.ts'
import { conflictNames, fileId } from '../../src/sync/names.ts'
import { openPool } from '../../storage/postgres/connection.ts'
import { postgresBin } from '../support/postgres.ts'
import { Folder, inWorld, type World } from './world.ts'

const nobody = '00000000-0000-0000-0000-000000000000'
const made: string[] = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): Folder {
  const root = mkdtempSync(join(tmpdir(), 'hearth-sync-'))
  made.push(root)
  return new Folder(root)
}

const scenario = (name: string, work: (world: World) => Promise<void>, options: Parameters<typeof inWorld>[0] = {}) =>
  test.skipIf(postgresBin() === undefined)(name, () => inWorld(options, work), 60_000)

/** Folders whose driver a test changes. */
function changedFolders(change: (driver: Driver) => Partial<Driver>): DriverKind {
  const open: DriverKind['open'] = async (options, context) => {
    const driver = await localStorage.open(options, context)
    return { ...driver, ...change(driver) }
  }
  return { ...localStorage, name: 'changed', open }
}

/** A third entry, with that driver. */
async function withC(world: World, folder: Folder): Promise<void> {
  await world.create('C', 'changed', { root: folder.root })
  await world.rules([{ match: { path: '/' }, sync: ['A', 'C'] }])
}

describe('something breaks off in between', () => {
  let isEnding = false
  const ending = changedFolders((driver) => ({
    async remove(...given) {
      await driver.remove(...given)
      if (isEnding) throw new Error('ended here')
    },
  }))

  scenario(
    'after rotten content went to the trash -> the other copy stays, and comes back',
    async (world) => {
      const c = newFolder()
      await withC(world, c)
      await world.folder('A').write('x', 'precious')
      await world.quiet()
      await world.stop('C')
      const path = join(c.root, 'x')
      writeFileSync(path, 'pRecious')
      utimesSync(path, 1_500_000_000, 1_500_000_000)
      const { ino, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true })
      const sql = openPool({ target: world.databaseUrl, maxConnections: 1 })
      await sql`UPDATE sync_replicas SET fingerprint = ${`${ino}:${size}:${mtimeNs}:${ctimeNs}`} WHERE entry = 'C'`
      await sql.end()
      await world.start('C')
      await world.quiet()
      isEnding = true
      await world.engine.run({ kind: 'check', entry: 'C' })
      await world.until('removed', async () => (await c.trash()).length === 1)
      await world.restart()
      isEnding = false
      await world.until('healed', async () => (await c.read('x')) === 'precious')
      await world.quiet()
      expect(await world.folder('A').read('x')).toBe('precious')
      const trash = await world.store.trash({ after: nobody, limit: 9 })
      expect(trash.map(({ reason }) => reason)).toEqual(['rotted'])
    },
    { kinds: [ending] },
  )

  let isBetween = false
  const between = changedFolders((driver) => ({
    async stage(key, request) {
      const stage = await driver.stage(key, request)
      return {
        ...stage,
        async commit(expected, trash) {
          if (!isBetween || expected === undefined) return stage.commit(expected, trash)
          isBetween = false
          await driver.remove(request.name, expected, trash)
          throw new DriverError('exists', 'somebody has put something there')
        },
      }
    },
  }))

  scenario(
    'the old content went to the trash, and the new one finds the name taken -> the trash is known',
    async (world) => {
      const c = newFolder()
      await withC(world, c)
      await world.folder('A').write('x', 'old')
      await world.quiet()
      isBetween = true
      await world.folder('A').write('x', 'newer')
      await world.until('copied', async () => (await c.read('x')) === 'newer')
      await world.quiet()
      expect(await c.trash()).toEqual(['old'])
      const trash = await world.store.trash({ entry: 'C', after: nobody, limit: 9 })
      expect(trash.map(({ name, reason }) => [name, reason])).toEqual([['x', 'replaced']])
    },
    { kinds: [between] },
  )

  let failures = 0
  const failing = changedFolders((driver) => ({
    async sweepStages(keep) {
      if (failures-- > 0) throw new DriverError('unavailable', 'not now')
      await driver.sweepStages(keep)
    },
  }))

  scenario(
    'while an entry is opened -> it is opened again, and works',
    async (world) => {
      const c = newFolder()
      await withC(world, c)
      await world.quiet()
      await world.stop('C')
      failures = 2
      await world.start('C')
      await world.folder('A').write('x', 'hello')
      await world.until('a copy', async () => (await c.read('x')) === 'hello')
      expect(failures).toBeLessThan(0)
    },
    { kinds: [failing] },
  )
})

describe('places and masses', () => {
  scenario(
    'an entry gets another folder -> nothing is deleted anywhere, the new one is filled',
    async (world) => {
      for (const name of ['x', 'y', 'z']) await world.folder('A').write(name, name)
      await world.quiet()
      const other = newFolder()
      const entry = { name: 'B', driver: 'local_storage', options: { root: other.root } }
      await world.engine.run({ kind: 'change-entry', entry, trusted: false })
      const all = { x: 'x', y: 'y', z: 'z' }
      await world.until('filled', async () => Bun.deepEquals(await other.all(), all))
      await world.quiet()
      expect([await world.folder('A').all(), await world.folder('B').all()]).toEqual([all, all])
    },
    { roots: [tmpdir()] },
  )

  scenario('a yes to deletions that were undone -> the next mass of them is asked about again', async (world) => {
    for (let n = 0; n < 20; n++) await world.folder('A').write(`many/${n}`, `${n}`)
    await world.quiet()
    const { root } = world.folder('A')
    const held = async () => (await world.store.entry('A'))?.held === 'mass-deletion'
    for (const round of [1, 2]) {
      renameSync(join(root, 'many'), join(root, '../away'))
      await world.until(`held in round ${round}`, held)
      renameSync(join(root, '../away'), join(root, 'many'))
      await world.quiet()
      await world.engine.run({ kind: 'confirm', entry: 'A' })
      await world.quiet()
    }
    expect(Object.keys(await world.folder('B').all())).toHaveLength(20)
  })
})

describe('somebody writes at the same time', () => {
  test('a file is written to when it has just been put in its place -> its fingerprint is nobody’s', () => {
    const path = join(newFolder().root, 'x')
    writeFileSync(path, 'ours')
    const before = lstatSync(path, { bigint: true })
    const { fingerprint } = recordOf('x', before)
    expect(recordOfPlaced('x', fingerprint, before).fingerprint).toBe(fingerprint)
    appendFileSync(path, ' and theirs')
    const after = lstatSync(path, { bigint: true })
    expect(recordOfPlaced('x', fingerprint, after).fingerprint).not.toBe(recordOf('x', after).fingerprint)
  })

  test('a file was put where one was missing -> that it was missing says nothing of it', () => {
    const fid = fileId('x')
    const replica = { ...newReplica(fid, 'A', 'x'), owner: true, base: 7, hash: 'new', fingerprint: 'new' }
    const file = { fid, filename: 'x', foldKey: 'x', head: 7, live: true, size: 1, hash: 'new', mtimeMs: 0 }
    const state = { file: { ...file, executable: false, conflictOf: null, movedTo: null }, replicas: [replica] }
    const on: Deciding = {
      entry: 'A',
      isWriteOnly: false,
      states: new Map([[fid, state]]),
      versions: [],
      journal: [],
      touched: new Set(),
      history: [],
      folders: new Set(),
      newVersion: () => 8,
      owners: () => ['A'],
    }
    expect(decide(on, { filename: 'x', native: 'x', gone: 'old' })).toEqual({ kind: 'same' })
    expect(state.file.live).toBe(true)
    expect(decide(on, { filename: 'x', native: 'x', gone: 'new' })).toEqual({ kind: 'accepted' })
    expect(state.file.live).toBe(false)
  })

  for (const act of ['remove', 'move'] as const) {
    test(`an object is put while the one before it is copied, to ${act} it -> it stays`, async () => {
      const objects = new Map([['x', 'old']])
      const head = (key: string) => {
        const text = objects.get(key)
        return text === undefined ? undefined : { size: text.length, etag: text, modifiedMs: 0 }
      }
      const bucket = {
        hasBucket: async () => true,
        head: async (key: string) => head(key),
        async copy(from: string, etag: string, to: string) {
          if (head(from)?.etag !== etag) return false
          objects.set(to, objects.get(from) ?? '')
          objects.set('x', 'new')
          return true
        },
        async remove(keys: readonly string[]) {
          for (const key of keys) objects.delete(key)
        },
      } as unknown as Bucket
      const kind = s3Kind({ openBucket: () => bucket, checkHost: async () => {} })
      const options = { endpoint: 'http://localhost', bucket: 'files', access_key: 'a', secret_key: 'b' }
      const driver = await kind.open(options, { signal: new AbortController().signal, trusted: true })
      const trash = { key: '00000000-0000-4000-8000-000000000001', name: 'x' }
      if (act === 'remove') await driver.remove('x', 'old:3', trash).catch(() => {})
      else await driver.move('x', 'old:3', 'y')
      expect(objects.get('x')).toBe('new')
      expect([...objects.values()]).toContain('old')
    })
  }
})

test('the token cannot be read -> the start fails, and does not wait for ever', async () => {
  const { root } = newFolder()
  mkdirSync(join(root, 'sync-token'))
  await expect(syncToken(root, undefined)).rejects.toThrow('EISDIR')
})

test('a WebDAV server tells nothing of a file, or of a folder -> it is not taken for a deletion', async () => {
  const answer = (...paths: string[]) => {
    const found = paths.map((path) => {
      const type = path.endsWith('/') ? '<d:resourcetype><d:collection/></d:resourcetype>' : ''
      const prop = `<d:prop>${type}</d:prop><d:status>HTTP/1.1 200 OK</d:status>`
      return `<d:response><d:href>${path}</d:href><d:propstat>${prop}</d:propstat></d:response>`
    })
    return new Response(`<d:multistatus xmlns:d="DAV:">${found.join('')}</d:multistatus>`, { status: 207 })
  }
  const failing = '<d:response><d:href>/x</d:href><d:status>HTTP/1.1 500 Oh</d:status></d:response>'
  let give = () => answer('/')
  const outgoing = { fetch: async () => give() } as unknown as Outgoing
  const kind = webdavKind({ outgoingFor: () => outgoing })
  const driver = await kind.open({ url: 'http://localhost/' }, { signal: new AbortController().signal, trusted: true })
  for (const empty of [
    () => answer(),
    () => new Response(`<d:multistatus xmlns:d="DAV:">${failing}</d:multistatus>`, { status: 207 }),
  ]) {
    give = empty
    expect(await driver.stat('x').catch(driverCode)).toBe('unavailable')
    expect(await Array.fromAsync(driver.list()).catch(driverCode)).toBe('unavailable')
  }
  give = () => new Response(null, { status: 404 })
  expect(await driver.stat('x')).toBeUndefined()
})

test('long names of files, extensions and entries -> names of conflict copies fit', () => {
  for (const name of ['x', `${'y'.repeat(250)}.txt`, `z.${'e'.repeat(250)}`, `é.${'ü'.repeat(120)}`]) {
    for (const entry of ['A', '\u{1f600}'.repeat(64)]) {
      const [first = ''] = conflictNames(name, entry, new Date(0), 255)
      expect([name, Buffer.byteLength(first) <= 255, first.includes('.conflict-')]).toEqual([name, true, true])
    }
  }
})
