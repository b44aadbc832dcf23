/** What is refused and how, what documents say, and what stays of uploads that fail. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { rootId, trashId } from '../../src/files/node.ts'
import type { Bytes, Drive, Files } from '../../src/files/service.ts'
import { bytesOf, type FilesUnderTest, openFilesUnderTest, refusal, textOf } from './fixture.ts'

let world: FilesUnderTest
let files: Files
beforeAll(async () => {
  world = await openFilesUnderTest()
  files = world.files
}, 60_000)
afterAll(() => world.close())

const md5 = (text: string) => createHash('md5').update(text).digest('base64')
/** A body that must not be read. */
const never = (): Bytes => ({
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('nobody may ask for these bytes')) }),
})

async function put(drive: Drive, name: string, text = name, dirId: string = rootId) {
  return files.createFile(drive, { dirId, name }, bytesOf(text))
}

describe('documents', () => {
  test('a directory, as it is stored', async () => {
    const drive = world.newDrive()
    const made = await files.createDirectory(drive, { dirId: rootId, name: 'Bills', tags: ['a'] })
    expect(made).toMatchObject({ kind: 'directory', path: '/Bills', name: 'Bills', dirId: rootId })
    expect(made.id).toMatch(/^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/)
    const at = '2026-03-01T12:00:00.000Z'
    expect(made.value).toEqual({
      type: 'directory',
      name: 'Bills',
      dir_id: rootId,
      path: '/Bills',
      created_at: at,
      updated_at: at,
      tags: ['a'],
      cozyMetadata: {
        doctypeVersion: '1',
        metadataVersion: 1,
        createdAt: at,
        updatedAt: at,
        createdOn: 'https://alice.example/',
      },
    })
    expect(await files.node(drive, made.id)).toEqual(made)
    expect(await files.nodeAt(drive, '/Bills')).toEqual(made)
  })

  test('a file, made by an application of a client, as it is stored and as it reads', async () => {
    const client = { id: 'c1', kind: 'desktop', name: 'Laptop' }
    const drive = world.newDrive({ actor: { app: { slug: 'drive', version: '1.2.3' }, client } })
    const metadata = { big: 12345678901234567890n, datetime: '2020-01-01' }
    const given = {
      dirId: rootId,
      name: 'a.txt',
      metadata,
      sourceAccount: 'acc',
      sourceAccountIdentifier: 'me',
      executable: true,
    }
    const made = await files.createFile(drive, { ...given, createdAt: '2021-02-03T04:05:06Z' }, bytesOf('hello'))
    expect(made).toMatchObject({ size: 5, md5sum: md5('hello'), mime: 'text/plain', class: 'text' })
    const at = '2026-03-01T12:00:00.000Z'
    expect(made.value).toEqual({
      type: 'file',
      name: 'a.txt',
      dir_id: rootId,
      created_at: '2021-02-03T04:05:06Z',
      updated_at: at,
      tags: [],
      metadata,
      size: '5',
      md5sum: md5('hello'),
      mime: 'text/plain',
      class: 'text',
      executable: true,
      encrypted: false,
      trashed: false,
      internal_vfs_id: expect.stringMatching(/^[A-Za-z0-9]{16}$/),
      cozyMetadata: {
        doctypeVersion: '1',
        metadataVersion: 1,
        createdAt: at,
        updatedAt: at,
        createdOn: 'https://alice.example/',
        createdByApp: 'drive',
        createdByAppVersion: '1.2.3',
        updatedByApps: [{ slug: 'drive', version: '1.2.3', date: at, instance: 'https://alice.example/' }],
        sourceAccount: 'acc',
        sourceAccountIdentifier: 'me',
        uploadedAt: at,
        uploadedOn: 'https://alice.example/',
        uploadedBy: { slug: 'drive', version: '1.2.3', oauthClient: client },
      },
    })
    expect(await files.node(drive, made.id)).toEqual(made)
    expect(await files.nodeAt(drive, '/a.txt')).toEqual(made)
    expect(await textOf(files, drive, made)).toBe('hello')
    const split = [made.id.slice(0, 22), made.id.slice(22, 27), made.id.slice(27), made.internalId].join('/')
    expect(await world.objectNames(drive)).toEqual([split])
  })

  test('every write says when and by whom, and keeps numbers that a double would change', async () => {
    const drive = world.newDrive()
    const made = await files.createFile(
      drive,
      { dirId: rootId, name: 'n', metadata: { big: 12345678901234567890n } },
      bytesOf('x'),
    )
    world.clock.ms += 1000
    const app = { ...drive, actor: { app: { slug: 'notes' } } }
    const renamed = await files.change(app, made.id, { name: 'm', favorite: true })
    const later = new Date(world.clock.ms).toISOString()
    expect(renamed.value).toMatchObject({
      metadata: { big: 12345678901234567890n },
      cozyMetadata: { updatedAt: later, favorite: true, updatedByApps: [{ slug: 'notes', date: later }] },
    })
    expect((await files.node(drive, made.id))?.exact).toEqual(renamed.exact)
  })

  test('the special directories are there from the first look on, and only once', async () => {
    const drive = world.newDrive()
    const looks = await Promise.all([
      files.node(drive, rootId),
      files.nodeAt(drive, '/.cozy_trash'),
      files.prepare(drive),
    ])
    expect(looks[0]).toMatchObject({ kind: 'directory', path: '/', name: '', dirId: '' })
    expect(looks[1]).toMatchObject({ kind: 'directory', id: trashId, dirId: rootId })
    const root = await files.node(drive, rootId)
    if (root?.kind !== 'directory') throw new Error('no root')
    expect(await files.children(drive, root, { limit: 10 })).toEqual({ nodes: [], count: 0, more: false })
  })

  test('a database that was made before its files gets them too', async () => {
    const drive = world.newDrive()
    await world.store.createDatabase({ prefix: drive.prefix, name: 'io.cozy.files' })
    expect(await files.node(drive, rootId)).toMatchObject({ path: '/' })
  })

  test('shared drives live in one directory', async () => {
    const drive = world.newDrive()
    const [first, second] = await Promise.all([files.sharedDrives(drive), files.sharedDrives(drive)])
    expect(first).toEqual(second)
    expect(first).toMatchObject({ id: 'io.cozy.files.shared-drives-dir', path: '/Drives' })
  })
})

