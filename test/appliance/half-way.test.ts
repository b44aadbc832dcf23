/** What an update or a restore finds that was broken off, or that was made to break it. */
import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRestore, type RestoreOptions } from '../../src/appliance/restore.ts'
import { tarEnd, tarHeader, tarPadding } from '../../src/appliance/tar.ts'
import { type TrialOptions, takeUpTrial } from '../../src/appliance/update/trial.ts'

test('documents that are too large to be of a machine -> refused, and nothing is exchanged', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-restore-'))
  try {
    const files = { 'server.hearth': Buffer.from('data'), 'config/settings.json': Buffer.alloc(1024 ** 2 + 1, ' ') }
    const listed = Object.entries(files).map(([path, bytes]) => ({
      path,
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    }))
    const manifest = { format: 1, product: 'hearth-appliance', version: '1.0.0', encrypted: false, files: listed }
    const parts = Object.entries({ 'manifest.json': Buffer.from(JSON.stringify(manifest)), ...files })
    const tar = parts.flatMap(([name, bytes]) => {
      return [tarHeader({ name, size: bytes.length, time: 0 }), bytes, tarPadding(bytes.length)]
    })
    const path = join(folder, 'archive.tar')
    writeFileSync(path, Buffer.concat([...tar, tarEnd]))
    let exchanged = 0
    const restore = openRestore({
      places: { etc: folder },
      hooks: { run: async () => undefined },
      procedure: { log: { line: async () => {}, raw: async () => {} }, release: () => {} },
      server: { replace: async () => void exchanged++ },
    } as unknown as RestoreOptions)
    await expect(restore.run({ path, size: 0 })).rejects.toThrow('Unable to extract backup archive')
    expect([exchanged, existsSync(join(folder, 'settings.json'))]).toEqual([0, false])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.each([
  ['/releases/1.1.0', 1],
  ['/releases/1.0.0', 0],
  [undefined, 0],
])('the installation was broken off and %s runs -> restarts: %d', async (running, expected) => {
  let restarts = 0
  const trial = await takeUpTrial({
    releases: {
      trial: async () => ({ job: 'J', from: '1.0.0', to: '1.1.0', phase: 'installing', boots: 0 }),
      goBack: async () => {},
    },
    procedure: { log: { line: async () => {} }, conclude: async () => {} },
    hooks: { run: async () => undefined },
    audit: { write: async () => {} },
    running,
    restart: async () => {
      restarts += 1
      return true
    },
  } as unknown as TrialOptions)
  expect([trial, restarts]).toEqual([undefined, expected])
})
