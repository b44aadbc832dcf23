/** Former contents: which stay, how they come back, and that no object outlives them. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type FileNode, rootId } from '../../src/files/node.ts'
import type { Drive, Files } from '../../src/files/service.ts'
import { bytesOf, type FilesUnderTest, openFilesUnderTest, refusal, textOf } from './fixture.ts'

let world: FilesUnderTest
let files: Files
beforeAll(async () => {
  world = await openFilesUnderTest()
  files = world.files
}, 60_000)
afterAll(() => world.close())

const minutes = (count: number) => {
  world.clock.ms += count * 60_000
}
const put = (drive: Drive, text: string, name = 'a.txt') =>
  files.createFile(drive, { dirId: rootId, name }, bytesOf(text))
const overwrite = (drive: Drive, file: FileNode, text: string, given = {}) =>
  files.overwrite(drive, file.id, given, bytesOf(text))
/** The contents of the versions, newest first. */
const contents = async (drive: Drive, file: FileNode) =>
  Promise.all((await files.versions(drive, file.id)).map((version) => textOf(files, drive, version)))

test('an overwrite keeps name, place, creation and references, and replaces the rest', async () => {
  const drive = world.newDrive()
  const given = { dirId: rootId, name: 'a.txt', tags: ['x'], metadata: { y: 1 }, executable: true }
  const made = await files.createFile(drive, given, bytesOf('one'))
  await files.addReferences(drive, made.id, [{ type: 'io.cozy.albums', id: '1' }])
  minutes(1)
  const next = await overwrite(drive, made, 'second', { mime: 'image/png' })
  expect(next).toMatchObject({
    id: made.id,
    name: 'a.txt',
    createdAt: made.createdAt,
    updatedAt: new Date(world.clock.ms).toISOString(),
    referencedBy: [{ type: 'io.cozy.albums', id: '1' }],
    tags: [],
    executable: false,
    size: 6,
    mime: 'image/png',
    class: 'image',
  })
  expect(next.value).not.toHaveProperty('metadata')
  expect(next.internalId).not.toBe(made.internalId)
  expect(await textOf(files, drive, next)).toBe('second')
  const [version, ...more] = await files.versions(drive, made.id)
  expect(more).toEqual([])
  expect(version?.value).toMatchObject({
    updated_at: made.updatedAt,
    size: '3',
    md5sum: made.md5sum,
    tags: ['x'],
    metadata: { y: 1 },
    cozyMetadata: { createdAt: new Date(world.clock.ms).toISOString(), uploadedAt: made.createdAt },
    relationships: { file: { data: { _id: made.id, _type: 'io.cozy.files' } } },
  })
  expect(version?.id).toBe(`${made.id}/${made.internalId}`)
  expect(await files.usage(drive)).toMatchObject({ files: 6, versions: 3 })
})

test('the same content and contents of a quarter of an hour are not kept', async () => {
  const drive = world.newDrive()
  let file = await put(drive, '0')
  for (const text of ['0', '1', '2', '3']) {
    minutes(1)
    file = await overwrite(drive, file, text)
  }
  expect(await contents(drive, file)).toEqual(['0'])
  minutes(15)
  file = await overwrite(drive, file, '4')
  expect(await contents(drive, file)).toEqual(['3', '0'])
  expect((await world.objectNames(drive)).length).toBe(3)
  expect(await files.usage(drive)).toMatchObject({ files: 1, versions: 2 })
})

test('the oldest go beyond the limit, tagged ones never', async () => {
  const drive = world.newDrive({ versioning: { max: 3, minDelayMs: 0 } })
  let file = await put(drive, '0')
  for (const text of ['1', '2']) {
    minutes(1)
    file = await overwrite(drive, file, text)
  }
  const oldest = (await files.versions(drive, file.id)).at(-1)
  if (oldest === undefined) throw new Error('no version')
  const tagged = await files.tagVersion(drive, file.id, oldest.internalId, ['keep'])
  expect(tagged.tags).toEqual(['keep'])
  for (const text of ['3', '4', '5']) {
    minutes(1)
    file = await overwrite(drive, file, text)
  }
  expect(await contents(drive, file)).toEqual(['4', '0'])
  expect((await world.objectNames(drive)).length).toBe(3)
})

