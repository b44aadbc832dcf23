import { describe, expect, test } from 'bun:test'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { writeZip, type ZipEntry, type ZipFile, zipLength } from './zip-writer.ts'

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

const pageBytes = 4096
const zeroPage = Buffer.alloc(pageBytes)

/** Writes to a file, leaving holes where there are only zeros, so that sizes over 4 GiB cost little. */
async function write(bytes: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const handle = openSync(path, 'w')
  let position = 0
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; at += pageBytes) {
      const page = chunk.subarray(at, at + pageBytes)
      if (!zeroPage.subarray(0, page.length).equals(page)) writeSync(handle, page, 0, page.length, position + at)
    }
    position += chunk.length
  }
  closeSync(handle)
  return position
}

/** Fails where the length is not known. */
function lengthOf(entries: readonly ZipEntry[]): number {
  return zipLength(entries) ?? Number.NaN
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'zip-test-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** What Info-ZIP says of an archive; its absence is a failure in CI and a loud skip elsewhere. */
const hasUnzip = await run('unzip', ['-v']).then(
  () => true,
  () => false,
)
if (!hasUnzip && process.env['CI']) throw new Error('unzip is missing: install the package unzip')
if (!hasUnzip) console.warn('SKIPPED: archives are not checked by unzip, since it is not installed (package unzip)')
const withUnzip = hasUnzip ? test : test.skip
const unzip = (...args: string[]) => run('unzip', args, { maxBuffer: 1 << 26 })

describe('writeZip()', () => {
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
      expect(await write(writeZip(entries), path)).toBe(lengthOf(entries))
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
      expect(await write(writeZip([]), path)).toBe(22)
      await expect(unzip('-t', path)).rejects.toMatchObject({ stdout: expect.stringContaining('zipfile is empty') })
    }),
  )

  withUnzip(
    'counts more than 65,535 entries',
    () =>
      inFolder(async (folder) => {
        const entries = Array.from({ length: 65_600 }, (_, i) => file(`d/${i}`, 'x'))
        const path = join(folder, 'many.zip')
        expect(await write(writeZip(entries), path)).toBe(lengthOf(entries))
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
        expect(await write(writeZip(entries), path)).toBe(lengthOf(entries))
        // All of it would take half a minute: what stands in front and behind, and the size, prove its places.
        expect((await unzip('-t', path, 'a', 'z')).stdout).toContain('No errors detected')
        expect((await unzip('-p', path, 'z')).stdout).toBe('far')
        expect((await unzip('-Zm', path)).stdout).toContain(`${large.size}`)
      }),
    60_000,
  )

  test('reads no further than it is read, one file at a time', async () => {
    const [first, second] = [source(4, new Uint8Array(100_000)), source(4, new Uint8Array(100_000))]
    const bytes = writeZip([
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
    const all = Array.fromAsync(writeZip([entry]))
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
      for await (const chunk of writeZip(entries)) length += chunk.length
      expect(zipLength(entries)).toBe(length)
    }),
    { numRuns: 50 },
  )
})

/**
 * Local header, bytes, five for each block of them, descriptor, central header, ZIP64 end, end; the path has one byte and
 * times have nine.
 */
test.each<[number, readonly number[]]>([
  [0, [30 + 1 + 9, 0, 5, 16, 46 + 1 + 9, 22]],
  [65_535, [30 + 1 + 9, 65_535, 5, 16, 46 + 1 + 9, 22]],
  [65_536, [30 + 1 + 9, 65_536, 10, 16, 46 + 1 + 9, 22]],
  // The packed bytes are 0xffff_fffe, then 0xffff_ffff.
  [4_294_639_629, [30 + 1 + 9, 4_294_639_629, 5 * 65_533, 16, 46 + 1 + 9, 76, 22]],
  [4_294_639_630, [30 + 1 + 9 + 20, 4_294_639_630, 5 * 65_533, 24, 46 + 1 + 9 + 20, 76, 22]],
])('the length of a file of %d bytes', (size, parts) => {
  const sum = parts.reduce((total, part) => total + part, 0)
  expect(zipLength([{ kind: 'file', path: 'a', size }])).toBe(sum)
})

test.each<[string, Partial<ZipEntry>]>([
  ['compressed', { level: 1 }],
  ['of unknown size', { size: undefined }],
])('the length is not known before for an entry %s', (_name, given) => {
  expect(zipLength([file('a', 'a'), { ...file('b', 'b'), ...given } as ZipEntry])).toBeUndefined()
})