describe('refusals', () => {
  let drive: Drive
  let dir: string
  let file: string
  beforeAll(async () => {
    drive = world.newDrive()
    dir = (await files.createDirectory(drive, { dirId: rootId, name: 'dir' })).id
    file = (await put(drive, 'file')).id
    await files.createDirectory(drive, { dirId: dir, name: 'below' })
    const trashed = await files.createDirectory(drive, { dirId: rootId, name: 'trashed' })
    await put(drive, 'inside', 'x', trashed.id)
    await files.trash(drive, trashed.id)
  })
  const idAt = async (path: string) => (await files.nodeAt(drive, path))?.id ?? 'nobody'
  const illegal = '422 | Invalid filename: empty or contains an illegal character | name'
  const long = 'é'.repeat(513)

  test.each<[string, () => Promise<unknown>, string]>([
    ['empty name', () => put(drive, '', 'x'), illegal],
    ['dot', () => put(drive, '.'), illegal],
    ['two dots', () => files.createDirectory(drive, { dirId: rootId, name: '..' }), illegal],
    ['slash', () => put(drive, 'a/b'), illegal],
    ['NUL', () => put(drive, 'a\0'), illegal],
    ['line end', () => files.change(drive, file, { name: 'a\n' }), illegal],
    ['long name', () => put(drive, long), '422 | Invalid filename: longer than 1024 bytes | name'],
    [
      'no media type',
      () => files.createFile(drive, { dirId: rootId, name: 'x', mime: 'text' }, never()),
      '422 | Invalid Content-Type | mime',
    ],
    [
      'no parent',
      () => files.createFile(drive, { dirId: 'nobody', name: 'x' }, never()),
      '404 | Parent directory with given DirID does not exist',
    ],
    [
      'a file as parent',
      () => files.createDirectory(drive, { dirId: file, name: 'x' }),
      '404 | Parent directory with given DirID does not exist',
    ],
    [
      'the trash as parent',
      () => files.createFile(drive, { dirId: trashId, name: 'x' }, never()),
      '404 | Parent directory is in the trash',
    ],
    [
      'a trashed parent',
      async () => files.createDirectory(drive, { dirId: await idAt('/.cozy_trash/trashed'), name: 'x' }),
      '404 | Parent directory is in the trash',
    ],
    [
      'taken by a file',
      () => files.createFile(drive, { dirId: rootId, name: 'file' }, never()),
      '409 | file already exists',
    ],
    [
      'taken by a directory',
      () => files.createFile(drive, { dirId: rootId, name: 'dir' }, never()),
      '409 | file already exists',
    ],
    [
      'directory on a file',
      () => files.createDirectory(drive, { dirId: rootId, name: 'file' }),
      '409 | file already exists',
    ],
    ['rename onto another', () => files.change(drive, file, { name: 'dir' }), '409 | file already exists'],
    ['unknown file', () => files.change(drive, 'nobody', { name: 'x' }), '404 | file does not exist'],
    ['overwrite a directory', () => files.overwrite(drive, dir, {}, never()), '404 | file does not exist'],
    ['overwrite nobody', () => files.overwrite(drive, 'nobody', {}, never()), '404 | file does not exist'],
    [
      'overwrite a trashed file',
      async () => files.overwrite(drive, await idAt('/.cozy_trash/trashed/inside'), {}, never()),
      '404 | Parent directory is in the trash',
    ],
    [
      'other revision',
      () => files.change(drive, file, { ifMatch: '1-x', name: 'x' }),
      '412 | Revision does not match | If-Match',
    ],
    [
      'other revision of a content',
      () => files.overwrite(drive, file, { ifMatch: '1-x' }, never()),
      '412 | Revision does not match | If-Match',
    ],
    ['other revision to the trash', () => files.trash(drive, file, '1-x'), '412 | Revision does not match | If-Match'],
    [
      'other revision destroyed',
      () => files.destroy(drive, file, { ifMatch: '1-x', inTrash: false }),
      '412 | Revision does not match | If-Match',
    ],
    [
      'changed before it was made',
      () => files.change(drive, file, { updatedAt: '2000-01-01T00:00:00Z' }),
      '422 | Invalid time given | UpdatedAt',
    ],
    ['into itself', () => files.change(drive, dir, { dirId: dir }), '412 | Forbidden document move | dir-id'],
    [
      'into its own subtree',
      async () => files.change(drive, dir, { dirId: await idAt('/dir/below') }),
      '412 | Forbidden document move | dir-id',
    ],
    [
      'move to nowhere',
      () => files.change(drive, dir, { dirId: 'nobody' }),
      '404 | Parent directory with given DirID does not exist',
    ],
    [
      'move into the trash',
      () => files.change(drive, dir, { dirId: trashId }),
      '404 | Parent directory is in the trash',
    ],
    [
      'move out of the trash',
      async () => files.change(drive, await idAt('/.cozy_trash/trashed'), { dirId: rootId }),
      '400 | File or directory is already in the trash',
    ],
    ['change the root', () => files.change(drive, rootId, { name: 'x' }), '400 | This directory cannot be changed'],
    ['trash the trash', () => files.trash(drive, trashId), '400 | This directory cannot be changed'],
    [
      'destroy the root',
      () => files.destroy(drive, rootId, { inTrash: false }),
      '400 | This directory cannot be changed',
    ],
    [
      'trash twice',
      async () => files.trash(drive, await idAt('/.cozy_trash/trashed')),
      '400 | File or directory is already in the trash',
    ],
    [
      'trash below the trash',
      async () => files.trash(drive, await idAt('/.cozy_trash/trashed/inside')),
      '400 | File or directory is already in the trash',
    ],
    ['restore what is not trashed', () => files.restore(drive, file), '400 | File or directory is not in the trash'],
    [
      'destroy what is not trashed',
      () => files.destroy(drive, file, { inTrash: true }),
      '400 | File or directory is not in the trash',
    ],
    ['relative path', () => files.nodeAt(drive, 'dir'), '400 | Given path should be absolute'],
    [
      'path without parents',
      () => files.createDirectoryAt(drive, '/no/x', { recursive: false }),
      '404 | Parent directory with given DirID does not exist',
    ],
    [
      'path through a file',
      () => files.createDirectoryAt(drive, '/file/x', { recursive: true }),
      '404 | Parent directory with given DirID does not exist',
    ],
    [
      'path into the trash',
      () => files.createDirectoryAt(drive, '/.cozy_trash/x', { recursive: true }),
      '404 | Parent directory is in the trash',
    ],
    [
      'too many levels',
      () => files.createDirectoryAt(drive, '/x'.repeat(513), { recursive: true }),
      '422 | Invalid path: too many levels | path',
    ],
    ['unknown version', () => files.revert(drive, file, 'nobody'), '404 | file does not exist'],
    ['delete an unknown version', () => files.deleteVersion(drive, file, 'nobody'), '404 | file does not exist'],
    ['copy nobody', () => files.copy(drive, 'nobody', {}), '404 | file does not exist'],
    ['copy a directory', () => files.copy(drive, dir, {}), '404 | file does not exist'],
    [
      'copy to nowhere',
      () => files.copy(drive, file, { dirId: 'nobody' }),
      '404 | Parent directory with given DirID does not exist',
    ],
    [
      'more than 5 GiB',
      () => files.createFile(drive, { dirId: rootId, name: 'x', size: 5 * 1024 ** 3 + 1 }, never()),
      '413 | The file is too big and exceeds the filesystem maximum file size',
    ],
  ])('%s', async (_name, call, expected) => {
    expect(await refusal(call())).toBe(expected)
  })

  test('nothing of all this changed anything', async () => {
    const root = await files.node(drive, rootId)
    if (root?.kind !== 'directory') throw new Error('no root')
    const { nodes } = await files.children(drive, root, { limit: 100 })
    expect(nodes.map(({ name, rev }) => `${name} ${rev.slice(0, 2)}`)).toEqual(['dir 1-', 'file 1-'])
    expect((await world.objectNames(drive)).length).toBe(2)
  })

  test('512 levels are not too many, and a move that would make more is refused', async () => {
    const deep = await files.createDirectoryAt(drive, '/x'.repeat(511), { recursive: true })
    await files.createDirectory(drive, { dirId: deep.id, name: 'y' })
    const top = await idAt('/x')
    expect(await refusal(files.change(drive, top, { dirId: dir }))).toBe('422 | Invalid path: too many levels | path')
    await files.destroy(drive, top, { inTrash: false })
  })
})

