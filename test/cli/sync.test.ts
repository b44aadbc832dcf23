import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runHearth } from '../support/server.ts'
import { type SyncServer, startSyncServer } from '../sync/server.ts'

let server: SyncServer
beforeAll(async () => {
  server = await startSyncServer()
}, 60_000)
afterAll(async () => {
  await server.stop()
  server.clean()
})

const run = (...args: string[]) => runHearth(['sync', ...args], { env: { HEARTH_DATA_DIR: server.dataDir } })

describe('hearth sync', () => {
  test('status --follow -> ends when nothing is left, and says what is where', async () => {
    writeFileSync(join(server.roots['A']!, 'file'), 'content')
    const deadline = Date.now() + 30_000
    while (Date.now() < deadline && !(await Bun.file(join(server.roots['B']!, 'file')).exists())) await Bun.sleep(50)
    const { code, stdout } = await run('status', '--follow')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^A +local_storage +active +1 +0 +0$/m)
    const { entries } = JSON.parse((await run('status', '--json')).stdout) as { entries: { name: string }[] }
    expect(entries.map(({ name }) => name)).toEqual(['A', 'B'])
  }, 60_000)

  test('entries, rules, conflicts, plan -> what the API knows', async () => {
    expect((await run('entries')).stdout).toContain(server.roots['B']!)
    expect((await run('rules')).stdout).toContain('A, B')
    expect((await run('conflicts')).stdout).toMatch(/^id +bytes +file$/m)
    expect((await run('plan')).stdout).toContain('0 copies of 0 bytes')
  }, 60_000)

  test('no server -> said, exit code 1', async () => {
    const { code, stderr } = await runHearth(['sync', 'status'], { env: { HEARTH_DATA_DIR: '/nowhere' } })
    expect([code, stderr]).toEqual([1, expect.stringContaining('no server runs on /nowhere')])
  }, 60_000)
})
