import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { packTar, unpackTar } from 'modern-tar'
import type {
  FilledObjects,
  FillStore,
  SavedObjects,
  StoreContents,
  StoreSnapshot,
} from '../../storage/backup/contract.ts'
import { StartupError } from '../model/startup-error.ts'
import { formatVersion, type Manifest, maxPartBytes } from './format.ts'
import { restoreBackup } from './restore.ts'
import { writeBackup } from './write.ts'

const schema = 3

/** A store of bytes that it does not look into. */
function snapshotOf(data: Readonly<Record<string, readonly Uint8Array[]>>): StoreSnapshot {
  const contents: StoreContents = {
    postgres: '15.1',
    schema,
    last_database: '9223372036854775807',
    tables: Object.keys(data).map((name) => ({ name, columns: ['db', 'id'], rows: data[name]?.length ?? 0 })),
    databases: [{ db: '7', prefix: 'a', name: 'b/ü', update_seq: '5', doc_count: '3', deleted_count: '1' }],
  }
  return {
    contents,
    revisions: async () => ({ docs: '-12345678901234567890' }),
    async *read({ name }) {
      yield* data[name] ?? []
    },
  }
}

interface Filled {
  readonly tables: Record<string, Uint8Array>
  kept: boolean
}

/** Takes whatever comes and, when asked, says that it holds what `claimed` says. */
function fakeStore(claimed: StoreSnapshot): Filled & { fill: FillStore } {
  const tables: Record<string, Uint8Array> = {}
  const store = {
    tables,
    kept: false,
    fill: (async (_last, work) => {
      const result = await work({
        async load({ name }, data) {
          const chunks: Uint8Array[] = []
          for await (const chunk of data) chunks.push(chunk)
          tables[name] = Buffer.concat(chunks)
        },
        contents: async () => claimed.contents,
        revisions: () => claimed.revisions(),
      })
      store.kept = true
      return result
    }) as FillStore,
  }
  return store
}

/** Objects in memory, in byte order. */
function fakeObjects(
  given: Readonly<Record<string, string | Uint8Array>> = {},
): SavedObjects & FilledObjects & { readonly all: Map<string, Buffer> } {
  const all = new Map(Object.entries(given).map(([name, bytes]) => [name, Buffer.from(bytes)]))
  const facts = (name: string, bytes: Buffer) => ({
    name,
    size: bytes.length,
    md5: createHash('md5').update(bytes).digest('base64'),
    contentType: `text/x-${name.length}`,
    modifiedMs: 1_000,
  })
  return {
    all,
    async list(prefix, { after = '', limit }) {
      const names = [...all.keys()].sort().filter((name) => name.startsWith(prefix) && name > after)
      const page = names.slice(0, limit).map((name) => facts(name, all.get(name) ?? Buffer.alloc(0)))
      return { objects: page, more: names.length > limit }
    },
    async get(name) {
      const bytes = all.get(name)
      return bytes && { stat: facts(name, bytes), body: new Blob([bytes]).stream() as never }
    },
    async put(name, body) {
      const chunks: Uint8Array[] = []
      for await (const chunk of body) chunks.push(chunk)
      all.set(name, Buffer.concat(chunks))
      return facts(name, Buffer.concat(chunks))
    },
    async delete(names) {
      for (const name of names) all.delete(name)
    },
  }
}

const restored = (file: AsyncIterable<Uint8Array>, fill: FillStore, objects = fakeObjects()) =>
  restoreBackup(file, { schema, fill, fillObjects: (work) => work(objects) })

async function saved(snapshot: StoreSnapshot, objects: SavedObjects = fakeObjects()): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  await writeBackup(snapshot, objects, async (bytes) => {
    for await (const chunk of bytes) chunks.push(chunk)
  })
  return Buffer.concat(chunks)
}

async function* inChunks(file: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size)
}

function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const small = snapshotOf({
  databases: [Buffer.from('7\ta\tb\n')],
  empty: [],
  docs: [Buffer.from('7\tone\n'), Buffer.from('7\ttwo\n')],
})

