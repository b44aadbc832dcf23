/** The database goes away for a while, and somebody goes on working in the folders. */
import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../src/log.ts'
import { newSecrets } from '../../src/secrets/secrets.ts'
import { localStorage } from '../../src/sync/drivers/local/local-storage.ts'
import { newSeal } from '../../src/sync/seal.ts'
import { openSync } from '../../src/sync/sync.ts'
import { openPool } from '../../storage/postgres/connection.ts'
import { migrate } from '../../storage/postgres/migrate.ts'
import { openPostgresSync } from '../../storage/postgres/sync/store.ts'
import { postgresBin, startPostgres } from '../support/postgres.ts'
import { Folder, quickTiming } from './world.ts'

const log = { debug: () => {}, info: () => {}, warning: () => {}, error: () => {} } as unknown as Log

test.skipIf(postgresBin() === undefined)(
  'the database is gone during 20 edits -> 503 meanwhile, nothing is published half, and all arrives when it is back',
  async () => {
    const root = mkdtempSync(join(tmpdir(), 'hearth-sync-outage-'))
    const [a, b] = [new Folder(join(root, 'A')), new Folder(join(root, 'B'))]
    for (const one of [a, b]) mkdirSync(one.root)
    const postgres = await startPostgres()
    const target = await postgres.createDatabase()
    const sql = openPool({ target, maxConnections: 1 })
    await migrate(sql)
    await sql.end()
    const store = openPostgresSync({ target })
    const names = ['A', 'B']
    const sync = openSync({
      store,
      log,
      kinds: [localStorage],
      seal: newSeal(newSecrets(new Uint8Array(32))),
      machine: 'here',
      roots: [],
      ownFolders: [],
      entries: names.map((name) => ({ name, driver: 'local_storage', options: { root: join(root, name) } })),
      rules: [{ match: { path: '/' }, sync: names }],
      timing: quickTiming,
    })
    const until = async (what: string, condition: () => Promise<boolean>) => {
      const deadline = Date.now() + 60_000
      while (!(await condition())) {
        if (Date.now() > deadline) throw new Error(`never happened: ${what}`)
        await Bun.sleep(50)
      }
    }
    try {
      await sync.begun
      await a.write('before', 'before')
      await until('a copy', async () => (await b.read('before')) === 'before')
      await postgres.pause()
      await until('told', async () =>
        sync.run({ kind: 'put-rules', rules: [], ifMatch: undefined }).then(
          () => false,
          (error: { status?: number }) => error.status === 503,
        ),
      )
      for (let n = 0; n < 20; n++) {
        await a.write(`f${n % 5}`, `edit ${n}`)
        await Bun.sleep(20)
      }
      await b.write('other', 'from the other side')
      expect(Object.keys(await b.all())).toEqual(['before', 'other'])
      await postgres.resume()
      const all = { before: 'before', f0: 'edit 15', f1: 'edit 16', f2: 'edit 17', f3: 'edit 18', f4: 'edit 19' }
      const whole = { ...all, other: 'from the other side' }
      await until('the same', async () => Bun.deepEquals(await b.all(), whole) && Bun.deepEquals(await a.all(), whole))
    } finally {
      await sync.close()
      await postgres.stop()
      rmSync(root, { recursive: true, force: true })
    }
  },
  150_000,
)
