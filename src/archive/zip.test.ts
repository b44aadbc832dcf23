import { describe, expect, test } from 'bun:test'
import { execFile } from 'node:child_process'
import { mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { type ZipEntry, zip, zipLength } from './zip.ts'

const at = Date.UTC(2024, 1, 29, 12, 34, 56)
const run = promisify(execFile)

/** A stream that tells how far it was read and whether it was cancelled. */
function source(chunks: number, chunk: Uint8Array) {
  const seen = { opened: 0, read: 0, cancelled: 0 }
  const open = async () => {
    seen.opened += 1
    let left = chunks
    return new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (left-- === 0) return controller.close()
          seen.read += 1
          controller.enqueue(chunk)
        },
        cancel() {
          seen.cancelled += 1
        },
      },
      { highWaterMark: 0 },
    )
  }
  return { seen, open, size: chunks * chunk.length }
}

const directory = (path: string): ZipEntry => ({ kind: 'directory', path, modifiedMs: at })

function file(path: string, text: string): ZipEntry {
  const bytes = Buffer.from(text)
  return { kind: 'file', path, modifiedMs: at, size: bytes.length, open: source(1, bytes).open }
}

/** Writes to a file, leaving holes where there are only zeros, so that sizes over 4 GiB cost nothing. */
async function write(bytes: AsyncIterable<Uint8Array>, zeros: Uint8Array, path: string): Promise<number> {
  const handle = await open(path, 'w')
  let position = 0
  for await (const chunk of bytes) {
    if (chunk.buffer !== zeros.buffer) await handle.write(chunk, 0, chunk.length, position)
    position += chunk.length
  }
  await handle.close()
  return position
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'zip-test-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const noZeros = new Uint8Array(0)

/** What Info-ZIP says of an archive; its absence is a failure in CI and a loud skip elsewhere. */
const hasUnzip = await run('unzip', ['-v']).then(
  () => true,
  () => false,
)
if (!hasUnzip && process.env['CI']) throw new Error('unzip is missing: install the package unzip')
if (!hasUnzip) console.warn('SKIPPED: archives are not checked by unzip, since it is not installed (package unzip)')
const withUnzip = hasUnzip ? test : test.skip
const unzip = (...args: string[]) => run('unzip', args, { maxBuffer: 1 << 26 })

describe('zip()', () => {
  withUnzip('holds names, bytes, empty files and folders, and dates', () =>
    inFolder(async (folder) => {
      const long = 'x'.repeat(200_000)
      const entries = [
        directory('all/'),
        directory('all/Été 2024/'),
        file('all/Été 2024/日本 😀.txt', 'hello'),
        file('all/e\u0301.txt', 'NFD'),
        file('all/\u00e9.txt', 'NFC'),
        file('all/empty', ''),
        file('all/long', long),
      ]
      const path = join(folder, 'a.zip')
      expect(await write(zip(entries), noZeros, path)).toBe(zipLength(entries))
      expect((await unzip('-t', path)).stdout).toContain('No errors detected')
      await run('unzip', ['-q', path, '-d', folder], { env: { ...process.env, LC_ALL: 'C.UTF-8' } })
      expect((await readdir(join(folder, 'all'))).sort()).toEqual(
        ['e\u0301.txt', 'empty', 'long', 'Été 2024', '\u00e9.txt'].sort(),
      )
      expect(await readFile(join(folder, 'all/Été 2024/日本 😀.txt'), 'utf8')).toBe('hello')
      expect(await readFile(join(folder, 'all/e\u0301.txt'), 'utf8')).toBe('NFD')
      expect(await readFile(join(folder, 'all/long'), 'utf8')).toBe(long)
      const extracted = await stat(join(folder, 'all/empty'))
      expect([extracted.size, extracted.mtimeMs, extracted.mode & 0o777]).toEqual([0, at, 0o644])
    }),
  )

  withUnzip('without entries is an empty archive', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'none.zip')
      expect(await write(zip([]), noZeros, path)).toBe(22)
      await expect(unzip('-t', path)).rejects.toMatchObject({ stdout: expect.stringContaining('zipfile is empty') })
    }),
  )

  withUnzip(
    'counts more than 65,535 entries',
    () =>
      inFolder(async (folder) => {
        const entries = Array.from({ length: 65_600 }, (_, i) => file(`d/${i}`, 'x'))
        const path = join(folder, 'many.zip')
        expect(await write(zip(entries), noZeros, path)).toBe(zipLength(entries))
        expect((await unzip('-t', path)).stdout).toContain('No errors detected')
      }),
    30_000,
  )

  withUnzip(
    'holds files over 4 GiB, and files behind them',
    () =>
      inFolder(async (folder) => {
        const zeros = new Uint8Array(1 << 22)
        const large = source(1026, zeros)
        const entries = [file('a', 'a'), { ...directory('large'), kind: 'file' as const, ...large }, file('z', 'far')]
        const path = join(folder, 'large.zip')
        expect(await write(zip(entries), zeros, path)).toBe(zipLength(entries))
        // All of it would take half a minute: what stands in front and behind, and the size, prove its places.
        expect((await unzip('-t', path, 'a', 'z')).stdout).toContain('No errors detected')
        expect((await unzip('-p', path, 'z')).stdout).toBe('far')
        expect((await unzip('-Zm', path)).stdout).toContain(`${large.size}`)
      }),
    60_000,
  )

  test('reads no further than it is read, one file at a time', async () => {
    const [first, second] = [source(4, new Uint8Array(100_000)), source(4, new Uint8Array(100_000))]
    const bytes = zip([
      { kind: 'file', path: 'a', modifiedMs: at, ...first },
      { kind: 'file', path: 'b', modifiedMs: at, ...second },
    ])
    for (let i = 0; i < 3; i++) await bytes.next()
    expect(first.seen).toEqual({ opened: 1, read: 2, cancelled: 0 })
    expect(second.seen.opened).toBe(0)
    await bytes.return()
    expect(first.seen.cancelled).toBe(1)
    expect(second.seen.opened).toBe(0)
  })

  test.each<[string, Partial<ZipEntry>]>([
    ['shorter than it said', { size: 11 }],
    ['longer than it said', { size: 9 }],
    ['gone', { open: () => Promise.reject(new Error('file does not exist')) }],
    [
      'cut short',
      {
        open: async () =>
          new ReadableStream<Uint8Array>({ start: (controller) => controller.error(new Error('the store is gone')) }),
      },
    ],
  ])('fails for a file that is %s', async (_name, wrong) => {
    const entry = { ...file('a', '0123456789'), ...wrong } as ZipEntry
    const all = Array.fromAsync(zip([entry]))
    await expect(all).rejects.toThrow()
  })
})

test('the length is known before', async () => {
  const paths = fc.array(
    fc.tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), fc.boolean(), fc.string()),
  )
  await fc.assert(
    fc.asyncProperty(paths, async (given) => {
      const entries = given.map(([path, isFile, text]) => (isFile ? file(path, text) : directory(`${path}/`)))
      let length = 0
      for await (const chunk of zip(entries)) length += chunk.length
      expect(zipLength(entries)).toBe(length)
    }),
    { numRuns: 50 },
  )
})

/** Local header, bytes, descriptor, central header, ZIP64 end, end; the path has one byte and times have nine. */
test.each<[number, readonly number[]]>([
  [0xffff_fffe, [30 + 1 + 9, 0xffff_fffe, 16, 46 + 1 + 9, 76, 22]],
  [0xffff_ffff, [30 + 1 + 9 + 20, 0xffff_ffff, 24, 46 + 1 + 9 + 20, 76, 22]],
])('the length of a file of %d bytes', (size, parts) => {
  const sum = parts.reduce((total, part) => total + part, 0)
  expect(zipLength([{ kind: 'file', path: 'a', size }])).toBe(sum)
})