describe('what is saved comes back', () => {
  test.each([0, 1, maxPartBytes - 1, maxPartBytes, maxPartBytes + 1, 3 * maxPartBytes])(
    'a table of %d bytes',
    async (size) => {
      const bytes = noise(size)
      const chunks = [...(await Array.fromAsync(inChunks(bytes, 1_234_567)))]
      const snapshot = snapshotOf({ before: [Buffer.from('x')], docs: chunks, after: [Buffer.from('y')] })
      const store = fakeStore(snapshot)
      await restored(inChunks(await saved(snapshot)), store.fill)
      expect(store.kept).toBe(true)
      expect(Object.keys(store.tables)).toEqual(['before', 'docs', 'after'])
      expect(digest(store.tables['docs'] ?? new Uint8Array(1))).toBe(digest(bytes))
    },
  )

  test('as a tar that anyone can list, parts of 8 MB at most, readable by the owner only', async () => {
    const tar = await unpackTar(gunzipSync(await saved(snapshotOf({ docs: [noise(maxPartBytes + 10)], empty: [] }))))
    expect(tar.map(({ header }) => [header.name, header.mode])).toEqual([
      ['manifest.json', 0o600],
      ['tables/docs/000001.copy', 0o600],
      ['tables/docs/000002.copy', 0o600],
      ['checksum.json', 0o600],
    ])
    expect(tar.map(({ header }) => header.size).slice(1, 3)).toEqual([maxPartBytes, 10])
  })

  const odd = ['a', 'a/b', 'a//b', '/', '..', '../x', './', 'ü %2E?*', '%', '%%2E', '\u{1f600}'.repeat(200), 'x\ny']

  test('objects of any name', async () => {
    const given = Object.fromEntries(odd.map((name, at) => [name, 'z'.repeat(at * 700)]))
    const file = await saved(small, fakeObjects(given))
    const [store, objects] = [fakeStore(small), fakeObjects()]
    await restored(inChunks(file), store.fill, objects)
    expect(store.kept).toBe(true)
    expect(Object.fromEntries([...objects.all].map(([name, bytes]) => [name, bytes.toString()]))).toEqual(given)
    const entries = (await unpackTar(gunzipSync(file)))
      .map(({ header }) => header.name)
      .filter((name) => /^objects/.test(name))
    expect(new Set(entries).size).toBe(odd.length)
    expect(entries.filter((name) => /\/\.*(\/|$)/.test(name))).toEqual([])
  })

  test('objects in front of more than one page, and one of several megabytes', async () => {
    const big = noise(5_000_000)
    const many = Object.fromEntries(Array.from({ length: 1_200 }, (_, at) => [`many/${at}`, `${at}`]))
    const objects = fakeObjects()
    await restored(inChunks(await saved(small, fakeObjects({ big, ...many }))), fakeStore(small).fill, objects)
    expect(objects.all.size).toBe(1_201)
    expect(digest(objects.all.get('big') ?? new Uint8Array(1))).toBe(digest(big))
  })

  test('an object store that holds something is left as it is', async () => {
    const objects = fakeObjects({ mine: 'kept' })
    const store = fakeStore(small)
    const failed = restored(inChunks(await saved(small, fakeObjects({ other: 'x' }))), store.fill, objects)
    await expect(failed).rejects.toThrow('not empty')
    expect([...objects.all.keys()]).toEqual(['mine'])
    expect(store.kept).toBe(false)
  })

  test('in chunks of any size', async () => {
    const file = await saved(small)
    for (const size of [1, 7, file.length]) {
      const store = fakeStore(small)
      await restored(inChunks(file, size), store.fill)
      expect(store.kept).toBe(true)
    }
  })
})

/** Gzip has a few bits that mean nothing, such as the time in its header. */
function meansTheSame(one: Uint8Array, other: Uint8Array): boolean {
  try {
    return gunzipSync(one).equals(gunzipSync(other))
  } catch {
    return false
  }
}

const otherTar = gzipSync(await packTar([{ header: { name: 'a', size: 1 }, body: 'b' }]))
const emptyTar = gzipSync(await packTar([]))

