import { afterAll, describe, expect, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { driverCode } from '../../src/sync/drivers/error.ts'
import { openLocalStorage } from '../../src/sync/drivers/local/local-storage.ts'
import { type DriverStage, driverSuite, fileAt, listAll, put } from './driver-suite.ts'

const made: string[] = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-sync-'))
  made.push(folder)
  return folder
}

async function newStage(): Promise<DriverStage> {
  const root = newFolder()
  return {
    open: () => openLocalStorage(root),
    outside: {
      async write(name, text) {
        await mkdir(dirname(join(root, name)), { recursive: true })
        await writeFile(join(root, name), text)
      },
      read: (name) => readFile(join(root, name), 'utf8').catch(() => undefined),
      remove: (name) => unlink(join(root, name)),
    },
    close: async () => rmSync(root, { recursive: true, force: true }),
  }
}

driverSuite('local_storage', newStage)

describe('what only folders have', () => {
  test.each([
    [0o600, false, 0o600],
    [0o640, false, 0o640],
    [0o600, true, 0o700],
    [0o754, false, 0o644],
    [0o644, true, 0o755],
  ])('a file of mode %o is replaced, executable: %p -> %o', async (before, executable, after) => {
    const root = newFolder()
    const path = join(root, 'x')
    writeFileSync(path, 'private')
    chmodSync(path, before)
    const isRoot = process.getuid?.() === 0
    if (isRoot) chownSync(path, 1234, 1235)
    const driver = await openLocalStorage(root)
    await put(driver, 'x', 'new', { expected: (await fileAt(driver, 'x')).fingerprint, executable })
    const { mode, uid, gid } = statSync(path)
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect((mode & 0o777).toString(8)).toBe(after.toString(8))
    if (isRoot) expect([uid, gid]).toEqual([1234, 1235])
  })

  test('no such folder, or a file in its place -> options are refused', async () => {
    const root = newFolder()
    writeFileSync(join(root, 'file'), '')
    for (const path of [join(root, 'none'), join(root, 'file')]) {
      expect(await openLocalStorage(path).catch(driverCode)).toBe('options')
    }
  })

  test('links, FIFOs and names that are not UTF-8 -> reported, nothing is read through them', async () => {
    const root = newFolder()
    const outside = newFolder()
    writeFileSync(join(outside, 'secret'), 'x')
    symlinkSync(outside, join(root, 'link'))
    symlinkSync(join(outside, 'secret'), join(root, 'file-link'))
    execFileSync('mkfifo', [join(root, 'fifo')])
    writeFileSync(Buffer.concat([Buffer.from(`${root}/bad`), Buffer.from([0xff])]), 'x')
    const driver = await openLocalStorage(root)
    const listed = await listAll(driver)
    expect(listed.map((one) => (one.kind === 'odd' ? one.reason : one.file.name))).toEqual([
      'the name is not valid UTF-8: bad?',
      'a FIFO is not synchronised',
      'a symbolic link is not synchronised',
      'a symbolic link is not synchronised',
    ])
    expect(await driver.stat('link/secret')).toMatchObject({ kind: 'odd' })
    expect(await put(driver, 'link/new', 'x').catch(driverCode)).toBe('name')
    expect(statSync(outside).isDirectory()).toBe(true)
    expect(await readFile(join(outside, 'new')).catch(() => 'none')).toBe('none')
  })

  test('a folder that was exchanged for a link after it was listed -> nothing outside is read, written or removed', async () => {
    const root = newFolder()
    const outside = newFolder()
    mkdirSync(join(root, 'd'))
    writeFileSync(join(root, 'd/x'), 'inside')
    const driver = await openLocalStorage(root)
    const seen = await fileAt(driver, 'd/x')
    rmSync(join(root, 'd'), { recursive: true })
    writeFileSync(join(outside, 'x'), 'secret')
    symlinkSync(outside, join(root, 'd'))
    const codes = await Promise.all([
      driver.remove('d/x', seen.fingerprint, { key: 'k', name: 'd/x' }).catch(driverCode),
      driver.move('d/x', seen.fingerprint, 'y').catch(driverCode),
      put(driver, 'd/z', 'x').catch(driverCode),
    ])
    expect(codes).toEqual(['name', 'name', 'name'])
    expect(readFileSync(join(outside, 'x'), 'utf8')).toBe('secret')
  })

  test('executable and time -> kept', async () => {
    const root = newFolder()
    const driver = await openLocalStorage(root)
    await put(driver, 'run', '#!/bin/sh', { executable: true })
    const stats = statSync(join(root, 'run'))
    expect(stats.mode & 0o100).toBe(0o100)
    expect(stats.mtimeMs).toBe(1_500_000_000_000)
    expect((await fileAt(driver, 'run')).executable).toBe(true)
  })

  test('a rename by somebody -> the same key', async () => {
    const root = newFolder()
    const driver = await openLocalStorage(root)
    const before = await put(driver, 'a', 'x')
    execFileSync('mv', [join(root, 'a'), join(root, 'b')])
    expect((await fileAt(driver, 'b')).key).toBe(before.key!)
  })

  test('an editor saves over the file again and again while it is replaced -> no content is lost', async () => {
    const root = newFolder()
    const driver = await openLocalStorage(root)
    const file = join(root, 'x')
    writeFileSync(file, 'start')
    let saves = 0
    let busy = true
    const editor = (async () => {
      while (busy) {
        writeFileSync(`${file}.tmp`, `save ${++saves}`)
        execFileSync('mv', [`${file}.tmp`, file])
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    })()
    let published = 0
    for (let round = 0; round < 150; round++) {
      const seen = await driver.stat('x')
      if (seen?.kind !== 'file') continue
      const done = await put(driver, 'x', `ours ${round}`, { expected: seen.file.fingerprint }).catch(driverCode)
      if (typeof done === 'object') published += 1
    }
    busy = false
    await editor
    // The last save is at the name, or was displaced by ours and lies in the trash.
    const kept = execFileSync('sh', ['-c', `cat ${root}/x ${root}/.hearth-sync/trash/* 2>/dev/null || true`]).toString()
    expect(kept).toContain(`save ${saves}`)
    expect(published).toBeGreaterThan(0)
  })

  test('an empty folder is left behind by a removal -> removed, others stay', async () => {
    const root = newFolder()
    const driver = await openLocalStorage(root)
    const file = await put(driver, 'a/b/c', 'x')
    await put(driver, 'a/d', 'x')
    await driver.remove('a/b/c', file.fingerprint, { key: 'k', name: 'a/b/c' })
    expect(await driver.stat('a/b')).toBeUndefined()
    expect(await driver.stat('a')).toEqual({ kind: 'folder' })
  })

  test('changes in a watched folder -> hints, new folders included', async () => {
    const root = newFolder()
    const driver = await openLocalStorage(root)
    const hints = new Set<string>()
    const end = driver.watch!(
      (name) => hints.add(name),
      () => {},
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
    mkdirSync(join(root, 'new/deep'), { recursive: true })
    writeFileSync(join(root, 'new/deep/file'), 'x')
    writeFileSync(join(root, 'top'), 'x')
    const deadline = Date.now() + 10_000
    while (Date.now() < deadline && !(hints.has('top') && [...hints].some((name) => name.startsWith('new')))) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    end()
    expect(hints.has('top')).toBe(true)
    unlinkSync(join(root, 'top'))
  })
})