test('dates that clients give to contents do not decide which versions go', async () => {
  const drive = world.newDrive({ versioning: { max: 3, minDelayMs: 0 } })
  let file: FileNode | undefined
  for (const year of ['2024', '2025', '2026', '2010', '2027', '2028']) {
    const updatedAt = `${year}-01-01T00:00:00Z`
    minutes(1)
    file =
      file === undefined
        ? await files.createFile(drive, { dirId: rootId, name: 'a', updatedAt }, bytesOf(year))
        : await overwrite(drive, file, year, { updatedAt })
    if (year === '2027') expect((await contents(drive, file)).sort()).toEqual(['2010', '2026'])
  }
  expect(file && (await contents(drive, file))).toEqual(['2027', '2010'])
  expect((await world.objectNames(drive)).length).toBe(3)
})

test('versions are listed by the instants of their dates, the newest first', async () => {
  const drive = world.newDrive({ versioning: { max: 20, minDelayMs: 0 } })
  const dates = [
    '2024-01-01T10:00:00+09:00',
    '2024-01-01T02:00:00Z',
    '2024-01-01T02:00:00.000000001Z',
    '2030-01-01T00:00:00Z',
  ]
  let file: FileNode | undefined
  for (const updatedAt of dates) {
    file =
      file === undefined
        ? await files.createFile(drive, { dirId: rootId, name: 'a', updatedAt }, bytesOf(updatedAt))
        : await overwrite(drive, file, updatedAt, { updatedAt })
  }
  expect(file && (await contents(drive, file))).toEqual([dates[2], dates[1], dates[0]] as string[])
})

test('none with a limit of 0', async () => {
  const drive = world.newDrive({ versioning: { max: 0, minDelayMs: 0 } })
  const file = await overwrite(drive, await put(drive, '0'), '1')
  expect(await contents(drive, file)).toEqual([])
  expect((await world.objectNames(drive)).length).toBe(1)
  expect(await files.usage(drive)).toMatchObject({ files: 1, versions: 0 })
})

test('taking a version back swaps it with the current content', async () => {
  const drive = world.newDrive()
  const made = await put(drive, 'old')
  minutes(1)
  const file = await overwrite(drive, made, 'newer', { tags: ['t'] })
  minutes(1)
  const back = await files.revert(drive, file.id, made.internalId)
  expect(back).toMatchObject({ size: 3, md5sum: made.md5sum, updatedAt: made.updatedAt, tags: [] })
  expect(await textOf(files, drive, back)).toBe('old')
  expect(await contents(drive, back)).toEqual(['newer'])
  const again = await files.revert(drive, file.id, file.internalId)
  expect(again.tags).toEqual(['t'])
  expect(await contents(drive, again)).toEqual(['old'])
  expect(await files.usage(drive)).toMatchObject({ files: 5, versions: 3 })
})

test('a version on request: same content, metadata for what follows', async () => {
  const drive = world.newDrive()
  const made = await put(drive, 'same')
  const kept = await files.keepVersion(drive, made.id, { tags: ['v2'], metadata: { a: 1 } })
  expect(kept).toMatchObject({ tags: ['v2'], size: 4, md5sum: made.md5sum, value: { metadata: { a: 1 } } })
  expect(kept.internalId).not.toBe(made.internalId)
  expect(await textOf(files, drive, kept)).toBe('same')
  expect(await contents(drive, kept)).toEqual(['same'])
  expect(await files.usage(drive)).toMatchObject({ files: 4, versions: 4 })
})

test('deleting one, or all of all files', async () => {
  const drive = world.newDrive({ versioning: { max: 20, minDelayMs: 0 } })
  const first = await put(drive, '0', 'a')
  const second = await put(drive, '0', 'b')
  for (const file of [first, second]) for (const text of ['1', '2']) await overwrite(drive, file, text)
  expect((await world.objectNames(drive)).length).toBe(6)
  await files.deleteVersion(drive, first.id, first.internalId)
  expect(await contents(drive, first)).toEqual(['1'])
  expect(await files.version(drive, first.id, first.internalId)).toBeUndefined()
  expect((await world.objectNames(drive)).length).toBe(5)
  await files.trash(drive, second.id)
  await files.deleteAllVersions(drive)
  expect([await contents(drive, first), await contents(drive, second)]).toEqual([[], []])
  expect((await world.objectNames(drive)).length).toBe(2)
  expect(await files.usage(drive)).toEqual({ used: 2, files: 2, versions: 0, trash: undefined })
})

test('of two overwrites with one revision exactly one is done', async () => {
  const drive = world.newDrive()
  const made = await put(drive, '0')
  const answers = await Promise.all(
    ['1', '2'].map((text) => refusal(overwrite(drive, made, text, { ifMatch: made.rev }))),
  )
  expect(answers.sort()).toEqual(['412 | Revision does not match | If-Match', 'accepted'])
  expect((await world.objectNames(drive)).length).toBe(2)
})
