/** The files collection of cozy-stack-client, unmodified, on both places that bytes can lie in. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Readable } from 'node:stream'
import { minioProgram, startMinio } from '../support/minio.ts'
import { sharedServer, startServer, type TestServer } from '../support/server.ts'
import { failure, newClient } from './stack-client.ts'

interface StoredFile extends Readonly<Record<string, unknown>> {
  readonly _id: string
  readonly _rev: string
  readonly _type: string
  readonly name: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly relationships: Readonly<Record<string, { readonly data: unknown }>>
}

interface One {
  readonly data: StoredFile
  readonly included?: readonly StoredFile[]
  readonly links?: { readonly next?: string }
}

interface Found {
  readonly data: readonly StoredFile[]
  readonly included?: readonly StoredFile[]
  readonly meta: { readonly count: number }
  readonly next: boolean
  readonly bookmark?: string
}

type Content = string | ArrayBuffer | Uint8Array | Readable

/** What of the collection is used here, typed. */
interface FileCollection {
  get(id: string): Promise<One>
  getAll(ids: readonly string[]): Promise<Found>
  find(selector: object, options?: object): Promise<Found>
  statById(id: string, options?: object): Promise<One>
  statByPath(path: string): Promise<One>
  create(attributes: object): Promise<One>
  createFile(data: Content, options: object): Promise<One>
  createDirectory(attributes: object): Promise<One>
  createDirectoryByPath(path: string): Promise<One>
  upload(data: object, path: string): Promise<One>
  update(attributes: object, options?: object): Promise<One>
  updateFile(data: Content, options: object, more?: object): Promise<One>
  updateAttributes(id: string, attributes: object, options?: object): Promise<One>
  updateMetadataAttribute(id: string, metadata: object): Promise<{ readonly data: object }>
  copy(id: string, name?: string, dirId?: string): Promise<One>
  destroy(file: StoredFile, options?: object): Promise<One>
  restore(id: string): Promise<One>
  emptyTrash(): Promise<unknown>
  deleteFilePermanently(id: string): Promise<unknown>
  isChildOf(child: string, parent: string): Promise<boolean>
  fetchFileContentById(id: string): Promise<Response>
  getDownloadLinkById(id: string, name: string): Promise<string>
  getDownloadLinkByPath(path: string): Promise<string>
  createArchiveLinkByIds(order: { ids: readonly string[]; name?: string }): Promise<string>
  findReferencedBy(document: object, options?: object): Promise<Found>
  addReferencedBy(file: object, references: readonly object[]): Promise<unknown>
  removeReferencedBy(file: object, references: readonly object[]): Promise<unknown>
  addReferencesTo(document: object, files: readonly object[]): Promise<unknown>
  removeReferencesTo(document: object, files: readonly object[]): Promise<unknown>
  fetchChanges(couch?: object, options?: object): Promise<Changes>
  getOrCreateSharedDrivesDirectory(): Promise<{ readonly data: { readonly id: string } }>
}

interface Changes {
  readonly newLastSeq: string
  readonly pending: number
  readonly results: readonly { readonly id: string; readonly deleted?: boolean; readonly doc?: StoredFile }[]
}

const root = 'io.cozy.files.root-dir'
const places = [
  { place: 'a folder', open: async () => ({ server: await sharedServer(), close: async () => {} }) },
  ...(minioProgram() === undefined ? [] : [{ place: 'MinIO', open: onMinio }]),
]

async function onMinio(): Promise<{ server: TestServer; close(): Promise<void> }> {
  const minio = await startMinio()
  const server = await startServer({ env: { HEARTH_OBJECTS_URL: minio.newUrl() } })
  return {
    server,
    async close() {
      await server.stop()
      await minio.stop()
    },
  }
}