describe('a damaged file is refused and nothing is kept', () => {
  async function refusal(file: Uint8Array, claimed = small): Promise<string> {
    const store = fakeStore(claimed)
    const objects = fakeObjects()
    const error = await restored(inChunks(file), store.fill, objects).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(store.kept).toBe(false)
    expect(objects.all.size).toBe(0)
    expect(error).toBeInstanceOf(StartupError)
    return (error as StartupError).message
  }

  test('cut off anywhere', async () => {
    const file = await saved(small)
    for (let length = 0; length < file.length; length += 7)
      expect(await refusal(file.subarray(0, length))).toMatch(/damaged/)
    expect(await refusal(file.subarray(0, -1))).toMatch(/ends too early/)
  })

  test('a bit flipped anywhere', async () => {
    const file = await saved(small)
    let refused = 0
    for (let bit = 0; bit < file.length * 8; bit += 3) {
      const copy = Buffer.from(file)
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      if (meansTheSame(copy, file)) continue
      await refusal(copy)
      refused++
    }
    expect(refused).toBeGreaterThan(file.length * 2)
  })

  test.each([
    ['an empty file', Buffer.alloc(0), /damaged, or no backup at all/],
    ['another kind of file', Buffer.from('%PDF-1.7 and so on'), /damaged, or no backup at all/],
    ['a gzip of something else', gzipSync('hello '.repeat(300)), /damaged, or no backup at all/],
    ['another tar', otherTar, /not a backup made by/],
    ['an empty tar', emptyTar, /not a backup made by/],
  ])('%s', async (_what, file, message) => {
    expect(await refusal(file)).toMatch(message)
  })

  type Entry = { name: string; text: string }
  const json = (change: (value: Record<string, unknown>) => void) => (entry: Entry) => {
    const value = JSON.parse(entry.text)
    change(value)
    entry.text = JSON.stringify(value)
  }
  const at = (name: string, change: (entry: Entry) => void) => (entries: Entry[]) => {
    for (const entry of entries) if (entry.name === name) change(entry)
    return entries
  }
  const insert = (position: number, entry: Entry) => (entries: Entry[]) => entries.toSpliced(position, 0, entry)

  test.each<[string, (entries: Entry[]) => Entry[], RegExp]>([
    ['other data', at('tables/docs/000001.copy', (e) => (e.text = '7\tone\n7\ttwi\n')), /checksum of the data of docs/],
    ['a table missing', (all) => all.filter(({ name }) => !name.includes('docs')), /checksum of the data of docs/],
    ['a part too many', insert(3, { name: 'tables/docs/000002.copy', text: 'x' }), /checksum of the data of docs/],
    [
      'a part of another number',
      at('tables/docs/000001.copy', (e) => (e.name = 'tables/docs/000002.copy')),
      /where checksum/,
    ],
    ['an unknown entry', insert(3, { name: 'blobs/1', text: 'x' }), /blobs\/1 where checksum.json should be/],
    ['an object too many', insert(3, { name: 'objects/1', text: 'x' }), /number of objects is 1, and should be 0/],
    ['something after the end', (all) => [...all, { name: 'more', text: 'x' }], /more where the end should be/],
    ['no checksums', (all) => all.slice(0, -1), /its end where checksum.json should be/],
    ['no JSON in the checksums', at('checksum.json', (e) => (e.text = '{')), /damaged/],
    [
      'no checksum of a table',
      at(
        'checksum.json',
        json((v) => (v['tables'] = {})),
      ),
      /should be missing/,
    ],
    [
      'another manifest',
      at(
        'manifest.json',
        json((v) => (v['created_at'] = '2020-01-01T00:00:00.000Z')),
      ),
      /checksum of the manifest/,
    ],
    [
      'a strange column',
      at(
        'manifest.json',
        json((v) => (v['tables'] = [{ name: 'a', columns: ['a"; --'], rows: 1 }])),
      ),
      /manifest.json is not/,
    ],
    [
      'a newer format',
      at(
        'manifest.json',
        json((v) => Object.assign(v, { format: formatVersion + 1, hearth: '9.9', tables: 7 })),
      ),
      /format 3, made by Hearth 9\.9/,
    ],
    [
      'a newer schema',
      at(
        'manifest.json',
        json((v) => (v['schema'] = schema + 1)),
      ),
      /schema version 4, made by Hearth/,
    ],
    [
      'an older schema',
      at(
        'manifest.json',
        json((v) => (v['schema'] = schema - 1)),
      ),
      /schema version 2, this Hearth restores version 3/,
    ],
  ])('%s', async (_what, change, message) => {
    const entries = (await unpackTar(gunzipSync(await saved(small)))).map(({ header, data }) => ({
      name: header.name,
      text: Buffer.from(data ?? []).toString(),
    }))
    const changed = change(entries).map(({ name, text }) => ({
      header: { name, size: Buffer.byteLength(text) },
      body: text,
    }))
    expect(await refusal(gzipSync(await packTar(changed)))).toMatch(message)
  })

  test('an object with other bytes', async () => {
    const entries = await unpackTar(gunzipSync(await saved(small, fakeObjects({ one: 'right', two: 'x' }))))
    const changed = entries.map(({ header, data }) => ({
      header: { name: header.name, size: header.size, ...(header.pax ? { pax: header.pax } : {}) },
      body: header.name === 'objects/one' ? 'wrong' : Buffer.from(data ?? []),
    }))
    expect(await refusal(gzipSync(await packTar(changed)))).toMatch(/checksum of the objects/)
  })

  test.each<[string, (contents: Manifest) => void, RegExp]>([
    [
      'rows',
      (c) => (c.tables = c.tables.map((table) => ({ ...table, rows: table.rows + 1 }))),
      /number of rows in databases is 2/,
    ],
    [
      'sequences',
      (c) => (c.databases = c.databases.map((one) => ({ ...one, update_seq: '4' }))),
      /state of the database a\/b\/ü/,
    ],
    ['databases', (c) => (c.databases = []), /state of the database a\/b\/ü is missing/],
  ])('that gives other %s in the store', async (_what, change, message) => {
    const contents = structuredClone(small.contents) as Manifest
    change(contents)
    expect(await refusal(await saved(small), { ...small, contents })).toMatch(message)
  })

  test('that gives other revisions in the store', async () => {
    const claimed = { ...small, revisions: async () => ({ docs: '1' }) }
    expect(await refusal(await saved(small), claimed)).toMatch(/sum of the revisions in docs is 1/)
  })
})

