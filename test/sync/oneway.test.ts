/** Entries of which is only taken, entries to which is only brought, and copies that no rule wants any more. */
import { describe, expect, test } from 'bun:test'
import { postgresBin } from '../support/postgres.ts'
import { inWorld, type World } from './world.ts'

const scenario = (name: string, work: (world: World) => Promise<void>, options: Parameters<typeof inWorld>[0] = {}) =>
  test.skipIf(postgresBin() === undefined)(name, () => inWorld(options, work), 60_000)

/** A and B in step; C is what the test says. */
const withMode = (mode: 'ro' | 'wo') => ({ entries: ['A', 'C'], options: { C: { mode } } })

describe('an entry that is only read', () => {
  scenario(
    'files there come here, files and changes here do not go there',
    async (world) => {
      await world.folder('C').write('photo', 'photo')
      await world.folder('A').write('note', 'note')
      await world.until('taken', async () => (await world.folder('A').read('photo')) === 'photo')
      await world.quiet()
      expect(await world.view('note')).toMatchObject({ owners: ['A'], uptodate: ['A'] })
      await world.folder('A').write('photo', 'painted over')
      await world.until('accepted', async () => (await world.view('photo'))?.size === 12)
      await world.folder('C').write('second', 'second')
      await world.until('taken', async () => (await world.folder('A').read('second')) === 'second')
      await world.quiet()
      expect(await world.folder('C').all()).toEqual({ photo: 'photo', second: 'second' })
      expect(await world.view('photo')).toMatchObject({ owners: ['A', 'C'], uptodate: ['A'] })
      const work = await world.store.work({ entry: 'C', after: '', limit: 9 })
      expect(work.map(({ replica }) => replica.blocked)).toEqual(['read-only'])
      await world.folder('A').remove('second')
      await world.until('deleted', async () => (await world.view('second')) === undefined)
      await world.quiet()
      expect(await world.folder('C').read('second')).toBe('second')
      // Changed on both sides: neither is overwritten, and it is told of.
      await world.folder('C').write('photo', 'another photo')
      await world.until('told', async () => (await world.store.issues('C')).some(({ native }) => native === 'photo'))
      expect([await world.folder('A').read('photo'), await world.folder('C').read('photo')]).toEqual([
        'painted over',
        'another photo',
      ])
    },
    withMode('ro'),
  )
})

describe('an entry that is only written', () => {
  scenario(
    'what somebody does there is not taken over: changes are set aside there, deletions undone, new files told of',
    async (world) => {
      await world.folder('A').write('x', 'one')
      await world.folder('A').write('y', 'y')
      await world.until('copied', async () => Object.keys(await world.folder('C').all()).length === 2)
      await world.quiet()
      await world.folder('C').write('x', 'changed in the backup')
      await world.folder('C').remove('y')
      await world.folder('C').write('mine', 'mine')
      await world.until('put back', async () => {
        const { x, y } = (await world.folder('C').all()) as { x?: string; y?: string }
        return x === 'one' && y === 'y'
      })
      await world.until('told', async () => (await world.store.issues('C')).some(({ native }) => native === 'mine'))
      await world.quiet()
      expect(await world.folder('A').all()).toEqual({ x: 'one', y: 'y' })
      const all = await world.folder('C').all()
      expect(Object.values(all).sort()).toEqual(['changed in the backup', 'mine', 'one', 'y'])
      await world.folder('A').write('x', 'two')
      await world.until('goes on', async () => (await world.folder('C').read('x')) === 'two')
      await world.folder('A').remove('x')
      await world.until('deleted', async () => (await world.folder('C').read('x')) === undefined)
      await world.quiet()
      const before = await world.store.lastSeq()
      for (let n = 0; n < 3; n++) await world.engine.runner('C').scan()
      await world.quiet()
      expect(await world.store.lastSeq()).toBe(before)
      expect(await world.folder('A').all()).toEqual({ y: 'y' })
    },
    withMode('wo'),
  )
})

describe('a copy that no rule wants any more', () => {
  const only = (sync: string[]) => [{ match: { path: '/' }, sync }]

  scenario('unsync: trash -> it goes to the trash of its place; wanted again it comes back', async (world) => {
    await world.folder('A').write('x', 'one')
    await world.quiet()
    await world.rules(only(['A']), 'trash')
    await world.until('gone', async () => (await world.folder('B').read('x')) === undefined)
    await world.quiet()
    expect(await world.folder('B').trash()).toEqual(['one'])
    expect(await world.folder('A').read('x')).toBe('one')
    expect(await world.view('x')).toMatchObject({ owners: ['A'], uptodate: ['A'] })
    await world.rules(only(['A', 'B']), 'trash')
    await world.until('back', async () => (await world.folder('B').read('x')) === 'one')
    await world.quiet()
    expect((await world.view('x'))?.uptodate).toEqual(['A', 'B'])
  })

  scenario('unsync: trash, and the others do not have it yet -> it stays until they have', async (world) => {
    await world.stop('A')
    await world.folder('B').write('x', 'only here')
    await world.until('accepted', async () => (await world.view('x')) !== undefined)
    await world.rules([{ match: { path: '/' }, sync: ['A'], ban: ['B'] }], 'trash')
    await world.quiet()
    expect(await world.folder('B').read('x')).toBe('only here')
    await world.start('A')
    await world.until('moved', async () => (await world.folder('A').read('x')) === 'only here')
    await world.until('gone', async () => (await world.folder('B').read('x')) === undefined)
    await world.quiet()
    expect(await world.folder('B').trash()).toEqual(['only here'])
    expect(await world.view('x')).toMatchObject({ owners: ['A'], uptodate: ['A'] })
  })

  scenario('edited before it goes to the trash -> the edit is taken over', async (world) => {
    await world.folder('A').write('x', 'one')
    await world.quiet()
    await world.stop('B')
    await world.rules(only(['A']), 'trash')
    await world.folder('B').write('x', 'edited')
    await world.start('B')
    await world.until('taken over', async () => (await world.folder('A').read('x')) === 'edited')
    await world.quiet()
    expect(await world.folder('B').read('x')).toBe('edited')
  })
})