/** What is packed in each way, with names that only UTF-8 has. */
async function samples(): Promise<readonly ZipEntry[]> {
  const long = 'The same again. '.repeat(20_000)
  return [
    directory('all/'),
    file('all/e\u0301 😀.txt', 'hello'),
    file('all/empty', ''),
    file('all/block', 'x'.repeat(65_535)),
    file('all/blocks', 'y'.repeat(200_000)),
    { ...(file('all/packed', long) as ZipFile), level: 1 },
    { ...(file('all/packed and empty', '') as ZipFile), level: 1 },
    { ...(file('all/of unknown size', long) as ZipFile), size: undefined },
    { ...(file('all/packed, of unknown size', long) as ZipFile), size: undefined, level: 1 },
    { ...(file('all/program', '#!') as ZipFile), mode: 0o755 },
  ]
}

/** Path, size and md5 of every file, one a line, as the readers below print them. */
async function expectedLines(entries: readonly ZipEntry[]): Promise<string> {
  const lines = entries.map(async (entry) => {
    if (entry.kind === 'directory') return `${entry.path} 0 d41d8cd98f00b204e9800998ecf8427e`
    const bytes = Buffer.concat(await Array.fromAsync((await entry.open()) as AsyncIterable<Uint8Array>))
    return `${entry.path} ${bytes.length} ${createHash('md5').update(bytes).digest('hex')}`
  })
  return `${(await Promise.all(lines)).join('\n')}\n`
}

const readers = {
  java: `import java.io.*; import java.math.*; import java.security.*; import java.util.zip.*;
class Read { public static void main(String[] args) throws Exception {
  PrintStream out = new PrintStream(System.out, true, "UTF-8");
  ZipInputStream in = new ZipInputStream(new BufferedInputStream(new FileInputStream(args[0])));
  byte[] buffer = new byte[65536];
  for (ZipEntry e; (e = in.getNextEntry()) != null; ) {
    MessageDigest md5 = MessageDigest.getInstance("MD5"); long size = 0;
    for (int n; (n = in.read(buffer)) > 0; size += n) md5.update(buffer, 0, n);
    out.print(e.getName() + " " + size + " " + String.format("%032x", new BigInteger(1, md5.digest())) + "\\n");
  } } }`,
  python3: `import hashlib, sys, zipfile
sys.stdout.reconfigure(encoding='utf-8')
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
for i in z.infolist():
    b = z.read(i)
    print(i.filename, len(b), hashlib.md5(b).hexdigest())`,
} as const

for (const [program, source] of Object.entries(readers)) {
  const there = await run(program, [program === 'java' ? '-version' : '--version']).then(
    () => true,
    () => false,
  )
  if (!there) console.warn(`SKIPPED: archives are not read by ${program}, since it is not installed`)
  const how = program === 'java' ? 'as a stream, by ZipInputStream of Java' : 'by zipfile of Python'
  const withProgram = there ? test : test.skip
  withProgram(
    `archives are read ${how}`,
    () =>
      inFolder(async (folder) => {
        const [script, path] = [join(folder, program === 'java' ? 'Read.java' : 'read.py'), join(folder, 'a.zip')]
        await writeFile(script, source)
        await write(writeZip(await samples()), path)
        expect((await run(program, [script, path])).stdout).toBe(await expectedLines(await samples()))
      }),
    60_000,
  )
}

withUnzip('modes and dates are those of the entries, whatever the level', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'a.zip')
    await write(writeZip(await samples()), path)
    expect((await unzip('-t', path)).stdout).toContain('No errors detected')
    await run('unzip', ['-q', path, '-d', folder], { env: { ...process.env, LC_ALL: 'C.UTF-8' } })
    for (const [name, mode] of [
      ['program', 0o755],
      ['packed', 0o644],
    ] as const) {
      const extracted = await stat(join(folder, 'all', name))
      expect([name, extracted.mtimeMs, extracted.mode & 0o777]).toEqual([name, at, mode])
    }
  }),
)

test('equal entries give equal bytes, however their content comes in pieces', async () => {
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * n) % 251))
  const inPieces = async (size: number, level: 0 | 1) => {
    async function* pieces() {
      for (let from = 0; from < content.length; from += size) yield content.subarray(from, from + size)
    }
    const entry = { ...(file('a', '') as ZipFile), size: content.length, level, open: async () => pieces() }
    return createHash('md5')
      .update(Buffer.concat(await Array.fromAsync(writeZip([entry]))))
      .digest('hex')
  }
  for (const level of [0, 1] as const) {
    const sums = await Promise.all([1_000, 65_535, 100_001, 300_000].map((size) => inPieces(size, level)))
    expect(new Set(sums).size).toBe(1)
  }
})

test('an entry of unknown size may not need 64 bits', async () => {
  const zeros = new Uint8Array(1 << 24)
  const entry = { ...(file('a', '') as ZipFile), ...source(256, zeros), size: undefined }
  const read = async () => {
    for await (const _ of writeZip([entry])) {
      // Only the end matters.
    }
  }
  await expect(read()).rejects.toThrow('too large')
}, 60_000)