describe('a backup that cannot be written', () => {
  const endless: StoreSnapshot = {
    ...small,
    async *read() {
      for (;;) yield noise(1_000_000)
    },
  }

  test('rejects with what the destination says, and stops reading', async () => {
    let taken = 0
    const failed = writeBackup(endless, fakeObjects(), async (bytes) => {
      for await (const chunk of bytes) {
        taken += chunk.length
        if (taken > 20_000_000) throw new Error('disk full')
      }
    })
    await expect(failed).rejects.toThrow('disk full')
  })

  test('rejects with what the store says', async () => {
    const broken: StoreSnapshot = {
      ...small,
      // biome-ignore lint/correctness/useYield: it fails before its first chunk
      async *read() {
        throw new Error('connection lost')
      },
    }
    const failed = saved(broken)
    await expect(failed).rejects.toThrow('connection lost')
  })

  test('is not read faster than it is taken', async () => {
    let read = 0
    let taken = 0
    const counted: StoreSnapshot = {
      ...small,
      async *read() {
        for (; read < 200; read++) yield noise(1_000_000)
      },
    }
    await writeBackup(counted, fakeObjects(), async (bytes) => {
      for await (const chunk of bytes) {
        taken += chunk.length
        // Twice a part and the tar's own 8 MB, with room for the streams between.
        expect(read * 1_000_000 - taken).toBeLessThan(40_000_000)
        if (taken > 100_000_000) throw new Error('enough')
      }
    }).catch(() => {})
    expect(taken).toBeGreaterThan(100_000_000)
  }, 30_000)
})
