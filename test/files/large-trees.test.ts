/** Changes of directories with 10,000 descendants are one operation of seconds at most. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { newNodeEdit } from '../../src/files/document.ts'
import { rootId, trashId } from '../../src/files/node.ts'
import type { Drive, Files } from '../../src/files/service.ts'
import type { JsonObject } from '../../src/model/json/value.ts'
import { type FilesUnderTest, openFilesUnderTest } from './fixture.ts'

const size = 10_000
/** Generous: other work shares the machine. */
const patienceMs = 20_000

let world: FilesUnderTest
let files: Files
beforeAll(async () => {
  world = await openFilesUnderTest()
  files = world.files
}, 60_000)
afterAll(() => world.close())

/** Makes `/top` with `size` nodes below, ten in each directory. */
async function largeTree(drive: Drive, kind: 'directory' | 'file'): Promise<string> {
  const top = await files.createDirectory(drive, { dirId: rootId, name: 'top' })
  const paths = ['/top']
  const value = (at: number): JsonObject => {
    const above = Math.floor(at / 10)
    const dirId = kind === 'file' || above === 0 ? top.id : `d${above}`
    const name = `n${at}`
    const path = `${kind === 'file' ? '/top' : paths[above]}/${name}`
    paths[at + 1] = path
    const common = { name, dir_id: dirId, tags: [], cozyMetadata: { createdOn: drive.pageUrl } }
    return kind === 'directory'
      ? { type: 'directory', ...common, path }
      : { type: 'file', ...common, size: '1', md5sum: 'x', trashed: false, internal_vfs_id: `content${at}` }
  }
  await world.store.files.change(drive.prefix, (tx) =>
    tx.write(Array.from({ length: size }, (_, at) => newNodeEdit(`d${at + 1}`, value(at)))),
  )
  return top.id
}

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now()
  await work()
  const ms = Math.round(performance.now() - start)
  console.log(`${what}: ${ms} ms`)
  expect(ms).toBeLessThan(patienceMs)
}

test('a directory with 10,000 directories below', async () => {
  const drive = world.newDrive()
  const top = await largeTree(drive, 'directory')
  const last = `d${size}`
  await timed('rename over 10,000 directories', () => files.change(drive, top, { name: 'renamed' }))
  expect(await files.node(drive, last)).toMatchObject({ path: expect.stringMatching(/^\/renamed\/n8\/n98\/n998\/n/) })
  await timed('trash of 10,000 directories', () => files.trash(drive, top))
  expect(await files.node(drive, last)).toMatchObject({ path: expect.stringMatching(/^\/\.cozy_trash\/renamed\//) })
  await timed('restore of 10,000 directories', () => files.restore(drive, top))
  await files.trash(drive, top)
  await timed('destruction of 10,000 directories', () => files.emptyTrash(drive))
  expect(await files.node(drive, last)).toBeUndefined()
}, 120_000)

test('a directory with 10,000 files', async () => {
  const drive = world.newDrive()
  const top = await largeTree(drive, 'file')
  const last = `d${size}`
  await timed('rename over 10,000 files', () => files.change(drive, top, { name: 'renamed' }))
  await timed('trash of 10,000 files', () => files.trash(drive, top))
  expect(await files.node(drive, last)).toMatchObject({ trashed: true })
  expect(await files.usage(drive, { trash: true })).toMatchObject({ files: size, trash: size })
  await timed('restore of 10,000 files', () => files.restore(drive, top))
  expect(await files.node(drive, last)).toMatchObject({ trashed: false })
  await files.trash(drive, top)
  await timed('destruction of 10,000 files', () => files.emptyTrash(drive))
  expect(await files.usage(drive)).toMatchObject({ used: 0 })
  expect(await files.nodes(drive, [last, trashId])).toMatchObject([{ id: trashId }])
}, 120_000)
