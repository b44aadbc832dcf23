/** Two servers on one database: one leads, both serve, and the other takes over when the first is killed. */
import { afterAll, expect, test } from 'bun:test'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { postgresBin, sharedPostgres } from '../support/postgres.ts'
import { type SyncServer, startSyncServer } from './server.ts'

const servers: SyncServer[] = []
afterAll(async () => {
  for (const server of servers) {
    await server.killTree().catch(() => {})
    server.clean()
  }
})

async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 40_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`)
    await Bun.sleep(50)
  }
}

test.skipIf(postgresBin() === undefined)(
  'the leader is killed -> the other goes on, and knows what was done',
  async () => {
    const databaseUrl = await (await sharedPostgres()).createDatabase()
    const env = { HEARTH_DATABASE_URL: databaseUrl, HEARTH_SECRETS_KEY: 'ab'.repeat(32) }
    const first = await startSyncServer({ env })
    servers.push(first)
    const second = await startSyncServer({ env })
    servers.push(second)
    // What the second's own configuration names is not taken over: the database decides since the first start.
    expect((await second.ask('GET', '/api/v1.0/entries')).json).toEqual(
      (await first.ask('GET', '/api/v1.0/entries')).json,
    )

    const stopped = await second.ask('PUT', '/api/v1.0/entries/B/stop')
    expect(stopped.json).toMatchObject({ name: 'B', status: 'ok' })
    expect((await first.ask('GET', '/api/v1.0/entries/B/status')).json).toMatchObject({ status: 'stopped' })
    expect((await second.ask('PUT', '/api/v1.0/entries/B/stop')).json).toEqual({
      status: 'error',
      reason: 'entry B is already stopped',
    })
    expect((await second.ask('PUT', '/api/v1.0/entries/B/start')).status).toBe(200)

    // The leader hears of each at once: it looks by itself only every ten seconds.
    const began = performance.now()
    for (let n = 0; n < 8; n += 1) {
      expect((await second.ask('GET', '/api/v1.0/entries/B/stats')).status).toBe(200)
    }
    expect(performance.now() - began).toBeLessThan(35_000)

    const [a, b] = [first.roots['A']!, first.roots['B']!]
    mkdirSync(join(a, 'deep'), { recursive: true })
    writeFileSync(join(a, 'deep/one'), 'one')
    await until('a copy', () => existsSync(join(b, 'deep/one')))
    await first.kill()
    writeFileSync(join(b, 'two'), 'two')
    await until('a copy by the other', () => existsSync(join(a, 'two')))
    await until('an answer', async () => (await second.ask('GET', '/api/v1.1/status')).status === 200)
  },
  120_000,
)
