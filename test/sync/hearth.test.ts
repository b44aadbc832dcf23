import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Drive } from '../../src/files/service.ts'
import type { Instance } from '../../src/instances/service.ts'
import { driverCode } from '../../src/sync/drivers/error.ts'
import { hearthKind } from '../../src/sync/drivers/hearth/hearth.ts'
import { bytesOf, type FilesUnderTest, openFilesUnderTest, textOf } from '../files/fixture.ts'
import { type DriverStage, driverSuite, fileAt, put } from './driver-suite.ts'

let under: FilesUnderTest
beforeAll(async () => {
  under = await openFilesUnderTest()
}, 60_000)
afterAll(() => under.close())

const context = { signal: new AbortController().signal, trusted: true }

function kindFor(drive: Drive, files = under.files) {
  return hearthKind({
    files,
    instances: { byHost: async (host) => (host === 'alice.example' ? ({ domain: host } as Instance) : undefined) },
    driveOf: async () => drive,
    watch: (prefix, onChange) => under.store.watch({ prefix, name: 'io.cozy.files' }, onChange),
  })
}

async function newStage(): Promise<DriverStage & { readonly drive: Drive }> {
  const drive = under.newDrive({ versioning: { max: 20, minDelayMs: 0 } })
  const { files } = under
  const path = (name: string) => `/Synced/${name}`
  return {
    drive,
    open: () => kindFor(drive).open({ domain: 'alice.example', path: '/Synced' }, context),
    outside: {
      async write(name, text) {
        const folder = path(name).slice(0, path(name).lastIndexOf('/'))
        const { id: dirId } = await files.createDirectoryAt(drive, folder, { recursive: true })
        const node = await files.nodeAt(drive, path(name))
        const body = bytesOf(String(text), 1)
        if (node === undefined)
          await files.createFile(drive, { dirId, name: name.slice(name.lastIndexOf('/') + 1) }, body)
        else await files.overwrite(drive, node.id, {}, body)
      },
      async read(name) {
        const node = await files.nodeAt(drive, path(name))
        return node?.kind === 'file' ? textOf(files, drive, node) : undefined
      },
      async remove(name) {
        const node = await files.nodeAt(drive, path(name))
        if (node !== undefined) await files.destroy(drive, node.id, { inTrash: false })
      },
    },
    close: async () => {},
  }
}

driverSuite('hearth', newStage, { withoutResume: true })

describe('what only drives have', () => {
  test('it ends right after a content was replaced -> the old one is in the trash, whatever is swept', async () => {
    const { drive, open } = await newStage()
    const before = await put(await open(), 'x', 'old')
    const files: typeof under.files = {
      ...under.files,
      async overwrite(...given) {
        await under.files.overwrite(...given)
        throw new Error('ended here')
      },
    }
    const ending = await kindFor(drive, files).open({ domain: 'alice.example', path: '/Synced' }, context)
    const trash = '00000000-0000-4000-8000-00000000eeee'
    await put(ending, 'x', 'new', { expected: before.fingerprint, trash }).catch(() => {})
    const driver = await open()
    await driver.sweepStages(new Set())
    expect((await fileAt(driver, 'x')).fingerprint).not.toBe(before.fingerprint)
    expect(await driver.isTrashed({ key: trash, name: 'x' })).toBe(true)
    const restored = await driver.restore({ key: trash, name: 'x' }, 'x-old')
    expect(restored.size).toBe(3)
  })

  test('an unknown instance -> options are refused', async () => {
    const kind = kindFor(under.newDrive())
    expect(await kind.open({ domain: 'nobody.example' }, context).catch(driverCode)).toBe('options')
  })

  test('a replaced file -> the same document; a removed one -> in the trash of its person, under its name', async () => {
    const stage = await newStage()
    const driver = await stage.open()
    const first = await put(driver, 'letter.txt', 'one')
    const before = await under.files.nodeAt(stage.drive, '/Synced/letter.txt')
    const second = await put(driver, 'letter.txt', 'two', { expected: first.fingerprint })
    const after = await under.files.nodeAt(stage.drive, '/Synced/letter.txt')
    expect(after?.id).toBe(before!.id)
    await driver.remove('letter.txt', second.fingerprint, { key: 'k', name: 'letter.txt' })
    expect(await under.files.nodeAt(stage.drive, '/.cozy_trash/letter.txt')).toMatchObject({ id: before!.id })
  })

  test('no room -> space', async () => {
    const drive = under.newDrive({ quota: 1_000 })
    const driver = await kindFor(drive).open({ domain: 'alice.example' }, context)
    expect(await put(driver, 'large', 'x'.repeat(2_000)).catch(driverCode)).toBe('space')
  })

  test('somebody changes the drive -> it is told', async () => {
    const stage = await newStage()
    const driver = await stage.open()
    let told = 0
    const end = driver.watch!(
      () => {},
      () => {
        told += 1
      },
    )
    await stage.outside.write('new', 'x')
    const deadline = Date.now() + 20_000
    while (told === 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
    end()
    expect(told).toBeGreaterThan(0)
    expect((await fileAt(driver, 'new')).size).toBe(1)
  })
})