describe('uploads that fail leave nothing', () => {
  const broken = async function* () {
    yield new Uint8Array(10)
    throw new Error('the client is gone')
  }
  test.each<[string, object, () => AsyncIterable<Uint8Array>, string]>([
    ['another sum', { md5: md5('other') }, () => bytesOf('hello'), '412 | Invalid hash | Content-MD5'],
    ['too few bytes', { size: 6 }, () => bytesOf('hello'), '412 | Content length does not match | Content-Length'],
    ['too many bytes', { size: 4 }, () => bytesOf('hello'), '412 | Content length does not match | Content-Length'],
  ])('%s', async (_name, claims, body, expected) => {
    const drive = world.newDrive()
    expect(await refusal(files.createFile(drive, { dirId: rootId, name: 'a', ...claims }, body()))).toBe(expected)
    const kept = await put(drive, 'kept', 'old')
    expect(await refusal(files.overwrite(drive, kept.id, claims, body()))).toBe(expected)
    expect(await textOf(files, drive, kept)).toBe('old')
    expect((await world.objectNames(drive)).length).toBe(1)
    expect(await files.nodeAt(drive, '/a')).toBeUndefined()
    expect(await files.sweep()).toBe(0)
  })

  test('a client that goes away', async () => {
    const drive = world.newDrive()
    await expect(files.createFile(drive, { dirId: rootId, name: 'a' }, broken())).rejects.toThrow('the client is gone')
    expect(await world.objectNames(drive)).toEqual([])
    expect(await files.sweep()).toBe(0)
  })

  test('a sum and a length that are right, and an empty file', async () => {
    const drive = world.newDrive()
    const made = await files.createFile(
      drive,
      { dirId: rootId, name: 'a.bin', size: 5, md5: md5('hello') },
      bytesOf('hello'),
    )
    expect(made).toMatchObject({ mime: 'application/octet-stream', class: 'files' })
    const empty = await files.createFile(drive, { dirId: rootId, name: 'empty', size: 0 }, bytesOf(''))
    expect(empty).toMatchObject({ size: 0, md5sum: md5('') })
    expect(await textOf(files, drive, empty)).toBe('')
  })
})

