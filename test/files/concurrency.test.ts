/** What happens at the same time: one wins, the other is told, and the tree stays whole. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openFiles } from '../../src/files/files.ts'
import { rootId } from '../../src/files/node.ts'
import type { Bytes, Drive, Files } from '../../src/files/service.ts'
import { silentLog } from '../../src/log.ts'
import { bytesOf, type FilesUnderTest, openFilesUnderTest, refusal, treeOf } from './fixture.ts'

let world: FilesUnderTest
let files: Files
beforeAll(async () => {
  world = await openFilesUnderTest()
  files = world.files
}, 60_000)
afterAll(() => world.close())

const directory = (drive: Drive, name: string, dirId: string = rootId) => files.createDirectory(drive, { dirId, name })

/** A body that ends when it is told to. */
function heldBack(): { readonly body: Bytes; readonly started: Promise<void>; end(): void } {
  const started = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  async function* body(): Bytes {
    yield new TextEncoder().encode('he')
    started.resolve()
    await ended.promise
    yield new TextEncoder().encode('llo')
  }
  return { body: body(), started: started.promise, end: ended.resolve }
}

test('two uploads of one name: one is there, the other refused and its object gone', async () => {
  const drive = world.newDrive()
  const bodies = [heldBack(), heldBack()]
  const answers = bodies.map(({ body }) => refusal(files.createFile(drive, { dirId: rootId, name: 'a' }, body)))
  // Both have passed the first look at the name when the first one ends.
  await Promise.all(bodies.map(({ started }) => started))
  for (const { end } of bodies) end()
  expect((await Promise.all(answers)).sort()).toEqual(['409 | file already exists', 'accepted'])
  expect((await world.objectNames(drive)).length).toBe(1)
  expect(await treeOf(files, drive)).toEqual(['/a'])
  expect(await files.usage(drive)).toMatchObject({ used: 5 })
})

test('thirty directories of one name: one is made', async () => {
  const drive = world.newDrive()
  const answers = await Promise.all(Array.from({ length: 30 }, () => refusal(directory(drive, 'a'))))
  expect(answers.filter((answer) => answer === 'accepted').length).toBe(1)
  expect(await treeOf(files, drive)).toEqual(['/a/'])
})

test('two moves that would make a circle: one is refused', async () => {
  const drive = world.newDrive()
  for (let round = 0; round < 10; round++) {
    const [a, b] = await Promise.all([directory(drive, `a${round}`), directory(drive, `b${round}`)])
    const answers = await Promise.all([
      refusal(files.change(drive, a.id, { dirId: b.id })),
      refusal(files.change(drive, b.id, { dirId: a.id })),
    ])
    expect(answers.sort()).toEqual(['412 | Forbidden document move | dir-id', 'accepted'])
  }
  expect((await treeOf(files, drive)).length).toBe(20)
})

test('uploads into a directory that is renamed meanwhile follow it', async () => {
  const drive = world.newDrive()
  const dir = await directory(drive, 'old')
  const held = heldBack()
  const upload = files.createFile(drive, { dirId: dir.id, name: 'a' }, held.body)
  await held.started
  await files.change(drive, dir.id, { name: 'new' })
  held.end()
  await upload
  expect(await treeOf(files, drive)).toEqual(['/new/', '/new/a'])
})

test.each(['trash', 'destroy'] as const)('uploads into a directory that is gone meanwhile: %s', async (way) => {
  const drive = world.newDrive()
  const dir = await directory(drive, 'dir')
  const file = await files.createFile(drive, { dirId: dir.id, name: 'b' }, bytesOf('old'))
  const [created, replaced] = [heldBack(), heldBack()]
  const answers = Promise.all([
    refusal(files.createFile(drive, { dirId: dir.id, name: 'a' }, created.body)),
    refusal(files.overwrite(drive, file.id, {}, replaced.body)),
  ])
  await Promise.all([created.started, replaced.started])
  if (way === 'trash') await files.trash(drive, dir.id)
  else await files.destroy(drive, dir.id, { inTrash: false })
  created.end()
  replaced.end()
  expect(await answers).toEqual(
    way === 'trash'
      ? ['404 | Parent directory is in the trash', '404 | Parent directory is in the trash']
      : ['404 | Parent directory with given DirID does not exist', '404 | file does not exist'],
  )
  expect((await world.objectNames(drive)).length).toBe(way === 'trash' ? 1 : 0)
})

test('making, renaming and trashing at once leaves paths that are true', async () => {
  const drive = world.newDrive()
  const dir = await directory(drive, 'd')
  const work: Promise<string>[] = []
  for (let n = 0; n < 20; n++) {
    work.push(refusal(directory(drive, `below${n}`, dir.id)))
    work.push(refusal(files.change(drive, dir.id, { name: `d${n}` })))
    if (n % 5 === 2) work.push(refusal(files.trash(drive, dir.id)))
    if (n % 5 === 4) work.push(refusal(files.restore(drive, dir.id)))
  }
  const answers = await Promise.all(work)
  expect(answers.every((answer) => answer === 'accepted' || /^40[04] /.test(answer))).toBe(true)
  // treeOf compares every stored path with the way that leads there.
  const there = [...(await treeOf(files, drive)), ...(await treeOf(files, drive, 'io.cozy.files.trash-dir'))]
  const made = answers.filter((answer, at) => answer === 'accepted' && at % 2 === 0).length
  expect(there.length).toBeGreaterThan(1)
  expect(made).toBeGreaterThan(0)
})

test('a process that ends in an upload leaves rubbish that is swept when its lease is over', async () => {
  const drive = world.newDrive()
  const options = { store: world.store.files, log: silentLog }
  // It puts its bytes and is never heard of again.
  const dying = openFiles({
    ...options,
    objects: { ...world.objects, put: (...given) => world.objects.put(...given).then(() => new Promise(() => {})) },
  })
  void dying.createFile(drive, { dirId: rootId, name: 'a' }, bytesOf('hello'))
  while ((await world.objectNames(drive)).length === 0) await sleep(5)
  expect(await files.sweep()).toBe(0)
  expect((await world.objectNames(drive)).length).toBe(1)
  await world.passLedgerTime()
  expect(await files.sweep()).toBe(1)
  expect(await world.objectNames(drive)).toEqual([])
  await dying.close()
})

test('an upload whose lease ran out writes no document without bytes', async () => {
  const drive = world.newDrive()
  const held = heldBack()
  const answer = refusal(files.createFile(drive, { dirId: rootId, name: 'a' }, held.body))
  await held.started
  await world.passLedgerTime()
  expect(await files.sweep()).toBe(1)
  held.end()
  expect(await answer).toStartWith('503 | ')
  expect(await treeOf(files, drive)).toEqual([])
})

test('the objects of a tenant that is removed go with it', async () => {
  const drive = world.newDrive()
  const other = world.newDrive()
  for (const one of [drive, other]) await files.createFile(one, { dirId: rootId, name: 'a' }, bytesOf('hello'))
  await world.store.dropPrefix(drive.prefix)
  expect(await files.sweep()).toBe(1)
  expect(await world.objectNames(drive)).toEqual([])
  expect((await world.objectNames(other)).length).toBe(1)
  expect(await files.node(drive, rootId)).toMatchObject({ path: '/' })
})
