import { describe, expect, test } from 'bun:test'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type ReadEntry, readZip } from './zip-reader.ts'
import { openZipFile, type ZipSource } from './zip-source.ts'
import { writeZip, type ZipEntry, type ZipFile } from './zip-writer.ts'

const at = Date.UTC(2024, 1, 29, 12, 34, 56)
const centralMark = Buffer.from('PK\x01\x02', 'latin1')
const limits = { maxEntries: 1_000, maxBytes: 1 << 30 }

function file(path: string, text: string, more: Partial<ZipFile> = {}): ZipFile {
  const bytes = Buffer.from(text)
  const open = async () => new Blob([bytes]).stream()
  return { kind: 'file', path, modifiedMs: at, size: bytes.length, open, ...more }
}

async function bytesOf(entries: readonly ZipEntry[]): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(writeZip(entries)))
}

function sourceOf(bytes: Uint8Array): ZipSource {
  return { size: bytes.length, read: async (start, length) => bytes.slice(start, start + length) }
}

async function textsOf(bytes: Uint8Array, given = limits): Promise<Record<string, string | undefined>> {
  const texts: Record<string, string | undefined> = {}
  for (const entry of await readZip(sourceOf(bytes), given)) {
    texts[entry.path] = entry.kind === 'file' ? await textOf(entry) : undefined
  }
  return texts
}

async function textOf(entry: ReadEntry | undefined): Promise<string> {
  return Buffer.concat(entry === undefined ? [] : await Array.fromAsync(entry.open())).toString()
}

/** All places of `from` replaced by `to`, which is as long. */
function replaced(bytes: Buffer, from: string, to: string): Buffer {
  return Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1')
}

