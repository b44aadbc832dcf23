/** Places and ways to them that are slow, torn, full of errors or gone, and what is written while that is so. */
import { afterAll, describe, expect, test } from 'bun:test'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Driver, DriverKind } from '../../src/sync/drivers/contract.ts'
import { DriverError } from '../../src/sync/drivers/error.ts'
import { localStorage } from '../../src/sync/drivers/local/local-storage.ts'
import { openPool } from '../../storage/postgres/connection.ts'
import { postgresBin } from '../support/postgres.ts'
import { Folder, inWorld, type World } from './world.ts'

const made: string[] = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

/** A third entry C, whose driver does what a test wants. */
function withC(
  change: (driver: Driver) => Partial<Driver>,
  work: (world: World, c: Folder) => Promise<void>,
): () => Promise<void> {
  const kind: DriverKind = {
    ...localStorage,
    name: 'changed',
    async open(options, context) {
      const driver = await localStorage.open(options, context)
      return { ...driver, ...change(driver) }
    },
  }
  return () =>
    inWorld({ entries: ['A'], rules: [], kinds: [kind] }, async (world) => {
      const root = mkdtempSync(join(tmpdir(), 'hearth-sync-'))
      made.push(root)
      const c = new Folder(root)
      await world.create('C', 'changed', { root })
      await world.rules([{ match: { path: '/' }, sync: ['A', 'C'] }])
      await work(world, c)
    })
}

const scenario = (name: string, work: () => Promise<void>) =>
  test.skipIf(postgresBin() === undefined)(name, work, 120_000)

const isSame = async (world: World, c: Folder) => Bun.deepEquals(await world.folder('A').all(), await c.all())

