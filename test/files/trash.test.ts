/** Into the trash, back and gone for good, and renames and moves of directories. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rootId, trashId } from '../../src/files/node.ts'
import type { Drive, Files } from '../../src/files/service.ts'
import { bytesOf, type FilesUnderTest, openFilesUnderTest, textOf, treeOf } from './fixture.ts'

let world: FilesUnderTest
let files: Files
beforeAll(async () => {
  world = await openFilesUnderTest()
  files = world.files
}, 60_000)
afterAll(() => world.close())

/** Makes `/a` with `x` and `b`, `/a/b` with `y` and `c`. Gives ids by path. */
async function smallTree(drive: Drive): Promise<Record<string, string>> {
  const ids: Record<string, string> = {}
  for (const path of ['/a', '/a/b', '/a/b/c']) {
    ids[path] = (await files.createDirectoryAt(drive, path, { recursive: true })).id
  }
  for (const [dir, name] of [
    ['/a', 'x'],
    ['/a/b', 'y'],
  ] as const) {
    const made = await files.createFile(drive, { dirId: ids[dir] ?? '', name }, bytesOf(`${dir}/${name}`))
    ids[`${dir}/${name}`] = made.id
  }
  return ids
}
const idAt = async (drive: Drive, path: string) => (await files.nodeAt(drive, path))?.id ?? ''

describe('moves', () => {
  test('paths follow a rename and a move', async () => {
    const drive = world.newDrive()
    const ids = await smallTree(drive)
    const renamed = await files.change(drive, ids['/a'] ?? '', { name: 'A' })
    expect(renamed).toMatchObject({ path: '/A', name: 'A' })
    expect(await treeOf(files, drive)).toEqual(['/A/', '/A/b/', '/A/b/c/', '/A/b/y', '/A/x'])
    await files.change(drive, ids['/a/b'] ?? '', { dirId: rootId, name: 'B' })
    expect(await treeOf(files, drive)).toEqual(['/A/', '/A/x', '/B/', '/B/c/', '/B/y'])
    expect(await files.nodeAt(drive, '/B/c')).toMatchObject({ id: ids['/a/b/c'], path: '/B/c' })
    expect(await files.nodeAt(drive, '/A/b')).toBeUndefined()
    const y = await files.node(drive, ids['/a/b/y'] ?? '')
    if (y === undefined) throw new Error('lost')
    expect([...(await files.paths(drive, [y]))]).toEqual([[y.id, '/B/y']])
    expect(await files.ancestors(drive, y.id)).toEqual([ids['/a/b'] ?? '', rootId])
  })

  test('a directory whose name begins like the moved one stays', async () => {
    const drive = world.newDrive()
    await files.createDirectoryAt(drive, '/ab/c', { recursive: true })
    const ids = await smallTree(drive)
    await files.change(drive, ids['/a'] ?? '', { name: 'z' })
    expect(await treeOf(files, drive)).toEqual(['/ab/', '/ab/c/', '/z/', '/z/b/', '/z/b/c/', '/z/b/y', '/z/x'])
  })

  test('a name with other letters of the same look is another name', async () => {
    const drive = world.newDrive()
    const [nfc, nfd] = ['é'.normalize('NFC'), 'é'.normalize('NFD')]
    for (const name of [nfc, nfd, 'É', '👩‍👩‍👧']) await files.createDirectory(drive, { dirId: rootId, name })
    expect((await treeOf(files, drive)).length).toBe(4)
    expect(await files.nodeAt(drive, `/${nfd}`)).toMatchObject({ name: nfd })
  })

  test('a new extension says a new type; the same one leaves it', async () => {
    const drive = world.newDrive()
    const made = await files.createFile(drive, { dirId: rootId, name: 'a.txt', mime: 'text/markdown' }, bytesOf('x'))
    expect(await files.change(drive, made.id, { name: 'b.txt' })).toMatchObject({ mime: 'text/markdown' })
    expect(await files.change(drive, made.id, { name: 'b.png' })).toMatchObject({ mime: 'image/png', class: 'image' })
    const changes = { tags: ['t'], executable: true, metadata: { a: 1 }, updatedAt: '2030-01-01T00:00:00Z' }
    expect(await files.change(drive, made.id, changes)).toMatchObject({
      name: 'b.png',
      tags: ['t'],
      executable: true,
      updatedAt: '2030-01-01T00:00:00Z',
      value: { metadata: { a: 1 } },
    })
    expect((await files.change(drive, made.id, {})).tags).toEqual(['t'])
  })
})