describe.each(places)('on $place', ({ open }) => {
  let files: FileCollection
  let uri: string
  let close: () => Promise<void>

  beforeAll(async () => {
    const opened = await open()
    close = opened.close
    uri = opened.server.url
    // fetch sets Host by the URL, so that the tenant must be named like the listener's address.
    const { host } = new URL(uri)
    await opened.server.createInstance(host).catch((error: unknown) => {
      if (!String(error).includes('409')) throw error
    })
    const client = newClient(uri, await opened.server.token('*', { domain: host }))
    files = client.collection('io.cozy.files') as unknown as FileCollection
  }, 60_000)
  afterAll(() => close())

  const textOf = async (file: StoredFile) => (await files.fetchFileContentById(file._id)).text()
  /** The server may be shared: tests keep to directories of their own. */
  const newDirectory = async (name: string) => (await files.createDirectory({ name, dirId: root })).data

  test('directories: created, found by id and path, made along a path, listed', async () => {
    const dated = new Date('2019-05-06T07:08:09Z')
    const { data } = await files.create({ type: 'directory', name: 'Pictures', dirId: '', lastModifiedDate: dated })
    expect(data).toMatchObject({
      _type: 'io.cozy.files',
      name: 'Pictures',
      path: '/Pictures',
      dir_id: root,
      attributes: { type: 'directory', updated_at: dated.toISOString() },
    })
    expect((await files.statByPath('/Pictures')).data).toMatchObject({ _id: data._id, _rev: data._rev })
    const deep = (await files.createDirectoryByPath('/Pictures/2024/été & co')).data
    expect(deep['path']).toBe('/Pictures/2024/été & co')
    expect((await files.createDirectoryByPath('/Pictures/2024/été & co')).data._id).toBe(deep._id)
    const { included } = await files.statById(data._id)
    expect(included?.map(({ name }) => name)).toEqual(['2024'])
    expect(await files.isChildOf(deep._id, data._id)).toBe(true)
    expect(await failure(files.statByPath('/Pictures/none'))).toMatchObject({ status: 404 })
    expect((await files.getOrCreateSharedDrivesDirectory()).data.id).toBe('io.cozy.files.shared-drives-dir')
  })

  test('children go through pages', async () => {
    const directory = await newDirectory('Pages')
    for (const name of ['a', 'b', 'c', 'd', 'e']) await files.createFile(name, { name, dirId: directory._id })
    const found: string[] = []
    let options: object = { 'page[limit]': 2 }
    for (;;) {
      const { included = [], links } = await files.statById(directory._id, options)
      found.push(...included.map(({ name }) => name))
      const cursor = new URL(links?.next ?? '/', uri).searchParams.get('page[cursor]')
      if (cursor === null) break
      options = { 'page[limit]': 2, 'page[cursor]': JSON.parse(cursor) }
    }
    expect(found).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test.each<[string, () => Content, string]>([
    ['text', () => 'héllo 🎈', 'héllo 🎈'],
    ['nothing', () => '', ''],
    ['an array buffer', () => new TextEncoder().encode('bytes').buffer as ArrayBuffer, 'bytes'],
  ])('a file of %s is created and downloaded', async (kind, content, expected) => {
    const { data } = await files.createFile(content(), {
      name: `of ${kind}.txt`,
      dirId: root,
      executable: true,
      metadata: { kind, n: 1 },
      sourceAccount: 'account',
      lastModifiedDate: '2020-02-03T04:05:06Z',
    })
    expect([data._id, data._rev]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/^1-/)])
    expect(data).toMatchObject({
      attributes: {
        size: `${Buffer.byteLength(expected)}`,
        class: 'text',
        executable: true,
        metadata: { kind, n: 1 },
        created_at: '2020-02-03T04:05:06.000Z',
        cozyMetadata: { sourceAccount: 'account' },
      },
    })
    expect(await textOf(data)).toBe(expected)
    expect((await files.get(data._id)).data).toMatchObject({ _rev: data._rev, name: `of ${kind}.txt` })
  })

  test('a File goes where its path says', async () => {
    const { data } = await files.upload(
      new File(['from a file'], 'own name.md', { type: 'text/markdown' }),
      '/In/boxes',
    )
    expect(data).toMatchObject({ name: 'own name.md', attributes: { mime: 'text/markdown' } })
    expect((await files.statByPath('/In/boxes/own name.md')).data).toMatchObject({ _id: data._id })
    expect(await textOf(data)).toBe('from a file')
  })

  test('a wrong sum and a taken name are refused', async () => {
    const wrong = files.createFile('x', { name: 'summed', dirId: root, checksum: 'XUFAKrxLKna5cZ2REBfFkg==' })
    expect(await failure(wrong)).toMatchObject({ status: 412 })
    await files.createFile('hello', { name: 'summed', dirId: root, checksum: 'XUFAKrxLKna5cZ2REBfFkg==' })
    expect(await failure(files.createFile('x', { name: 'summed', dirId: root }))).toMatchObject({ status: 409 })
  })

  test('updated: content, attributes, place', async () => {
    const directory = await newDirectory('Update')
    const first = (await files.createFile('one', { name: 'u.txt', dirId: directory._id })).data
    const second = (await files.updateFile('second', { fileId: first._id, name: 'u.txt' }, { ifMatch: first._rev }))
      .data
    expect(second._rev).toStartWith('2-')
    expect(second).toMatchObject({ _id: first._id, attributes: { size: '6' } })
    expect(await textOf(second)).toBe('second')
    const stale = files.updateFile('third', { fileId: first._id, name: 'u.txt' }, { ifMatch: first._rev })
    expect(await failure(stale)).toMatchObject({ status: 412 })
    const renamed = (await files.updateAttributes(first._id, { name: 'v.txt', tags: ['t'] })).data
    expect(renamed.attributes).toMatchObject({ name: 'v.txt', tags: ['t'] })
    expect(await failure(files.updateAttributes(first._id, { name: 'w' }, { ifMatch: first._rev }))).toMatchObject({
      status: 412,
    })
    const moved = (await files.update({ _id: first._id, dir_id: root, name: 'moved.txt' })).data
    expect(moved.attributes).toMatchObject({ dir_id: root, name: 'moved.txt', tags: ['t'] })
    expect((await files.statByPath('/moved.txt')).data._id).toBe(first._id)
    const content = (await files.update({ _id: first._id, name: 'moved.txt', data: 'fourth' })).data
    expect([await textOf(content), content.attributes['tags']]).toEqual(['fourth', []])
    await files.updateMetadataAttribute(first._id, { label: 'kept' })
    expect((await files.get(first._id)).data.attributes['metadata']).toEqual({ label: 'kept' })
  })

  test('copied', async () => {
    const directory = await newDirectory('Copies')
    const { data } = await files.createFile('copied', { name: 'c.txt', dirId: directory._id })
    const beside = (await files.copy(data._id)).data
    expect([beside.name, await textOf(beside)]).toEqual(['c (copy).txt', 'copied'])
    const elsewhere = (await files.copy(data._id, 'copy of c.txt', root)).data
    expect(elsewhere.attributes).toMatchObject({ name: 'copy of c.txt', dir_id: root })
  })

  test('to the trash, out of it, and gone for good', async () => {
    const directory = await newDirectory('Trashed')
    const { data } = await files.createFile('rubbish', { name: 'r.txt', dirId: directory._id })
    const trashed = (await files.destroy(data)).data
    expect(trashed.attributes).toMatchObject({ trashed: true, restore_path: '/Trashed' })
    const restored = (await files.restore(data._id)).data
    expect(restored.attributes).toMatchObject({ trashed: false, dir_id: directory._id })
    expect(await textOf(restored)).toBe('rubbish')
    await files.destroy(restored, { ifMatch: restored._rev })
    await files.deleteFilePermanently(data._id)
    expect(await failure(files.get(data._id))).toMatchObject({ status: 404 })
    const other = (await files.createFile('x', { name: 'other', dirId: directory._id })).data
    await files.destroy(other)
    await files.emptyTrash()
    expect(await failure(files.get(other._id))).toMatchObject({ status: 404 })
  })

  test('found with a selector: the client makes the index that is missing', async () => {
    const directory = await newDirectory('Find')
    for (let n = 0; n < 5; n++) await files.createFile('x', { name: `found-${n}`, dirId: directory._id })
    const selector = { dir_id: directory._id, name: { $gt: null } }
    const options = { indexedFields: ['dir_id', 'name'], sort: [{ dir_id: 'asc' }, { name: 'asc' }], limit: 2 }
    const found: string[] = []
    let bookmark: string | undefined
    for (;;) {
      const page = await files.find(selector, { ...options, ...(bookmark === undefined ? {} : { bookmark }) })
      found.push(...page.data.map(({ name }) => name))
      if (!page.next) break
      bookmark = page.bookmark
      expect(bookmark).toBeString()
    }
    expect(found).toEqual(['found-0', 'found-1', 'found-2', 'found-3', 'found-4'])
    const partial = await files.find(
      { dir_id: directory._id },
      { indexedFields: ['dir_id'], partialFilter: { type: 'directory' } },
    )
    expect(partial.data).toEqual([])
  })

  test('all by their ids', async () => {
    const made = await Promise.all(
      ['x', 'y'].map((name) => files.createFile(name, { name: `all-${name}`, dirId: root })),
    )
    const ids = made.map(({ data }) => data._id)
    const { data, meta } = await files.getAll([...ids, 'nowhere'])
    expect(data.map(({ _id, path }) => [_id, path])).toEqual([
      [ids[0], '/all-x'],
      [ids[1], '/all-y'],
    ])
    expect(meta.count).toBe(2)
  })

  test('referenced by documents, from both sides', async () => {
    const album = { _type: 'io.cozy.photos.albums', _id: `album/${Date.now()}` }
    const made = await Promise.all(['1', '2', '3'].map((n) => files.createFile(n, { name: `ref-${n}`, dirId: root })))
    const [first, second, third] = made.map(({ data }) => data)
    await files.addReferencesTo(album, [first!, second!])
    await files.addReferencedBy(third!, [album])
    const found = await files.findReferencedBy(album, { limit: 2 })
    expect(found).toMatchObject({ meta: { count: 3 }, next: true })
    expect(found.data).toHaveLength(2)
    expect(found.included?.map(({ _type }) => _type)).toEqual(['io.cozy.files', 'io.cozy.files'])
    await files.removeReferencesTo(album, [first!])
    await files.removeReferencedBy(second!, [album])
    expect((await files.findReferencedBy(album)).data.map(({ _id }) => _id)).toEqual([third!._id])
    const trashed = (await files.get(third!._id)).data
    await files.destroy(trashed)
    expect((await files.findReferencedBy(album)).data).toEqual([])
  })

  test('changes since a sequence', async () => {
    const { newLastSeq } = await files.fetchChanges()
    const directory = await newDirectory('Changes')
    const { data } = await files.createFile('x', { name: 'changed', dirId: directory._id })
    const gone = (await files.createFile('x', { name: 'gone', dirId: directory._id })).data
    await files.deleteFilePermanently(gone._id)
    const all = await files.fetchChanges({ since: newLastSeq, include_docs: true }, { includeFilePath: true })
    expect(new Map(all.results.map(({ id, doc, deleted }) => [id, deleted ?? doc?.['path']]))).toEqual(
      new Map<string, unknown>([
        [directory._id, '/Changes'],
        [data._id, '/Changes/changed'],
        [gone._id, true],
      ]),
    )
    const some = await files.fetchChanges(
      { since: newLastSeq, limit: 100 },
      { skipDeleted: true, skipTrashed: true, fields: ['name'] },
    )
    expect(some.results.map(({ doc }) => doc?.name)).toEqual(['Changes', 'changed'])
    expect(await files.fetchChanges({ since: all.newLastSeq })).toMatchObject({ results: [], pending: 0 })
  })

  test('links to download and to an archive work without a token', async () => {
    const directory = await newDirectory('Links')
    const { data } = await files.createFile('linked', { name: 'l.txt', dirId: directory._id })
    for (const link of [
      await files.getDownloadLinkById(data._id, 'l.txt'),
      await files.getDownloadLinkByPath('/Links/l.txt'),
    ]) {
      expect(await (await fetch(link)).text()).toBe('linked')
    }
    const archive = await files.createArchiveLinkByIds({ ids: [directory._id], name: 'all' })
    const answer = await fetch(new URL(archive, uri))
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/zip'])
    expect(Buffer.from(await answer.arrayBuffer()).includes('all/Links/l.txt')).toBe(true)
  })

  test('a range of a large file', async () => {
    const bytes = new Uint8Array(3_000_000).map((_, at) => at % 251)
    const { data } = await files.createFile(bytes.buffer as ArrayBuffer, { name: 'large.bin', dirId: root })
    const whole = Buffer.from(await (await files.fetchFileContentById(data._id)).arrayBuffer())
    expect(whole.equals(bytes)).toBe(true)
    const link = await files.getDownloadLinkById(data._id, 'large.bin')
    const part = await fetch(link, { headers: { range: 'bytes=1000000-1000009' } })
    expect(part.status).toBe(206)
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(1_000_000, 1_000_010))).toBe(true)
  })
})