describe('quota', () => {
  const full = '413 | The file is too big and exceeds the disk quota'
  test('holds for announced sizes before the first byte, for others at the first byte over', async () => {
    const drive = world.newDrive({ quota: 10 })
    await put(drive, 'a', '12345')
    let asked = 0
    const endless = async function* () {
      for (;;) {
        asked += 1
        yield new Uint8Array(2)
      }
    }
    expect(await refusal(files.createFile(drive, { dirId: rootId, name: 'b', size: 6 }, never()))).toBe(full)
    expect(await refusal(files.createFile(drive, { dirId: rootId, name: 'b' }, endless()))).toBe(full)
    expect(asked).toBeLessThan(10)
    expect((await world.objectNames(drive)).length).toBe(1)
    await put(drive, 'b', '12345')
    expect(await files.usage(drive, { trash: true })).toEqual({ used: 10, files: 10, versions: 0, trash: 0 })
    expect(await refusal(put(drive, 'c', '1'))).toBe(full)
    expect(await refusal(files.copy(drive, (await files.nodeAt(drive, '/a'))?.id ?? '', {}))).toBe(full)
  })

  test('an overwrite needs room for all of the new content', async () => {
    const drive = world.newDrive({ quota: 8 })
    const made = await put(drive, 'a', '12345')
    expect(await refusal(files.overwrite(drive, made.id, {}, bytesOf('1234')))).toBe(full)
    await files.overwrite(drive, made.id, {}, bytesOf('123'))
    expect(await files.usage(drive)).toEqual({ used: 8, files: 3, versions: 5, trash: undefined })
  })

  test('two uploads at once do not take the same room', async () => {
    const drive = world.newDrive({ quota: 10 })
    const answers = await Promise.all(['a', 'b'].map((name) => refusal(put(drive, name, '123456'))))
    expect(answers.sort()).toEqual([full, 'accepted'])
    expect((await world.objectNames(drive)).length).toBe(1)
  })
})

