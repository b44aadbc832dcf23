/** Many files at once, and other ways in which a place can look as if its files were gone or new. */
import { describe, expect, test } from 'bun:test'
import { renameSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { DriverKind } from '../../src/sync/drivers/contract.ts'
import { localStorage } from '../../src/sync/drivers/local/local-storage.ts'
import { openPool } from '../../storage/postgres/connection.ts'
import { postgresBin } from '../support/postgres.ts'
import { inWorld, type World } from './world.ts'

const nobody = '00000000-0000-0000-0000-000000000000'

const scenario = (name: string, work: (world: World) => Promise<void>, options: Parameters<typeof inWorld>[0] = {}) =>
  test.skipIf(postgresBin() === undefined)(name, () => inWorld(options, work), 120_000)

async function fill(world: World, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await world.folder('A').place(`many/${n}`, `content ${n}`)
  await world.until('filled', async () => Object.keys(await world.folder('B').all()).length === count, 60_000)
  await world.quiet()
}

async function onDatabase<T>(world: World, work: (sql: ReturnType<typeof openPool>) => Promise<T>): Promise<T> {
  const sql = openPool({ target: world.databaseUrl, maxConnections: 1 })
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}

describe('many files change at once', () => {
  scenario(
    'everything is encrypted by somebody -> held, the others keep theirs; after a yes it goes on',
    async (world) => {
      await fill(world, 120)
      await world.stop('A')
      for (let n = 0; n < 120; n++) await world.folder('A').write(`many/${n}`, `encrypted ${n}`)
      await world.folder('A').write('many/new', 'a new file is no reason to wait')
      await world.start('A')
      await world.until('held', async () => (await world.store.entry('A'))?.held === 'mass-change')
      await world.until('new', async () => (await world.folder('B').read('many/new')) !== undefined)
      const kept = Object.values(await world.folder('B').all()).filter((content) => content.startsWith('content'))
      expect(kept).toHaveLength(120)
      // Still so after a restart.
      await world.restart()
      await world.quiet()
      expect((await world.store.entry('A'))?.held).toBe('mass-change')
      expect(await world.folder('B').read('many/7')).toBe('content 7')
      expect(await world.folder('A').read('many/7')).toBe('encrypted 7')
      await world.engine.run({ kind: 'confirm', entry: 'A' })
      await world.until('taken over', () => world.isSame(), 60_000)
      expect((await world.store.entry('A'))?.held).toBe('')
      expect((await world.folder('B').trash()).filter((content) => content.startsWith('content'))).toHaveLength(120)
    },
  )

  scenario('the old contents are put back instead -> nothing has changed anywhere', async (world) => {
    await fill(world, 80)
    await world.stop('A')
    for (let n = 0; n < 80; n++) await world.folder('A').write(`many/${n}`, `encrypted ${n}`)
    await world.start('A')
    await world.until('held', async () => (await world.store.entry('A'))?.held === 'mass-change')
    for (let n = 0; n < 80; n++) await world.folder('A').write(`many/${n}`, `content ${n}`)
    await world.engine.runner('A').scan()
    await world.engine.run({ kind: 'confirm', entry: 'A' })
    await world.quiet()
    expect(await world.isSame()).toBe(true)
    expect((await world.ops()).filter((op) => op === 'changed')).toEqual([])
  })

  scenario(
    'a folder of most files is renamed while nobody looks -> renamed, neither held nor copied',
    async (world) => {
      await fill(world, 120)
      await world.stop('A')
      const { root } = world.folder('A')
      renameSync(join(root, 'many'), join(root, 'moved'))
      await world.start('A')
      await world.until('renamed', async () =>
        Object.keys(await world.folder('B').all()).every((name) => name.startsWith('moved/')),
      )
      await world.quiet()
      expect((await world.store.entry('A'))?.held).toBe('')
      expect((await world.ops()).filter((op) => op === 'copied')).toHaveLength(120)
    },
  )
})

const locked: DriverKind = {
  ...localStorage,
  name: 'locked',
  options: z.strictObject({ root: z.string(), password: z.string() }),
  secrets: ['password'],
}

scenario(
  'the secrets of one entry cannot be read -> it says why and stands still, all others go on; sent again it runs',
  async (world) => {
    const options = { root: world.folder('C').root, password: 'secret' }
    await world.create('locked', 'locked', options)
    await world.stopEngine()
    world.key = new Uint8Array(32).fill(7)
    await world.startEngine()
    await world.folder('A').write('x', 'x')
    await world.until('a copy', async () => (await world.folder('B').read('x')) === 'x')
    const { entries } = (await world.engine.run({ kind: 'status' })) as {
      entries: { name: string; state: string; trouble: string }[]
    }
    const [entry] = entries.filter(({ name }) => name === 'locked')
    expect(entry?.state).toBe('stopped')
    expect(entry?.trouble).toContain('password: it was encrypted with another key')
    await expect(world.engine.run({ kind: 'start', entry: 'locked' })).rejects.toThrow('another key')
    const given = { name: 'locked', driver: 'locked', options }
    await world.engine.run({ kind: 'change-entry', entry: given, trusted: true })
    await world.engine.run({ kind: 'start', entry: 'locked' })
    expect(world.engine.runner('locked').state).toBe('active')
  },
  {
    entries: ['A', 'B', 'C'],
    kinds: [locked],
    rules: [{ match: { path: '/' }, sync: ['A', 'B'] }],
    apart: ['C'],
  },
)

describe('clocks', () => {
  scenario('the clock says a year later -> the trash is as it was; it ages while somebody leads', async (world) => {
    await world.folder('A').write('x', 'precious')
    await world.quiet()
    await world.folder('A').remove('x')
    await world.until('trashed', async () => (await world.folder('B').trash()).length === 1)
    await world.quiet()
    const trash = () => world.store.trash({ after: nobody, limit: 9 })
    const month = 30 * 86_400_000
    await onDatabase(world, (sql) => sql`UPDATE sync_trash SET at = at - interval '1 year'`)
    expect(await world.store.trashDue('B', month, 9)).toEqual([])
    await world.engine.runner('B').emptyTrash()
    expect(await world.folder('B').trash()).toEqual(['precious'])
    expect(await trash()).toHaveLength(1)
    await onDatabase(world, (sql) => sql`UPDATE sync_state SET lived_ms = lived_ms + ${month}`)
    await world.engine.runner('B').emptyTrash()
    expect(await world.folder('B').trash()).toEqual([])
    expect(await trash()).toEqual([])
  })

  scenario('edits by clocks that are days apart -> the later edit wins, nothing is a conflict', async (world) => {
    const edit = async (entry: string, content: string, days: number) => {
      await world.folder(entry).write('x', content)
      const time = Date.now() / 1_000 + days * 86_400
      utimesSync(join(world.folder(entry).root, 'x'), time, time)
      await world.until(content, async () => {
        const [a, b] = [await world.folder('A').read('x'), await world.folder('B').read('x')]
        return a === content && b === content
      })
      await world.quiet()
    }
    await edit('A', 'first', 0)
    await edit('A', 'two days ago', -2)
    await edit('B', 'in three days', 3)
    await edit('A', 'two days ago again', -2)
    expect(await world.folder('B').all()).toEqual({ x: 'two days ago again' })
    expect(await world.store.conflicts({ after: nobody, limit: 9 })).toEqual([])
  })

  scenario('the clock is set back by a year -> what waited to be tried again is tried', async (world) => {
    await world.folder('A').write('x', 'one')
    await world.quiet()
    await world.stop('B')
    await world.folder('A').write('x', 'two')
    await world.until('accepted', async () => (await world.store.work({ after: '', limit: 9 })).length === 1)
    await onDatabase(world, (sql) => sql`UPDATE sync_replicas SET retry_at = now() + interval '1 year' WHERE dirty`)
    await world.start('B')
    await world.until('copied', async () => (await world.folder('B').read('x')) === 'two')
  })
})

scenario(
  'the server ends while new rules are being applied -> the next start goes on with it',
  async (world) => {
    for (let n = 0; n < 20; n++) await world.folder('A').write(`${n}`, `${n}`)
    await world.quiet()
    await world.stopEngine()
    // As it is between the two steps: the rules are in force, and no file is under them yet.
    const rules = JSON.stringify({ rules: [{ match: { path: '/' }, sync: ['A', 'B'] }] })
    await onDatabase(world, (sql) => sql`UPDATE sync_state SET pending = ${rules}, applied = ${rules}, planned = false`)
    await world.startEngine()
    await world.until('copied', () => world.isSame())
    await world.quiet()
    expect(Object.keys(await world.folder('B').all())).toHaveLength(20)
    expect((await world.store.rules()).planned).toBe(true)
  },
  { rules: [{ match: { path: '/' }, sync: ['A'] }] },
)