describe('on the way', () => {
  let flips = 0
  scenario(
    'one bit of what is read is another -> read again, wrong bytes are never published',
    withC(
      (driver) => ({
        async *read(name, fingerprint, start, end) {
          for await (const bytes of driver.read(name, fingerprint, start, end)) {
            if (name !== 'x' || flips-- <= 0) {
              yield bytes
              continue
            }
            const wrong = Buffer.from(bytes)
            wrong[0] = (wrong[0] ?? 0) ^ 1
            yield wrong
          }
        },
      }),
      async (world, c) => {
        flips = 0
        await c.place('y', 'y')
        await world.until('y', async () => (await world.folder('A').read('y')) === 'y')
        // It is accepted as it is, and then changes on its way to A, again and again.
        await world.stop('A')
        await c.place('x', 'precious')
        await world.until('accepted', async () => (await world.view('x')) !== undefined)
        flips = 3
        await world.start('A')
        await world.until('copied', async () => (await world.folder('A').read('x')) === 'precious')
        expect(flips).toBeLessThan(3)
        await world.quiet()
        expect([await c.all(), await world.folder('A').all()]).toEqual([
          { x: 'precious', y: 'y' },
          { x: 'precious', y: 'y' },
        ])
        expect((await world.ops()).filter((op) => op === 'changed')).toEqual([])
      },
    ),
  )

  let random = 7
  const unlucky = () => {
    random = (random * 1_103_515_245 + 12_345) % 2_147_483_648
    return random / 2_147_483_648 < 0.1
  }
  let throttled = 0
  const throttle = () => {
    if (!unlucky()) return
    throttled++
    throw new DriverError('unavailable', 'slow down', { retryAfterMs: 50 })
  }
  scenario(
    'every tenth request is refused for being too many -> all is copied once, nothing has a second version',
    withC(
      (driver) => ({
        stage: async (...given) => {
          throttle()
          const stage = await driver.stage(...given)
          return {
            ...stage,
            async commit(...how) {
              throttle()
              return stage.commit(...how)
            },
          }
        },
        stat: async (name) => {
          throttle()
          return driver.stat(name)
        },
      }),
      async (world, c) => {
        for (let n = 0; n < 150; n++) await world.folder('A').place(`f/${n}`, `content ${n}`)
        await world.until('all copied', async () => Object.keys(await c.all()).length === 150, 90_000)
        await world.quiet(60_000)
        expect(throttled).toBeGreaterThan(5)
        expect(await isSame(world, c)).toBe(true)
        const ops = await world.ops()
        expect(ops.filter((op) => op === 'created')).toHaveLength(150)
        expect(ops.filter((op) => op === 'changed')).toEqual([])
      },
    ),
  )

  let isSlow = false
  let gate: Promise<void> | undefined
  const slow = (driver: Driver): Partial<Driver> => ({
    async stage(...given) {
      const stage = await driver.stage(...given)
      return {
        ...stage,
        async write(start, bytes) {
          if (isSlow) await pause(400)
          if (start >= 16 * 1024 * 1024) await gate
          await stage.write(start, bytes)
        },
      }
    },
  })
  scenario(
    'overwritten ten times during a slow copy -> the last content, and no more versions than were written',
    withC(slow, async (world, c) => {
      isSlow = true
      for (let n = 0; n < 11; n++) {
        await world.folder('A').place('x', `content ${n}`)
        await pause(90)
      }
      await world.until('the last', async () => (await c.read('x')) === 'content 10')
      isSlow = false
      await world.quiet()
      const ops = await world.ops()
      expect(ops.filter((op) => op === 'created' || op === 'changed').length).toBeLessThanOrEqual(11)
      expect(await isSame(world, c)).toBe(true)
      await world.until('no stage is left', async () => (await c.stages()).length === 0)
    }),
  )

  scenario(
    'stopped in the middle of a copy, twice, and started -> refused once, and the copy goes on where it was',
    withC(slow, async (world, c) => {
      isSlow = false
      let open = () => {}
      gate = new Promise<void>((resolve) => {
        open = resolve
      })
      const command = (kind: 'stop' | 'start' | 'stats') => world.engine.run({ kind, entry: 'C' })
      const content = 'x'.repeat(40 * 1024 * 1024)
      await world.folder('A').place('x', content)
      const done = () => world.engine.runner('C').transfers[0]?.done ?? 0
      await world.until('under way', async () => done() === 16 * 1024 * 1024)
      const stopped = command('stop')
      await world.until('being stopped', async () => world.engine.runner('C').own === undefined)
      open()
      await stopped
      await expect(command('stop')).rejects.toThrow('entry C is already stopped')
      await expect(command('stats')).rejects.toThrow('entry C is not running')
      expect(await c.all()).toEqual({})
      await command('start')
      await world.until('copied', async () => (await world.view('x'))?.uptodate.length === 2)
      expect((await c.read('x')) === content).toBe(true)
      const [copied] = (await world.store.journal(0, 99)).filter(({ op }) => op === 'copied')
      expect((JSON.parse(copied?.detail ?? '') as { resumed: number }).resumed).toBeGreaterThanOrEqual(16 * 1024 * 1024)
    }),
  )

  scenario(
    'somebody writes the file where it is being copied to -> both contents are there, one as a conflict copy',
    withC(slow, async (world, c) => {
      isSlow = true
      await world.folder('A').write('x', 'from A')
      await world.until('on its way', async () => (await c.stages()).length > 0)
      await c.write('x', 'from C')
      await world.until('both', async () => Object.keys(await world.folder('A').all()).length === 2)
      isSlow = false
      await world.quiet()
      expect(await isSame(world, c)).toBe(true)
      expect(Object.values(await c.all()).sort()).toEqual(['from A', 'from C'])
      expect((await world.folder('A').read('x')) ?? '').toBe('from A')
    }),
  )
})

let moves = 0
scenario(
  'a place refuses every rename -> copied and deleted instead, without end of trying',
  withC(
    () => ({
      move: async (_from, _fingerprint, to) => {
        moves++
        throw new DriverError('exists', `${to}: something is there already`)
      },
    }),
    async (world, c) => {
      await world.folder('A').write('x', 'one')
      await world.until('a copy', async () => (await c.read('x')) === 'one')
      await world.quiet()
      moves = 0
      await world.folder('A').rename('x', 'y')
      await world.until('renamed', async () => Bun.deepEquals(await c.all(), { y: 'one' }))
      await world.quiet()
      expect(moves).toBe(1)
      expect(await c.trash()).toEqual(['one'])
    },
  ),
)

scenario('files that cannot be synchronised -> told of, after every look and as long as it is so', () =>
  inWorld({}, async (world) => {
    await world.folder('A').write('\u00e9', 'composed')
    await world.until('a copy', async () => (await world.folder('B').read('\u00e9')) === 'composed')
    await world.folder('A').write('e\u0301', 'decomposed')
    const told = async () => (await world.store.issues('A')).map(({ native }) => native)
    await world.until('told', async () => (await told()).length === 1)
    for (let n = 0; n < 4; n++) {
      await world.engine.runner('A').scan()
      expect(await told()).toEqual(['e\u0301'])
    }
    await world.folder('A').remove('e\u0301')
    await world.engine.runner('A').scan()
    await world.until('not any more', async () => (await told()).length === 0)
  }),
)

