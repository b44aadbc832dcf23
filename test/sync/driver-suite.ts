/**
 * The contract of drivers as a suite. Every driver runs it against the real thing; `outside` is that thing seen by
 * somebody else: another client, a person in the folder.
 */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { ContentHash, chunkBytes } from '../../src/sync/content.ts'
import type { Driver, FileRecord, Listed } from '../../src/sync/drivers/contract.ts'
import { driverCode } from '../../src/sync/drivers/error.ts'

/** The place as others see it. */
export interface Outside {
  write(name: string, text: string | Uint8Array): Promise<void>
  read(name: string): Promise<string | undefined>
  remove(name: string): Promise<void>
}

export interface DriverStage {
  /** Opens the driver on the same place as before. */
  open(): Promise<Driver>
  readonly outside: Outside
  close(): Promise<void>
}

export interface SuiteOptions {
  /** Names that the place cannot have. */
  readonly withoutNames?: readonly string[]
  /** Bytes of the content that is transferred in several chunks; 0 leaves those cases out. */
  readonly largeBytes?: number
  /** The place cannot go on with an upload that was cut. */
  readonly withoutResume?: boolean
}

const names = [
  'a.txt',
  'deep/er/and/deeper.txt',
  'R€p1 file.txt',
  'é-ü.txt',
  'percent%20.txt',
  'a+b&c=d;e?f#g.txt',
  '日本語/ファイル',
  'quote\'"s.txt',
  '-dash',
  '.hidden',
  'x'.repeat(200),
]

let count = 0
const newKey = () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`
const bytesOf = (text: string | Uint8Array) => (typeof text === 'string' ? Buffer.from(text) : text)

/** Stores content as the engine does. */
export async function put(
  driver: Driver,
  name: string,
  content: string | Uint8Array,
  options: { expected?: string; executable?: boolean; trash?: string } = {},
): Promise<FileRecord> {
  const bytes = bytesOf(content)
  const chunk = chunkBytes(bytes.length)
  const stage = await driver.stage(newKey(), {
    name,
    size: bytes.length,
    mtimeMs: 1_500_000_000_000,
    executable: options.executable ?? false,
    chunkBytes: chunk,
  })
  try {
    for (let at = 0; at < bytes.length; at += chunk) await stage.write(at, bytes.subarray(at, at + chunk))
    return await stage.commit(options.expected, { key: options.trash ?? newKey(), name })
  } catch (error) {
    await stage.abort()
    throw error
  } finally {
    await stage.close()
  }
}

export async function readAll(driver: Driver, file: FileRecord, start = 0, end = file.size): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of driver.read(file.name, file.fingerprint, start, end)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function listAll(driver: Driver, below?: string): Promise<Listed[]> {
  const found: Listed[] = []
  for await (const page of driver.list(below)) found.push(...page)
  return found
}

export async function fileAt(driver: Driver, name: string): Promise<FileRecord> {
  const seen = await driver.stat(name)
  if (seen?.kind !== 'file') throw new Error(`${name} is ${seen?.kind ?? 'not there'}`)
  return seen.file
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => driverCode(error) ?? `not a driver's error: ${error}`,
  )
}