describe('the trash', () => {
  test('a tree goes there and comes back as it was', async () => {
    const drive = world.newDrive()
    const ids = await smallTree(drive)
    const before = await files.node(drive, ids['/a/b/y'] ?? '')
    const trashed = await files.trash(drive, ids['/a/b'] ?? '')
    expect(trashed).toMatchObject({ dirId: trashId, restorePath: '/a', path: '/.cozy_trash/b' })
    expect(trashed.value).toMatchObject({ cozyMetadata: { trashedAt: new Date(world.clock.ms).toISOString() } })
    expect(await treeOf(files, drive)).toEqual(['/a/', '/a/x'])
    expect(await treeOf(files, drive, trashId)).toEqual(['/.cozy_trash/b/', '/.cozy_trash/b/c/', '/.cozy_trash/b/y'])
    const inside = await files.node(drive, ids['/a/b/y'] ?? '')
    expect(inside).toMatchObject({ trashed: true, dirId: ids['/a/b'], restorePath: undefined })
    expect(inside?.rev).not.toBe(before?.rev)
    expect(await files.usage(drive, { trash: true })).toMatchObject({ files: 10, trash: 6 })

    const restored = await files.restore(drive, ids['/a/b'] ?? '')
    expect(restored).toMatchObject({ dirId: ids['/a'], restorePath: undefined, path: '/a/b' })
    expect(restored.value).not.toHaveProperty('restore_path')
    expect(await treeOf(files, drive)).toEqual(['/a/', '/a/b/', '/a/b/c/', '/a/b/y', '/a/x'])
    expect(await files.node(drive, ids['/a/b/y'] ?? '')).toMatchObject({ trashed: false })
  })

  test('names that are taken get digits, and lose them on the way back', async () => {
    const drive = world.newDrive()
    const ids: string[] = []
    for (const text of ['one', 'two']) {
      const made = await files.createFile(drive, { dirId: rootId, name: 'a.txt' }, bytesOf(text))
      ids.push(made.id)
      await files.trash(drive, made.id)
    }
    const [first = '', second = ''] = ids
    expect((await files.node(drive, first))?.name).toBe('a.txt')
    expect((await files.node(drive, second))?.name).toMatch(/^a\.txt \(\d{9}\)$/)
    expect((await files.restore(drive, second)).name).toBe('a.txt')
    expect((await files.restore(drive, first)).name).toMatch(/^a\.txt \(\d{9}\)$/)
    const holidays = await files.createDirectory(drive, { dirId: rootId, name: 'Holidays (2024)' })
    await files.trash(drive, holidays.id)
    expect((await files.restore(drive, holidays.id)).name).toBe('Holidays (2024)')
  })

  test('parents that are gone are made again', async () => {
    const drive = world.newDrive()
    const ids = await smallTree(drive)
    await files.trash(drive, ids['/a/b/y'] ?? '')
    await files.destroy(drive, ids['/a'] ?? '', { inTrash: false })
    const restored = await files.restore(drive, ids['/a/b/y'] ?? '')
    expect(restored).toMatchObject({ name: 'y', trashed: false })
    expect(await treeOf(files, drive)).toEqual(['/a/', '/a/b/', '/a/b/y'])
    if (restored.kind !== 'file') throw new Error('not a file')
    expect(await textOf(files, drive, restored)).toBe('/a/b/y')
  })

  test('what is below a trashed directory goes back to where it was', async () => {
    const drive = world.newDrive()
    const ids = await smallTree(drive)
    await files.createDirectoryAt(drive, '/a/b', { recursive: true })
    await files.trash(drive, ids['/a'] ?? '')
    await files.restore(drive, ids['/a/b/y'] ?? '')
    expect(await treeOf(files, drive)).toEqual(['/a/', '/a/b/', '/a/b/y'])
    expect(await treeOf(files, drive, trashId)).toEqual([
      '/.cozy_trash/a/',
      '/.cozy_trash/a/b/',
      '/.cozy_trash/a/b/c/',
      '/.cozy_trash/a/x',
    ])
    await files.restore(drive, ids['/a/b'] ?? '')
    expect((await treeOf(files, drive)).filter((path) => path.endsWith('/c/')).length).toBe(1)
  })

  test('destroyed for good, with versions and bytes', async () => {
    const drive = world.newDrive({ versioning: { max: 20, minDelayMs: 0 } })
    const ids = await smallTree(drive)
    await files.overwrite(drive, ids['/a/b/y'] ?? '', {}, bytesOf('new'))
    const kept = await files.createFile(drive, { dirId: rootId, name: 'kept' }, bytesOf('kept'))
    expect((await world.objectNames(drive)).length).toBe(4)
    await files.trash(drive, ids['/a'] ?? '')
    await files.destroy(drive, ids['/a/b'] ?? '', { inTrash: true })
    expect(await treeOf(files, drive, trashId)).toEqual(['/.cozy_trash/a/', '/.cozy_trash/a/x'])
    expect(await files.versions(drive, ids['/a/b/y'] ?? '')).toEqual([])
    await files.emptyTrash(drive)
    expect(await treeOf(files, drive, trashId)).toEqual([])
    expect(await treeOf(files, drive)).toEqual(['/kept'])
    expect((await world.objectNames(drive)).length).toBe(1)
    expect(await files.usage(drive, { trash: true })).toEqual({ used: 4, files: 4, versions: 0, trash: 0 })
    expect(await textOf(files, drive, kept)).toBe('kept')
    await files.emptyTrash(drive)
  })

  test('bytes that could not be deleted are deleted by the sweep', async () => {
    const drive = world.newDrive()
    const made = await files.createFile(drive, { dirId: rootId, name: 'a' }, bytesOf('x'))
    const { delete: remove } = world.objects
    world.objects.delete = () => Promise.reject(new Error('no'))
    try {
      await files.destroy(drive, made.id, { inTrash: false })
      expect(await idAt(drive, '/a')).toBe('')
      expect((await world.objectNames(drive)).length).toBe(1)
    } finally {
      world.objects.delete = remove
    }
    expect(await files.sweep()).toBe(0)
    await world.passLedgerTime()
    expect(await files.sweep()).toBe(1)
    expect(await world.objectNames(drive)).toEqual([])
  })
})

test('walks, sizes and pages of a tree', async () => {
  const drive = world.newDrive()
  await smallTree(drive)
  const a = await files.nodeAt(drive, '/a')
  if (a?.kind !== 'directory') throw new Error('not a directory')
  const seen: string[] = []
  for await (const { node, path } of files.walk(drive, a)) {
    const parent = path.slice(0, path.lastIndexOf('/'))
    expect(parent === '/a' || seen.includes(parent)).toBe(true)
    expect(node.name).toBe(path.slice(path.lastIndexOf('/') + 1))
    seen.push(path)
  }
  expect(seen.sort()).toEqual(['/a/b', '/a/b/c', '/a/b/y', '/a/x'])
  expect(await files.sizeBelow(drive, a)).toBe(10)
  const first = await files.children(drive, a, { limit: 1 })
  expect(first).toMatchObject({ nodes: [{ name: 'b' }], count: 2, more: true })
  const second = await files.children(drive, a, { limit: 1, after: first.nodes[0] })
  expect(second).toMatchObject({ nodes: [{ name: 'x' }], count: 2, more: false })
  expect((await files.children(drive, a, { limit: 1, skip: 1 })).nodes).toEqual(second.nodes as typeof first.nodes)
})