describe('what is seen', () => {
  let tearAfter = Number.POSITIVE_INFINITY
  scenario(
    'a listing breaks off after its first page -> nothing counts as deleted; later it goes on',
    withC(
      (driver) => ({
        async *list(below) {
          let page = 0
          for await (const all of driver.list(below)) {
            for (let at = 0; at < all.length || at === 0; at += 10) {
              if (page++ >= tearAfter) throw new DriverError('unavailable', 'torn')
              yield all.slice(at, at + 10)
            }
          }
        },
      }),
      async (world, c) => {
        for (let n = 0; n < 40; n++) await c.write(`f/${n}`, `content ${n}`)
        await world.until('copied', async () => Object.keys(await world.folder('A').all()).length === 40)
        await world.quiet()
        tearAfter = 1
        for (let n = 0; n < 3; n++) {
          await expect(world.engine.runner('C').scan()).rejects.toThrow('torn')
        }
        await world.quiet()
        expect(Object.keys(await world.folder('A').all())).toHaveLength(40)
        expect(await world.ops()).not.toContain('deleted')
        tearAfter = Number.POSITIVE_INFINITY
        await c.write('g', 'new')
        await world.until('goes on', async () => (await world.folder('A').read('g')) === 'new')
      },
    ),
  )

  scenario(
    'a listing that is whole but lacks files that are there -> they are looked for, and stay',
    withC(
      (driver) => ({
        async *list(below) {
          for await (const page of driver.list(below)) yield page.filter((_, at) => at % 2 === 0)
        },
      }),
      async (world, c) => {
        for (let n = 0; n < 30; n++) await world.folder('A').write(`${n}`, `${n}`)
        await world.until('copied', async () => Object.keys(await c.all()).length === 30)
        await world.quiet()
        for (let n = 0; n < 3; n++) await world.engine.runner('C').scan()
        await world.quiet()
        expect(Object.keys(await world.folder('A').all())).toHaveLength(30)
        expect(await world.ops()).not.toContain('deleted')
      },
    ),
  )

  let lose: () => void = () => {}
  scenario(
    'the watch misses 1,000 new files and says so -> all are found',
    withC(
      () => ({
        watch(_hint, lost) {
          lose = lost
          return () => {}
        },
      }),
      async (world, c) => {
        await world.quiet()
        mkdirSync(join(c.root, 'd'))
        for (let n = 0; n < 1_000; n++) await c.write(`d/${n}`, `${n}`)
        for (let n = 0; n < 50; n++) lose()
        await world.until('found', async () => Object.keys(await world.folder('A').all()).length === 1_000, 90_000)
      },
    ),
  )

  scenario('a file grows for a while -> nothing torn is ever seen elsewhere, in the end all of it', () =>
    inWorld({}, async (world) => {
      const path = join(world.folder('A').root, 'log')
      let whole = ''
      const seen: string[] = []
      for (let n = 0; n < 60; n++) {
        const line = `line ${n} ${'x'.repeat(500)}\n`
        appendFileSync(path, line)
        whole += line
        await pause(n % 10 === 0 ? 120 : 15)
        const copy = await world.folder('B').read('log')
        if (copy !== undefined) seen.push(copy)
      }
      await world.until('all of it', async () => (await world.folder('B').read('log')) === whole)
      for (const copy of seen) expect(whole.startsWith(copy)).toBe(true)
      await world.quiet()
      expect(await world.folder('B').all()).toEqual({ log: whole })
    }),
  )
})

scenario('the database is an older backup -> nothing is deleted, both sides of what differs are kept', () =>
  inWorld({}, async (world) => {
    for (const name of ['same', 'newer', 'gone', 'differs']) await world.folder('A').write(name, `old ${name}`)
    await world.quiet()
    await world.stopEngine()
    // What happened since the backup, as far as it had come.
    for (const entry of ['A', 'B']) {
      await world.folder(entry).write('newer', 'newer content')
      await world.folder(entry).write('created', 'created since')
      await world.folder(entry).remove('gone')
    }
    await world.folder('A').write('differs', 'one side')
    await world.folder('B').write('differs', 'other side')
    await world.folder('A').remove('same')
    const sql = openPool({ target: world.databaseUrl, maxConnections: 1 })
    await sql`UPDATE sync_state SET home = 'another database'`
    await sql.end()
    await world.startEngine()
    await world.until('the same', () => world.isSame())
    await world.quiet()
    const all = await world.folder('A').all()
    expect(all['same']).toBe('old same')
    expect(all['newer']).toBe('newer content')
    expect(all['created']).toBe('created since')
    expect(Object.values(all)).toContain('one side')
    expect(Object.values(all)).toContain('other side')
    expect(await world.isSame()).toBe(true)
  }),
)