/** Runs the contract against what `newStage` gives. */
export function driverSuite(
  title: string,
  newStage: () => Promise<DriverStage>,
  { withoutNames = [], largeBytes = 20 * 1024 * 1024, withoutResume = false }: SuiteOptions = {},
): void {
  describe(`driver contract: ${title}`, () => {
    let stage: DriverStage
    let driver: Driver
    beforeEach(async () => {
      stage = await newStage()
      driver = await stage.open()
    })
    afterEach(async () => {
      await driver.close()
      await stage.close()
    })
    const usable = names.filter((name) => !withoutNames.includes(name))

    test('an empty place -> an empty listing that ends', async () => {
      expect(await listAll(driver)).toEqual([])
      expect(await driver.stat('a.txt')).toBeUndefined()
    })

    test('no marker, then one -> its token, also after opening again', async () => {
      expect(await driver.identity()).toBeUndefined()
      await driver.mark('token-1')
      expect(await driver.identity()).toBe('token-1')
      const again = await stage.open()
      expect(await again.identity()).toBe('token-1')
      await again.close()
      expect(await listAll(driver)).toEqual([])
    })

    test.each(usable)('a file stored as %p -> others read it, it is listed and read back', async (name) => {
      const stored = await put(driver, name, `content of ${name}`)
      expect(stored.name).toBe(name)
      expect(await stage.outside.read(name)).toBe(`content of ${name}`)
      const seen = await fileAt(driver, name)
      expect(seen.fingerprint).toBe(stored.fingerprint)
      expect(seen.size).toBe(Buffer.byteLength(`content of ${name}`))
      expect((await readAll(driver, seen)).toString()).toBe(`content of ${name}`)
      const listed = await listAll(driver)
      expect(listed).toHaveLength(1)
      expect(listed[0]).toMatchObject({ kind: 'file', file: { name, fingerprint: stored.fingerprint } })
    })

    test.each(usable)('a file that others made as %p -> seen, read, removed to the trash, restored', async (name) => {
      await stage.outside.write(name, 'theirs')
      const seen = await fileAt(driver, name)
      expect((await readAll(driver, seen)).toString()).toBe('theirs')
      const trash = { key: newKey(), name }
      await driver.remove(name, seen.fingerprint, trash)
      expect(await stage.outside.read(name)).toBeUndefined()
      expect(await driver.stat(name)).toBeUndefined()
      expect(await listAll(driver)).toEqual([])
      expect(await driver.isTrashed(trash)).toBe(true)
      await driver.restore(trash, name)
      expect(await stage.outside.read(name)).toBe('theirs')
      expect(await driver.isTrashed(trash)).toBe(false)
    })

    test('a folder -> said to be one', async () => {
      await put(driver, 'folder/file', 'x')
      expect((await driver.stat('folder'))?.kind ?? 'folder').toBe('folder')
    })

    test('listing -> ascending by bytes, folders between files, and below a folder', async () => {
      const all = ['a', 'a-b', 'a.c', 'b/1', 'b/2', 'b-c', 'b.d', 'c/d/e', 'é', 'z']
      for (const name of all) await put(driver, name, name)
      const listed = (await listAll(driver)).map((one) => (one.kind === 'file' ? one.file.name : '?'))
      expect(listed).toEqual([...all].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
      const below = (await listAll(driver, 'b')).map((one) => (one.kind === 'file' ? one.file.name : '?'))
      expect(below).toEqual(['b/1', 'b/2'])
      expect(await listAll(driver, 'nothing')).toEqual([])
    })

    test('an empty file -> stored, listed, read', async () => {
      const stored = await put(driver, 'empty', '')
      expect(stored.size).toBe(0)
      expect((await readAll(driver, stored)).length).toBe(0)
      expect(await stage.outside.read('empty')).toBe('')
    })

    test('ranges -> exactly these bytes', async () => {
      const stored = await put(driver, 'range', '0123456789')
      expect((await readAll(driver, stored, 3, 7)).toString()).toBe('3456')
      expect((await readAll(driver, stored, 9, 10)).toString()).toBe('9')
    })

    test('something is at the name -> a new file is refused and nothing changes', async () => {
      await stage.outside.write('taken', 'theirs')
      expect(await codeOf(put(driver, 'taken', 'ours'))).toBe('exists')
      expect(await stage.outside.read('taken')).toBe('theirs')
      expect(await listAll(driver)).toHaveLength(1)
    })

    test('the file is the expected one -> replaced, the old content is in the trash', async () => {
      const first = await put(driver, 'x', 'one, which is longer')
      const trash = newKey()
      const second = await put(driver, 'x', 'two', { expected: first.fingerprint, trash })
      expect(second.fingerprint).not.toBe(first.fingerprint)
      expect(await stage.outside.read('x')).toBe('two')
      expect(await driver.isTrashed({ key: trash, name: 'x' })).toBe(true)
      await driver.restore({ key: trash, name: 'x' }, 'old')
      expect(await stage.outside.read('old')).toBe('one, which is longer')
    })

    test('the file has changed -> neither replaced, removed, moved nor read', async () => {
      const first = await put(driver, 'x', 'one')
      await stage.outside.write('x', 'theirs')
      expect(await codeOf(put(driver, 'x', 'two', { expected: first.fingerprint }))).toBe('changed')
      expect(await codeOf(driver.remove('x', first.fingerprint, { key: newKey(), name: 'x' }))).toBe('changed')
      expect(await codeOf(driver.move('x', first.fingerprint, 'y'))).toBe('changed')
      expect(await codeOf(readAll(driver, first))).toBe('changed')
      expect(await stage.outside.read('x')).toBe('theirs')
      expect(await driver.stat('y')).toBeUndefined()
    })

    test('the file no longer exists -> replacing is refused, removing is done already', async () => {
      const first = await put(driver, 'x', 'one')
      await stage.outside.remove('x')
      expect(['changed', 'not_found']).toContain(await codeOf(put(driver, 'x', 'two', { expected: first.fingerprint })))
      expect(await codeOf(driver.remove('x', first.fingerprint, { key: newKey(), name: 'x' }))).toBe('done')
      expect(['changed', 'not_found']).toContain(await codeOf(readAll(driver, first)))
      expect(await stage.outside.read('x')).toBeUndefined()
    })

    test('a move -> the content under the new name only, never over another file', async () => {
      const first = await put(driver, 'a/x', 'one')
      const moved = await driver.move('a/x', first.fingerprint, 'b/y')
      expect(moved.name).toBe('b/y')
      expect(await stage.outside.read('b/y')).toBe('one')
      expect(await stage.outside.read('a/x')).toBeUndefined()
      expect((await fileAt(driver, 'b/y')).fingerprint).toBe(moved.fingerprint)
      await put(driver, 'z', 'other')
      expect(await codeOf(driver.move('b/y', moved.fingerprint, 'z'))).toBe('exists')
      expect(await stage.outside.read('z')).toBe('other')
      expect(await stage.outside.read('b/y')).toBe('one')
      expect(['changed', 'not_found']).toContain(await codeOf(driver.move('none', moved.fingerprint, 'n')))
    })

    test('restoring -> never over another file; purging -> gone, twice', async () => {
      const first = await put(driver, 'x', 'one')
      const trash = { key: newKey(), name: 'x' }
      await driver.remove('x', first.fingerprint, trash)
      await put(driver, 'x', 'two')
      expect(await codeOf(driver.restore(trash, 'x'))).toBe('exists')
      expect(await stage.outside.read('x')).toBe('two')
      await driver.purge(trash)
      expect(await driver.isTrashed(trash)).toBe(false)
      expect(await codeOf(driver.purge(trash))).toBe('done')
      expect(await codeOf(driver.restore(trash, 'y'))).toBe('not_found')
    })

    test('what is staged -> not listed, gone after abort, and a second stage of the same key begins anew', async () => {
      const request = { name: 'x', size: 3, mtimeMs: 0, executable: false, chunkBytes: chunkBytes(3) }
      const first = await driver.stage('key-1', request)
      await first.write(0, Buffer.from('abc'))
      expect(await listAll(driver)).toEqual([])
      await first.abort()
      const second = await driver.stage('key-1', request)
      expect(second.staged).toBe(0)
      await second.abort()
    })

    test('a commit of the same content twice -> the second finds the name taken', async () => {
      await put(driver, 'x', 'same')
      expect(await codeOf(put(driver, 'x', 'same'))).toBe('exists')
    })

    if (largeBytes > 0) {
      const large = Buffer.alloc(largeBytes)
      for (let at = 0; at < large.length; at += 4096) large.writeUInt32LE((at * 2_654_435_761) % 4_294_967_296, at)

      test('several chunks -> the same content back', async () => {
        const stored = await put(driver, 'large', large)
        expect(stored.size).toBe(large.length)
        const hash = new ContentHash(large.length)
        for await (const bytes of driver.read('large', stored.fingerprint, 0, large.length)) hash.update(bytes)
        const whole = new ContentHash(large.length)
        whole.update(large)
        expect(hash.finish()).toEqual(whole.finish())
      }, 60_000)

      if (withoutResume) {
        test('an upload that was cut -> begins anew, and leaves nothing to be seen', async () => {
          const chunk = chunkBytes(large.length)
          const request = { name: 'large', size: large.length, mtimeMs: 0, executable: false, chunkBytes: chunk }
          const first = await driver.stage('key-2', request)
          await first.write(0, large.subarray(0, chunk))
          await first.close()
          const second = await driver.stage('key-2', request)
          expect(second.staged).toBe(0)
          await second.abort()
          expect(await listAll(driver)).toEqual([])
        }, 60_000)
      }
      const whenResumed = withoutResume ? () => {} : test
      whenResumed(
        'an upload that was cut -> goes on behind its whole chunks',
        async () => {
          const chunk = chunkBytes(large.length)
          const request = { name: 'large', size: large.length, mtimeMs: 0, executable: false, chunkBytes: chunk }
          const first = await driver.stage('key-2', request)
          await first.write(0, large.subarray(0, chunk))
          await first.close()
          const again = await stage.open()
          const second = await again.stage('key-2', request)
          expect(second.staged).toBe(chunk)
          const back = second.readBack(0, chunk)
          if (back !== undefined) {
            const chunks: Uint8Array[] = []
            for await (const bytes of back) chunks.push(bytes)
            expect(Buffer.concat(chunks).equals(large.subarray(0, chunk))).toBe(true)
          }
          for (let at = chunk; at < large.length; at += chunk) await second.write(at, large.subarray(at, at + chunk))
          const stored = await second.commit(undefined, { key: newKey(), name: 'large' })
          expect((await readAll(again, stored)).equals(large)).toBe(true)
          await again.close()
        },
        60_000,
      )
    }

    test('stages are swept -> those to be kept stay', async () => {
      const chunk = chunkBytes(3)
      const request = { name: 'x', size: 3, mtimeMs: 0, executable: false, chunkBytes: chunk }
      for (const key of ['keep', 'drop']) {
        const one = await driver.stage(key, request)
        await one.write(0, Buffer.from('abc'))
        await one.close()
      }
      await driver.sweepStages(new Set(['keep']))
      const dropped = await driver.stage('drop', request)
      expect(dropped.staged).toBe(0)
      await dropped.abort()
    })

    test('our own names -> never stored as a file of people', async () => {
      expect(await codeOf(Promise.resolve().then(() => put(driver, '.hearth-sync/entry', 'x')))).toBe('name')
    })
  })
}