describe('an archive of ours', () => {
  const long = 'again and again '.repeat(20_000)

  test('is read as it was written, in every way of packing', async () => {
    const entries: ZipEntry[] = [
      { kind: 'directory', path: 'a/', modifiedMs: at, mode: 0o700 },
      file('a/é 😀', 'stored'),
      file('a/empty', ''),
      file('a/packed', long, { level: 1, mode: 0o755 }),
      file('a/unknown', long, { size: undefined, level: 1 }),
      file('a/blocks', 'x'.repeat(200_000)),
    ]
    const bytes = await bytesOf(entries)
    expect(await textsOf(bytes)).toEqual({
      'a/': undefined,
      'a/é 😀': 'stored',
      'a/empty': '',
      'a/packed': long,
      'a/unknown': long,
      'a/blocks': 'x'.repeat(200_000),
    })
    const read = await readZip(sourceOf(bytes), limits)
    expect(read.map(({ mode, modifiedMs, size }) => [mode?.toString(8), modifiedMs, size])).toEqual([
      ['700', at, 0],
      ['644', at, 6],
      ['644', at, 0],
      ['755', at, long.length],
      ['644', at, long.length],
      ['644', at, 200_000],
    ])
  })

  test('may have no entries', async () => expect(await textsOf(await bytesOf([]))).toEqual({}))

  test('is read from a file, its entries in any order and more than once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'zip-reader-'))
    try {
      const path = join(folder, 'a.zip')
      await writeFile(path, await bytesOf([file('a', 'first'), file('b', 'second', { level: 1 })]))
      const source = await openZipFile(path)
      const [a, b] = await readZip(source, limits)
      for (const entry of [b, a, b]) expect(await textOf(entry)).toBe(entry === a ? 'first' : 'second')
      await source.close()
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('is read no further than it is asked for', async () => {
    const bytes = await bytesOf([file('a', 'x'.repeat(8 << 20))])
    let read = 0
    const source = {
      size: bytes.length,
      async read(start: number, length: number) {
        read += length
        return bytes.subarray(start, start + length)
      },
    }
    const [entry] = await readZip(source, limits)
    const stream = entry?.open()
    await stream?.next()
    expect(read).toBeLessThan(2 << 20)
    await stream?.return()
  })
})

test('a source that fails is not the fault of the archive', async () => {
  const bytes = await bytesOf([file('a', 'x'.repeat(1 << 20))])
  let broken = false
  const source: ZipSource = {
    size: bytes.length,
    async read(start, length) {
      if (broken) throw new Error('the disk is gone')
      return bytes.subarray(start, start + length)
    },
  }
  const [entry] = await readZip(source, limits)
  broken = true
  await expect(textOf(entry)).rejects.toThrow('the disk is gone')
  await expect(readZip(source, limits)).rejects.toThrow('the disk is gone')
})

describe('an archive is refused', () => {
  test.each<[string, () => Promise<Uint8Array> | Uint8Array, string]>([
    ['that is not a zip', () => Buffer.from('no zip at all'), 'damaged'],
    ['without a byte', () => Buffer.alloc(0), 'damaged'],
    ['that was cut short', async () => (await bytesOf([file('a', 'text')])).subarray(0, -1), 'damaged'],
    [
      'with something in front',
      async () => Buffer.concat([Buffer.from('#!'), await bytesOf([file('a', 'x')])]),
      'damaged',
    ],
    ['with a path upwards', () => bytesOf([file('a/../../b', 'x')]), 'leads elsewhere|damaged'],
    ['with an absolute path', () => bytesOf([file('/etc/passwd', 'x')]), 'leads elsewhere|damaged'],
    ['with an empty name', () => bytesOf([file('a//b', 'x')]), 'leads elsewhere|damaged'],
    ['with a name of a dot', () => bytesOf([file('a/./b', 'x')]), 'leads elsewhere|damaged'],
    ['with a zero byte in a path', () => bytesOf([file('a\0b', 'x')]), 'leads elsewhere|damaged'],
    ['with a path that is too long', () => bytesOf([file('x'.repeat(5_000), 'x')]), 'leads elsewhere'],
    ['with two entries of one path', () => bytesOf([file('a', 'x'), file('a', 'y')]), 'two entries|damaged'],
    [
      'with a file and a directory of one path',
      () => bytesOf([file('a', 'x'), { kind: 'directory', path: 'a/', modifiedMs: at }]),
      'two entries|damaged',
    ],
    ['with a file that is a directory too', () => bytesOf([file('a', 'x'), file('a/b', 'y')]), 'directory too|damaged'],
    [
      'with a symbolic link',
      () => bytesOf([file('a', '/etc/passwd', { mode: 0o20777 })]).then(asLink),
      'link or a special',
    ],
    [
      'with another name in front of the bytes than in the directory',
      async () => {
        const bytes = await bytesOf([file('aaaa', 'x')])
        bytes.write('bbbb', bytes.indexOf('aaaa'))
        return bytes
      },
      'damaged',
    ],
    [
      'with a method that nobody asked for',
      async () => {
        const bytes = await bytesOf([file('a', 'x')])
        const central = bytes.indexOf('PK\x01\x02', 'latin1')
        bytes.writeUInt16LE(14, central + 10)
        bytes.writeUInt16LE(14, 8)
        return bytes
      },
      'compression method|damaged',
    ],
  ])('%s', async (_name, make, reason) => {
    const error = await textsOf(await make()).catch((thrown) => thrown)
    expect(error).toMatchObject({
      status: 400,
      reason: expect.stringMatching(new RegExp(`^The archive .*(${reason})`)),
    })
  })

  test.each<[string, Partial<typeof limits>, string]>([
    ['with more entries than allowed', { maxEntries: 2 }, 'more than 2 entries'],
    ['with more bytes than allowed', { maxBytes: 8 }, 'more than 8 bytes'],
  ])('%s', async (_name, less, reason) => {
    const bytes = await bytesOf([file('a', '123'), file('b', '123'), file('c', '123')])
    await expect(textsOf(bytes, { ...limits, ...less })).rejects.toMatchObject({
      status: 400,
      reason: expect.stringContaining(reason),
    })
    expect(Object.keys(await textsOf(bytes, { maxEntries: 3, maxBytes: 9 }))).toEqual(['a', 'b', 'c'])
  })

  test('whose entries share their bytes', async () => {
    const bytes = await bytesOf([file('a', 'x'.repeat(100)), file('b', 'x'.repeat(100))])
    const central = bytes.lastIndexOf(centralMark)
    // The second entry begins where the first one does.
    bytes.writeUInt32LE(0, central + 42)
    await expect(textsOf(bytes)).rejects.toMatchObject({ status: 400 })
  })

  test.each([0, 1] as const)('when it is read, where a byte was changed, level %d', async (level) => {
    const text = 'the content of a file, long enough to be packed and to be found again'
    const bytes = await bytesOf([file('a', text, { level })])
    const changed = level === 0 ? replaced(bytes, 'content', 'CONTENT') : Buffer.from(bytes)
    if (level === 1) changed[bytes.indexOf('a', 30) + 20] = (changed[bytes.indexOf('a', 30) + 20] ?? 0) ^ 0x55
    await expect(textsOf(changed)).rejects.toMatchObject({ status: 400 })
  })

  test.each([10, 1_000_000])('when it is read, where a file has not the %d bytes that it says', async (size) => {
    const bytes = await bytesOf([file('a', 'x'.repeat(1_000), { level: 1 })])
    const central = bytes.lastIndexOf(centralMark)
    bytes.writeUInt32LE(size, central + 24)
    const descriptor = bytes.indexOf('PK\x07\x08', 'latin1')
    bytes.writeUInt32LE(size, descriptor + 12)
    await expect(textsOf(bytes)).rejects.toMatchObject({ status: 400 })
  })
})

/** Says in the directory that the file is a symbolic link. */
function asLink(bytes: Buffer): Buffer {
  const central = bytes.lastIndexOf(centralMark)
  bytes.writeUInt16LE(0o120777, central + 40)
  return bytes
}

test('one changed byte anywhere gives the same content or a refusal, never anything else', async () => {
  const bytes = await bytesOf([
    { kind: 'directory', path: 'd/', modifiedMs: at },
    file('d/a', 'some text'),
    file('d/b', 'again '.repeat(100), { level: 1 }),
  ])
  const contents = Object.values(await textsOf(bytes))
  for (let place = 0; place < bytes.length; place++) {
    for (const bit of [1, 0x80]) {
      const changed = Buffer.from(bytes)
      changed[place] = (changed[place] ?? 0) ^ bit
      const read = await textsOf(changed).catch((error) => error)
      if (read instanceof Error) expect([place, (read as { status?: number }).status]).toEqual([place, 400])
      else expect([place, Object.values(read).filter(Boolean)]).toEqual([place, contents.filter(Boolean)])
    }
  }
})

const run = promisify(execFile)
const hasPython = await run('python3', ['--version']).then(
  () => true,
  () => false,
)
if (!hasPython) console.warn('SKIPPED: archives of Python are not read, since it is not installed')
const withPython = hasPython ? test : test.skip

withPython('an archive that Python made is read, packed and stored', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zip-reader-'))
  try {
    const path = join(folder, 'a.zip')
    const script = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as z:
    z.writestr('d/', '')
    z.writestr('d/stored', 'as it is')
    z.writestr('d/packed é', 'again ' * 10000, zipfile.ZIP_DEFLATED)`
    await run('python3', ['-c', script, path])
    const source = await openZipFile(path)
    const texts: Record<string, number> = {}
    for (const entry of await readZip(source, limits)) {
      if (entry.kind === 'file') texts[entry.path] = (await textOf(entry)).length
    }
    await source.close()
    expect(texts).toEqual({ 'd/stored': 8, 'd/packed é': 60_000 })
  } finally {
    await rm(folder, { recursive: true })
  }
})
