import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { allOf, inChunks, md5Of, repeatedly } from '../../../test/conformance/objects.ts'
import type { ObjectStore } from '../contract.ts'
import { openFolderObjects } from './folder-objects.ts'
import { trailerBytes } from './trailer.ts'

const root = mkdtempSync(join(tmpdir(), 'hearth-folder-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let count = 0
let folder: string
let store: ObjectStore
beforeEach(async () => {
  folder = join(root, `${++count}`)
  store = await openFolderObjects(folder)
})

const put = (name: string, text: string, contentType?: string) =>
  store.put(name, inChunks(Buffer.from(text)), contentType === undefined ? {} : { contentType })
const read = async (name: string) => {
  const found = await store.get(name)
  return found && (await allOf(found.body)).toString()
}
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )
const below = (path: string) => readdirSync(path, { recursive: true, encoding: 'utf8' }).sort()

describe('files', () => {
  test('lie under their names; emptied folders go', async () => {
    await put('tenant/0123/45/photo.jpg', 'x')
    await put('tenant/0123', 'x')
    expect(below(join(folder, 'data'))).toEqual([
      'tenant',
      'tenant/0123#',
      'tenant/01230!45!',
      'tenant/01230!45!/0!photo.jpg#',
    ])
    await store.delete(['tenant/0123/45/photo.jpg'])
    expect(below(join(folder, 'data'))).toEqual(['tenant', 'tenant/0123#'])
    await store.delete(['tenant/0123'])
    expect(below(folder)).toEqual(['data', 'tmp'])
  })

  test('hold the bytes, then 512 that say what they are', async () => {
    await put('noted', 'hello', 'text/plain')
    const bytes = readFileSync(join(folder, 'data', 'noted#'))
    expect(bytes.length).toBe(5 + trailerBytes)
    expect(bytes.subarray(0, 5).toString()).toBe('hello')
    expect(bytes.subarray(5).toString()).toMatch(
      /^{"size":5,"md5":"XUFAKrxLKna5cZ2REBfFkg==","contentType":"text\/plain"} +HEARTH01$/,
    )
  })

  test('are read by nobody else', async () => {
    await put('private', 'x')
    expect(statSync(join(folder, 'data', 'private#')).mode & 0o077).toBe(0)
    expect(statSync(join(folder, 'data')).mode & 0o077).toBe(0)
  })

  test('that are strangers are not listed', async () => {
    await put('mine', 'x')
    for (const name of ['README', 'a b#', 'x~']) writeFileSync(join(folder, 'data', name), 'x')
    mkdirSync(join(folder, 'data', 'empty folder'))
    expect((await store.list('', { limit: 10 })).objects.map(({ name }) => name)).toEqual(['mine'])
  })
})

describe('damage shows: size and md5 are those of the bytes that are there', () => {
  const damages: readonly (readonly [string, (path: string) => void, string, string])[] = [
    ['cut in the content', (path) => truncateSync(path, 3), 'con', 'application/octet-stream'],
    ['overwritten', (path) => writeFileSync(path, 'other'), 'other', 'application/octet-stream'],
    ['emptied', (path) => truncateSync(path, 0), '', 'application/octet-stream'],
    ['content made longer', (path) => lengthen(path, 'new'), 'newcontent', 'text/plain'],
  ]

  function lengthen(path: string, text: string): void {
    writeFileSync(path, Buffer.concat([Buffer.from(text), readFileSync(path)]))
  }

  test.each(damages)('%s', async (_, damage, content, contentType) => {
    await put('damaged', 'content', 'text/plain')
    damage(join(folder, 'data', 'damaged#'))
    const stat = { name: 'damaged', size: content.length, md5: md5Of(Buffer.from(content)), contentType }
    expect(await store.stat('damaged')).toMatchObject(stat)
    expect((await store.get('damaged'))?.stat).toMatchObject(stat)
    expect(await read('damaged')).toBe(content)
    expect((await store.list('', { limit: 1 })).objects).toMatchObject([{ name: 'damaged', size: content.length }])
  })

  test('bytes behind the trailer make all of it content', async () => {
    await put('appended', 'content')
    appendFileSync(join(folder, 'data', 'appended#'), 'x')
    expect((await store.stat('appended'))?.size).toBe(7 + trailerBytes + 1)
  })

  test('a file that becomes shorter while it is read ends the body with an error', async () => {
    await store.put('shrinking', repeatedly(3))
    const reader = (await store.get('shrinking'))!.body.getReader()
    await reader.read()
    truncateSync(join(folder, 'data', 'shrinking#'), 600_000)
    const rest = async () => {
      while (!(await reader.read()).done);
    }
    await expect(rest()).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})

test('writes and deletions in one folder do not disturb each other', async () => {
  const work = async (index: number) => {
    for (let round = 0; round < 60; round++) {
      const name = `a/b/${round % 3}/${index}`
      await put(name, `${index}`)
      expect(await read(name)).toBe(`${index}`)
      await store.delete([name])
    }
  }
  await Promise.all(Array.from({ length: 6 }, (_, index) => work(index)))
  expect(below(folder)).toEqual(['data', 'tmp'])
})

test('a large folder is listed in pages as it is at the time', async () => {
  const path = join(folder, 'data', 'many')
  mkdirSync(path)
  for (let index = 0; index < 1_200; index++) writeFileSync(join(path, `${10_000 + index}#`), '')
  const longAgo = new Date(Date.now() - 60_000)
  utimesSync(path, longAgo, longAgo)
  const first = await store.list('many/', { limit: 700 })
  expect(first.objects.length).toBe(700)
  await put('many/10900+', 'x')
  await store.delete(['many/11000'])
  const second = await store.list('many/', { after: first.objects.at(-1)?.name, limit: 700 })
  const names = second.objects.map(({ name }) => name)
  expect(names.length).toBe(500)
  expect(names).toContain('many/10900+')
  expect(names).not.toContain('many/11000')
})

test('sweeping removes temporary files that are old', async () => {
  const path = join(folder, 'tmp', 'left-behind')
  writeFileSync(path, 'x')
  expect(await store.sweepAbandoned(60_000)).toBe(0)
  expect(await store.sweepAbandoned(0)).toBe(1)
  expect(existsSync(path)).toBe(false)
})

test('SIGKILL in the middle of a write leaves nothing that can be seen, and sweeping removes the rest', async () => {
  await put('endless', 'old')
  const script = fileURLToPath(new URL('../../../test/conformance/objects-endless.ts', import.meta.url))
  const child = spawn(process.execPath, [script, pathToFileURL(folder).href], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
  expect(readdirSync(join(folder, 'tmp')).length).toBe(1)
  store = await openFolderObjects(folder)
  expect((await store.list('', { limit: 10 })).objects.map(({ name }) => name)).toEqual(['endless'])
  expect(await read('endless')).toBe('old')
  expect(await store.sweepAbandoned(0)).toBe(1)
  expect(below(folder)).toEqual(['data', 'data/endless#', 'tmp'])
})

test('a folder that is gone is store_unavailable, without its path', async () => {
  await put('kept', 'x')
  renameSync(folder, `${folder}-away`)
  const works: readonly (() => Promise<unknown>)[] = [
    () => store.ping(),
    () => put('a', 'x'),
    () => read('kept'),
    () => store.stat('kept'),
    () => store.list('', { limit: 1 }),
    () => store.copy('kept', 'b'),
  ]
  for (const work of works) {
    expect(await failureOf(work())).toMatchObject({
      code: 'store_unavailable',
      reason: 'The folder that holds the files is not there.',
    })
  }
})

test.each(['/dev/null', '/dev/null/below', '/proc/nothing'])('%s cannot be opened', async (path) => {
  expect(await failureOf(openFolderObjects(path))).toHaveProperty('code', expect.stringMatching(/^ENO(TDIR|ENT)$/))
})

/** Runs `work` in a file system of 64 MB, as root; elsewhere it is skipped loudly. */
async function onSmallDisk(work: (folder: string) => Promise<void>): Promise<void> {
  const disk = mkdtempSync(join(tmpdir(), 'hearth-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=755', 'hearth-test', disk], { stdio: 'pipe' })
  } catch {
    console.warn('\n*** SKIPPED: a full disk cannot be tested, since this user may not mount a tmpfs ***\n')
    rmSync(disk, { recursive: true })
    return
  }
  try {
    await work(disk)
  } finally {
    execFileSync('umount', ['-l', disk])
    rmSync(disk, { recursive: true })
  }
}

test('a full disk is store_full; what was there stays, and there is room again', () =>
  onSmallDisk(async (disk) => {
    const small = await openFolderObjects(join(disk, 'objects'))
    await small.put('kept', repeatedly(30))
    await expect(small.put('kept', repeatedly(60))).rejects.toMatchObject({ code: 'store_full' })
    await expect(small.put('other', repeatedly(60))).rejects.toMatchObject({ code: 'store_full' })
    await expect(small.copy('kept', 'copied').then(() => small.copy('kept', 'again'))).rejects.toMatchObject({
      code: 'store_full',
    })
    expect((await small.stat('kept'))?.size).toBe(30_000_000)
    expect(await small.stat('other')).toBeUndefined()
    expect(readdirSync(join(disk, 'objects', 'tmp'))).toEqual([])
    await small.delete(['copied'])
    await small.put('other', repeatedly(20))
  }))

test('a full or a read-only disk fails the ping, and reading goes on', () =>
  onSmallDisk(async (disk) => {
    const small = await openFolderObjects(join(disk, 'objects'))
    await small.put('kept', repeatedly(1))
    const filler = join(disk, 'filler')
    expect(() => writeFileSync(filler, Buffer.alloc(70_000_000))).toThrow('ENOSPC')
    await expect(small.ping()).rejects.toMatchObject({ code: 'store_full' })
    expect((await small.stat('kept'))?.size).toBe(1_000_000)
    rmSync(filler)
    await small.ping()
    execFileSync('mount', ['-o', 'remount,ro', disk])
    await expect(small.ping()).rejects.toMatchObject({
      code: 'store_unavailable',
      reason: expect.stringMatching('EROFS'),
    })
    await expect(small.put('new', repeatedly(1))).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(await failureOf(openFolderObjects(join(disk, 'objects')))).toHaveProperty('code', 'EROFS')
    expect((await allOf((await small.get('kept'))!.body)).length).toBe(1_000_000)
  }))
