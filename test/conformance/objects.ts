/** The contract of object stores as a suite: every guarantee that storage/objects/contract.ts gives. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { silentLog } from '../../src/log.ts'
import { openObjects } from '../../src/objects.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'

const run = promisify(execFile)

const mb = 1_000_000

/** Base64 of the md5. */
export function md5Of(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('base64')
}

/** The bytes in pieces. */
export async function* inChunks(bytes: Uint8Array, length = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

/** Everything that a stream gives. */
export async function allOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The same megabyte again and again, without holding more than one. */
export async function* repeatedly(megabytes: number): AsyncGenerator<Uint8Array> {
  const block = Buffer.alloc(mb, 'some text that repeats ')
  for (let count = 0; count < megabytes; count++) yield block
}

/** Names that are hard for file systems, for S3, for XML or for URLs. Sorted here as they are listed. */
export const oddNames: readonly string[] = [
  '\u0001',
  '\t',
  '\n',
  ' ',
  ' a ',
  '!',
  '"',
  '#',
  '#md5',
  '%2F',
  '%',
  '&amp;<>',
  "'",
  '+',
  '-',
  '.',
  './.',
  './a',
  '..',
  '../../../etc/passwd',
  '/',
  '//',
  '/a',
  '0',
  '0!',
  '123',
  '1e5',
  'C:\\a\\b',
  'a',
  'a b',
  'a!',
  'a-',
  'a/',
  'a//',
  'a//b',
  'a/.',
  'a/../b',
  'a/b',
  'a/b/c',
  'a0',
  'data',
  'tmp',
  `${'x'.repeat(250)}`,
  `${'x'.repeat(255)}/y`,
  `${'x'.repeat(700)}`,
  `${'x'.repeat(700)}/z`,
  '\u007f',
  'e\u0301',
  'é',
  'é'.repeat(200),
  '€',
  '\ue000',
  '\ufffe',
  '\uffff',
  '😀',
].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

/** Runs the contract against the stores at `newUrl`'s answers: values of `objects_url`, each of an empty place. */
export function objectStoreSuite(engine: string, newUrl: () => Promise<string>): void {
  describe(`${engine}: the contract of object stores`, () => {
    let store: ObjectStore
    const opened: ObjectStore[] = []
    const fresh = async () => {
      const one = await openObjects({ data_dir: '', objects_url: await newUrl() }, silentLog)
      opened.push(one)
      return one
    }
    beforeAll(async () => {
      store = await fresh()
    }, 60_000)
    afterAll(async () => {
      for (const one of opened) await one.close()
    })

    const put = (name: string, bytes: string | Uint8Array) =>
      store.put(name, inChunks(typeof bytes === 'string' ? Buffer.from(bytes) : bytes))
    const read = async (name: string) => {
      const found = await store.get(name)
      return found && (await allOf(found.body))
    }
    const readText = async (name: string) => (await read(name))?.toString()
    const namesOf = async (from: ObjectStore, prefix: string, limit: number) => {
      const names: string[] = []
      for (let after: string | undefined; ; ) {
        const page = await from.list(prefix, { after, limit })
        expect(page.objects.length).toBeLessThanOrEqual(limit)
        names.push(...page.objects.map(({ name }) => name))
        if (!page.more) return names
        after = names.at(-1)
      }
    }

    describe('what is put is got', () => {
      const sizes = [0, 1, 65_536, 1_048_577, 5 * 2 ** 20, 5 * 2 ** 20 + 1, 10 * 2 ** 20, 64 * mb]
      for (const announced of [true, false]) {
        test.each(sizes)(`%d bytes, size ${announced ? 'announced' : 'unknown'}`, async (size) => {
          const bytes = randomBytes(size)
          const name = `sizes/${size}/${announced}`
          let accepted: unknown
          const stored = await store.put(name, inChunks(bytes, 100_000), {
            contentType: 'image/png; x="y"',
            size: announced ? size : undefined,
            accept: (received) => {
              accepted = received
            },
          })
          const md5 = md5Of(bytes)
          expect(accepted).toEqual({ size, md5 })
          const known = { name, size, md5, contentType: 'image/png; x="y"' }
          expect(stored).toMatchObject(known)
          expect(Math.abs(stored.modifiedMs - Date.now())).toBeLessThan(60_000)
          const stat = await store.stat(name)
          expect(stat).toMatchObject(known)
          expect(Math.abs((stat?.modifiedMs ?? 0) - stored.modifiedMs)).toBeLessThan(10_000)
          const got = await store.get(name)
          expect(got?.stat).toEqual(stat!)
          expect(md5Of(await allOf(got!.body))).toBe(md5)
          const { objects } = await store.list(name, { limit: 1 })
          expect(objects).toEqual([{ name, size, modifiedMs: expect.any(Number) }])
        })
      }

      test('a wrong size announced does no harm', async () => {
        for (const size of [0, 3, 20 * mb]) {
          expect((await store.put('wrong-size', inChunks(Buffer.alloc(100_000)), { size })).size).toBe(100_000)
          expect((await read('wrong-size'))?.length).toBe(100_000)
        }
      })

      test.each([
        [undefined, 'application/octet-stream'],
        ['text/plain; charset=utf-8', 'text/plain; charset=utf-8'],
        ['x'.repeat(200), 'x'.repeat(200)],
        ['x'.repeat(201), 'application/octet-stream'],
        ['text/plain\r\nx-evil: 1', 'application/octet-stream'],
        ['é', 'application/octet-stream'],
        ['', 'application/octet-stream'],
      ])('content type %j is kept as %j', async (given, kept) => {
        const options = given === undefined ? {} : { contentType: given }
        expect((await store.put('typed', inChunks(Buffer.from('x')), options)).contentType).toBe(kept)
        expect((await store.stat('typed'))?.contentType).toBe(kept)
        expect((await store.get('typed'))?.stat.contentType).toBe(kept)
      })

      test('what is not there', async () => {
        expect(await store.get('nothing')).toBeUndefined()
        expect(await store.get('nothing', { start: 5, end: 6 })).toBeUndefined()
        expect(await store.stat('nothing')).toBeUndefined()
      })
    })

    describe('ranges', () => {
      const large = randomBytes(17 * mb)
      beforeAll(async () => {
        await put('ranges/small', '0123456789')
        await put('ranges/empty', '')
        await put('ranges/large', large)
      }, 60_000)

      test.each([
        [0, 0, '0'],
        [0, 9, '0123456789'],
        [3, 5, '345'],
        [9, 9, '9'],
        [9, 1_000_000, '9'],
        [0, Number.MAX_SAFE_INTEGER, '0123456789'],
        [10, 20, ''],
        [5_000_000_000, 5_000_000_001, ''],
      ])('%d to %d', async (start, end, expected) => {
        const got = await store.get('ranges/small', { start, end })
        expect(got?.stat).toMatchObject({ size: 10, md5: md5Of(Buffer.from('0123456789')) })
        expect((await allOf(got!.body)).toString()).toBe(expected)
      })

      test.each([
        [0, 0],
        [0, 99],
      ])('%d to %d of nothing', async (start, end) => {
        const got = await store.get('ranges/empty', { start, end })
        expect(got?.stat.size).toBe(0)
        expect((await allOf(got!.body)).length).toBe(0)
      })

      test('anywhere in a large object', async () => {
        const places = [0, 262_143, 262_144, 5 * 2 ** 20 - 1, 5 * 2 ** 20, 16_999_999]
        for (const start of places) {
          for (const length of [1, 70_000, 9 * mb]) {
            const got = await store.get('ranges/large', { start, end: start + length - 1 })
            expect(got?.stat).toMatchObject({ size: large.length, md5: md5Of(large) })
            expect(md5Of(await allOf(got!.body))).toBe(md5Of(large.subarray(start, start + length)))
          }
        }
      })
    })

    describe('names', () => {
      let odd: ObjectStore
      beforeAll(async () => {
        odd = await fresh()
        for (const name of oddNames) await odd.put(name, inChunks(Buffer.from(name)))
      }, 60_000)

      test('each keeps its own content', async () => {
        for (const name of oddNames) {
          const got = await odd.get(name)
          expect({ name, text: got && (await allOf(got.body)).toString() }).toEqual({ name, text: name })
          expect((await odd.stat(name))?.name).toBe(name)
        }
      })

      test.each([1, 2, 7, 1_000])('are listed in byte order, %d at a time', async (limit) => {
        expect(await namesOf(odd, '', limit)).toEqual([...oddNames])
      })

      test('are listed by every prefix of each', async () => {
        const prefixes = new Set(oddNames.flatMap((name) => [name, name.slice(0, 1), name.slice(0, -1), `${name}/`]))
        for (const prefix of prefixes) {
          if (!prefix.isWellFormed()) continue
          const expected = oddNames.filter((name) => name.startsWith(prefix))
          expect({ prefix, names: await namesOf(odd, prefix, 5) }).toEqual({ prefix, names: expected })
        }
      })

      test('are listed behind any text', async () => {
        for (const after of ['a', 'a/', 'a/b', 'a/zzz', 'b', '0', '\u0002', '\uffff', '😀', '😀😀', 'x'.repeat(300)]) {
          const expected = oddNames.filter((name) => Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0)
          const { objects } = await odd.list('', { after, limit: 1_000 })
          expect({ after, names: objects.map(({ name }) => name) }).toEqual({ after, names: expected })
        }
      })

      test('are copied and deleted, each alone', async () => {
        for (const name of oddNames) {
          expect(await odd.copy(name, 'copied')).toBe(true)
          expect((await allOf((await odd.get('copied'))!.body)).toString()).toBe(name)
          await odd.delete(['copied', name])
        }
        expect(await namesOf(odd, '', 100)).toEqual([])
      })

      test('any text: what is put is what is listed and got', async () => {
        const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 })
        const parts = fc.oneof(text, fc.constantFrom('/', '..', '.', 'a', '#', 'y'.repeat(245)))
        const names = fc
          .array(parts, { minLength: 1, maxLength: 4 })
          .map((some) => some.join(''))
          .filter((name) => name.isWellFormed() && !name.includes('\0') && Buffer.byteLength(name) <= 330)
        await fc.assert(
          fc.asyncProperty(fc.uniqueArray(names, { minLength: 1, maxLength: 12 }), async (some) => {
            await Promise.all(some.map((name) => odd.put(name, inChunks(Buffer.from(name)))))
            const sorted = some.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
            expect(await namesOf(odd, '', 5)).toEqual(sorted)
            for (const name of some) expect((await allOf((await odd.get(name))!.body)).toString()).toBe(name)
            await odd.delete(some)
            expect(await namesOf(odd, '', 5)).toEqual([])
          }),
          { numRuns: 15 },
        )
      }, 60_000)

      test.each(['', 'a\0b', '\ud83d', 'x'.repeat(1_001)])('%j is refused', async (name) => {
        await expect(put(name, 'x')).rejects.toMatchObject({ code: 'bad_request' })
        await expect(store.get(name)).rejects.toMatchObject({ code: 'bad_request' })
      })
    })

    test('listing shows sizes and times, and no deleted objects', async () => {
      const before = Date.now()
      await Promise.all(Array.from({ length: 30 }, (_, index) => put(`listed/${index}`, 'x'.repeat(index))))
      await store.delete(['listed/7', 'listed/7'])
      const { objects, more } = await store.list('listed/', { limit: 1_000 })
      expect(more).toBe(false)
      expect(objects.length).toBe(29)
      for (const { name, size, modifiedMs } of objects) {
        expect(size).toBe(Number(name.slice('listed/'.length)))
        expect(modifiedMs).toBeGreaterThan(before - 2_000)
        expect(modifiedMs).toBeLessThan(Date.now() + 2_000)
      }
      expect(await store.list('listed/none', { limit: 10 })).toEqual({ objects: [], more: false })
    })

    describe('copy', () => {
      test.each([10, 9 * mb])('%d bytes, with their content type', async (size) => {
        const bytes = randomBytes(size)
        await store.put('copy/from', inChunks(bytes), { contentType: 'text/x-copied' })
        await put('copy/to', 'something else')
        expect(await store.copy('copy/from', 'copy/to')).toBe(true)
        await store.delete(['copy/from'])
        const stat = { name: 'copy/to', size, md5: md5Of(bytes), contentType: 'text/x-copied' }
        expect(await store.stat('copy/to')).toMatchObject(stat)
        expect(md5Of((await read('copy/to'))!)).toBe(stat.md5)
        expect(await store.copy('copy/to', 'copy/to')).toBe(true)
        expect(await store.stat('copy/to')).toMatchObject(stat)
        expect(md5Of((await read('copy/to'))!)).toBe(stat.md5)
      })

      test('of nothing changes nothing', async () => {
        await put('copy/kept', 'kept')
        expect(await store.copy('copy/nothing', 'copy/kept')).toBe(false)
        expect(await readText('copy/kept')).toBe('kept')
      })
    })

    test('deletes any number of names', async () => {
      const names = Array.from({ length: 1_203 }, (_, index) => `many/${index % 7}/${index}`)
      await Promise.all(names.slice(0, 300).map((name) => put(name, 'x')))
      await put('many/kept', 'x')
      await store.delete(names)
      expect(await namesOf(store, 'many/', 1_000)).toEqual(['many/kept'])
      await store.delete([])
    }, 60_000)

    describe('nobody sees a part', () => {
      test.each([
        ['small', 300_000],
        ['large', 6 * mb],
      ])(
        'readers of a %s object during 20 overwrites get the old or the new one',
        async (_, size) => {
          const name = `overwritten/${size}`
          const version = (n: number) => Buffer.alloc(size + n, n)
          const md5s = Array.from({ length: 21 }, (_, n) => md5Of(version(n)))
          await put(name, version(0))
          let writing = true
          let reads = 0
          const reader = async () => {
            while (writing) {
              const got = await store.get(name)
              const bytes = await allOf(got!.body)
              const n = bytes.length - size
              expect(n).toBeWithin(0, 21)
              expect(md5Of(bytes)).toBe(md5s[n]!)
              expect(got?.stat).toMatchObject({ size: bytes.length, md5: md5s[n] })
              const stat = await store.stat(name)
              expect(stat?.md5).toBe(md5s[(stat?.size ?? 0) - size]!)
              reads++
            }
          }
          const readers = Promise.all([reader(), reader()])
          for (let n = 1; n <= 20; n++) await put(name, version(n))
          writing = false
          await readers
          expect(reads).toBeGreaterThan(2)
          expect((await store.stat(name))?.size).toBe(size + 20)
        },
        60_000,
      )

      async function* breaking(bytes: number): AsyncGenerator<Uint8Array> {
        yield* inChunks(Buffer.alloc(bytes))
        throw new Error('the client went away')
      }

      test.each([0, 100_000, 20 * mb])('a body that breaks after %d bytes leaves what was there', async (bytes) => {
        const own = await fresh()
        await own.put('broken', inChunks(Buffer.from('old')))
        await expect(own.put('broken', breaking(bytes))).rejects.toThrow('the client went away')
        await expect(own.put('new', breaking(bytes), { size: bytes + 1 })).rejects.toThrow('the client went away')
        expect(await namesOf(own, '', 10)).toEqual(['broken'])
        expect((await allOf((await own.get('broken'))!.body)).toString()).toBe('old')
        expect((await own.stat('broken'))?.md5).toBe(md5Of(Buffer.from('old')))
        expect(await own.sweepAbandoned(0)).toBe(0)
      })

      test.each([0, 100_000, 20 * mb])('an object of %d bytes that is not accepted is not there', async (bytes) => {
        const own = await fresh()
        await own.put('refused', inChunks(Buffer.from('old')))
        const accept = () => {
          throw new Error('md5 differs')
        }
        await expect(own.put('refused', inChunks(Buffer.alloc(bytes)), { accept })).rejects.toThrow('md5 differs')
        await expect(own.put('new', inChunks(Buffer.alloc(bytes)), { accept })).rejects.toThrow('md5 differs')
        expect(await namesOf(own, '', 10)).toEqual(['refused'])
        expect((await allOf((await own.get('refused'))!.body)).toString()).toBe('old')
        expect(await own.sweepAbandoned(0)).toBe(0)
      })

      test('a body is let go when the put fails', async () => {
        let ended = false
        async function* body() {
          try {
            for (;;) yield Buffer.alloc(mb)
          } finally {
            ended = true
          }
        }
        const accept = () => {
          throw new Error('never called')
        }
        let given = 0
        async function* limited() {
          for await (const chunk of body()) {
            if (++given === 12) throw new Error('enough')
            yield chunk
          }
        }
        await expect(store.put('endless', limited(), { accept })).rejects.toThrow('enough')
        expect(ended).toBe(true)
      })

      test('sweeping leaves a write that runs', async () => {
        const gate = Promise.withResolvers<void>()
        async function* waiting() {
          yield* inChunks(Buffer.alloc(20 * mb, 'a'))
          await gate.promise
          yield Buffer.from('end')
        }
        const written = store.put('slow', waiting())
        await Bun.sleep(300)
        expect(await store.stat('slow')).toBeUndefined()
        expect(await store.sweepAbandoned(60_000)).toBe(0)
        gate.resolve()
        expect((await written).size).toBe(20 * mb + 3)
        expect((await store.stat('slow'))?.size).toBe(20 * mb + 3)
      })
    })

    describe('keeps within its means', () => {
      // In a process of its own: how far a heap grows before it is swept depends on all that lives in it.
      test('memory does not grow with the size, neither of what is written nor of what is read', async () => {
        const script = fileURLToPath(new URL('objects-memory.ts', import.meta.url))
        const { stdout, stderr } = await run(process.execPath, [script, await newUrl()])
        expect(stderr).toBe('')
        const growth = JSON.parse(stdout) as Record<string, number>
        expect(Object.keys(growth)).toEqual(['writing', 'reading', 'readingSlowly'])
        for (const megabytes of Object.values(growth)) expect(megabytes).toBeLessThan(64)
      }, 60_000)

      test('a slow writer is waited for, a fast one held back', async () => {
        let given = 0
        async function* counted() {
          for await (const chunk of repeatedly(64)) {
            given += chunk.length
            yield chunk
          }
        }
        const written = store.put('memory/fast', counted())
        await Bun.sleep(0)
        expect(given).toBeLessThan(40 * mb)
        expect((await written).size).toBe(64 * mb)
      })

      test('16 writers and readers at the same time', async () => {
        const work = async (index: number) => {
          const bytes = randomBytes(200_000 + index * 900_000)
          const name = `crowd/${index % 4}/${index}`
          for (let round = 0; round < 3; round++) {
            expect((await put(name, bytes)).md5).toBe(md5Of(bytes))
            expect(md5Of((await read(name))!)).toBe(md5Of(bytes))
            await store.delete([name])
            expect(await store.stat(name)).toBeUndefined()
          }
        }
        await Promise.all(Array.from({ length: 16 }, (_, index) => work(index)))
        expect(await namesOf(store, 'crowd/', 100)).toEqual([])
      }, 60_000)

      test('1,000 readers that go away leave nothing open', async () => {
        const handles = () => readdirSync('/proc/self/fd').length
        await put('cancelled', Buffer.alloc(3 * mb))
        const readers = async (count: number) => {
          for (let index = 0; index < count; index++) {
            const got = await store.get('cancelled')
            const reader = got!.body.getReader()
            if (index % 2 === 0) await reader.read()
            await reader.cancel()
          }
        }
        await readers(20)
        const before = handles()
        await Promise.all(Array.from({ length: 10 }, () => readers(100)))
        for (let attempt = 0; handles() > before + 12 && attempt < 100; attempt++) await Bun.sleep(50)
        expect(handles()).toBeLessThanOrEqual(before + 12)
      }, 60_000)
    })

    test('ping answers, and shows in no listing', async () => {
      const own = await fresh()
      await own.ping()
      expect(await own.list('', { limit: 10 })).toEqual({ objects: [], more: false })
    })
  })
}