describe('copies', () => {
  test('are named after their source, in the language of the instance, and numbered', async () => {
    const drive = world.newDrive()
    const source = await files.createFile(drive, { dirId: rootId, name: 'a.txt', tags: ['x'] }, bytesOf('hello'))
    await files.addReferences(drive, source.id, [{ type: 'io.cozy.albums', id: '1' }])
    const first = await files.copy(drive, source.id, {})
    expect(first).toMatchObject({ name: 'a (copy).txt', size: 5, tags: ['x'], referencedBy: [], mime: 'text/plain' })
    expect(first.id).not.toBe(source.id)
    expect(first.internalId).not.toBe(source.internalId)
    expect((await files.copy(drive, source.id, {})).name).toBe('a (copy) (2).txt')
    expect((await files.copy(drive, source.id, {})).name).toBe('a (copy) (3).txt')
    expect((await files.copy({ ...drive, locale: 'fr' }, source.id, {})).name).toBe('a (copie).txt')
    expect(await files.copy(drive, source.id, { name: 'b.json' })).toMatchObject({ mime: 'application/json' })
    expect((await files.copy(drive, source.id, { name: 'b.json' })).name).toBe('b (2).json')
    expect(await textOf(files, drive, first)).toBe('hello')
    expect((await world.objectNames(drive)).length).toBe(7)
  })

  test('fail where the content is lost', async () => {
    const drive = world.newDrive()
    const source = await put(drive, 'a')
    const [name] = await world.objectNames(drive)
    await world.objects.delete([`cozy-v3-${drive.prefix}/${name}`])
    expect(await refusal(files.copy(drive, source.id, {}))).toBe('404 | file does not exist')
    expect(await refusal(files.open(drive, source))).toBe('404 | file does not exist')
    expect(await files.sweep()).toBe(0)
  })
})

describe('references', () => {
  test('are added and removed once, and found from the other side', async () => {
    const drive = world.newDrive()
    const made = await put(drive, 'a')
    const album = { type: 'io.cozy.albums', id: 'a/1' }
    const note = { type: 'io.cozy.notes', id: 'n' }
    const added = await files.addReferences(drive, made.id, [album, note, album])
    expect(added.referencedBy).toEqual([album, note])
    expect((await files.addReferences(drive, made.id, [note])).rev).toBe(added.rev)
    const page = { ...album, sort: 'id', limit: 1 } as const
    const found = await files.referencing(drive, page)
    expect(found).toMatchObject({ nodes: [{ node: { id: made.id } }], count: 1, more: false })
    const removed = await files.removeReferences(drive, made.id, [album])
    expect(removed.referencedBy).toEqual([note])
    expect(await files.referencing(drive, page)).toEqual({ nodes: [], count: 0, more: false })
    expect((await files.removeReferences(drive, made.id, [note])).value).not.toHaveProperty('referenced_by')
  })
})
