/** What people do with two or three folders, and what must come of it. */
import { describe, expect, test } from 'bun:test'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileId } from '../../src/sync/names.ts'
import { postgresBin } from '../support/postgres.ts'
import { inWorld, type World } from './world.ts'

const scenario = (name: string, work: (world: World) => Promise<void>, options: Parameters<typeof inWorld>[0] = {}) =>
  test.skipIf(postgresBin() === undefined)(name, () => inWorld(options, work), 60_000)

/** A file that both have. */
async function withX(world: World, content = 'one'): Promise<void> {
  await world.folder('A').write('x', content)
  await world.quiet()
  expect(await world.folder('B').read('x')).toBe(content)
}

describe('changes reach the other folder', () => {
  scenario('a new file -> the same on both, both up to date, one transfer', async (world) => {
    await world.folder('A').write('x', 'hello')
    await world.until('a copy', async () => (await world.folder('B').read('x')) === 'hello')
    await world.quiet()
    expect(await world.view('x')).toEqual({
      fid: fileId('x'),
      filename: 'x',
      size: 5,
      owners: ['A', 'B'],
      uptodate: ['A', 'B'],
    })
    expect((await world.ops()).filter((op) => op === 'copied')).toHaveLength(1)
    expect(await world.folder('B').stages()).toEqual([])
  })

  scenario('overwritten shorter, then longer -> equal each time, without a leftover', async (world) => {
    await withX(world, 'a content of some length')
    for (const content of ['short', 'a much longer content than the one before it', '']) {
      await world.folder('A').write('x', content)
      await world.quiet()
      expect(await world.folder('B').read('x')).toBe(content)
    }
  })

  scenario('only touched -> no version, no transfer', async (world) => {
    await withX(world)
    const before = await world.store.lastSeq()
    utimesSync(join(world.folder('A').root, 'x'), new Date(), new Date())
    await world.quiet()
    expect(await world.store.lastSeq()).toBe(before)
    expect((await world.view('x'))?.uptodate).toEqual(['A', 'B'])
  })

  scenario('changed on the target -> comes back to the first', async (world) => {
    await withX(world)
    await world.folder('B').write('x', 'changed in B')
    await world.quiet()
    expect(await world.folder('A').read('x')).toBe('changed in B')
    expect((await world.view('x'))?.owners).toEqual(['A', 'B'])
  })

  scenario('deleted -> gone from both, kept in the trash of the other', async (world) => {
    await withX(world)
    await world.folder('A').remove('x')
    await world.until('deleted', async () => (await world.folder('B').read('x')) === undefined)
    await world.quiet()
    expect(await world.view('x')).toBeUndefined()
    expect(await world.folder('B').trash()).toEqual(['one'])
    const [trashed] = await world.store.trash({ after: '00000000-0000-0000-0000-000000000000', limit: 10 })
    expect(trashed).toMatchObject({ entry: 'B', name: 'x', size: 3, reason: 'deleted' })
    await world.engine.run({ kind: 'restore', key: trashed!.key })
    await world.quiet()
    expect(await world.folder('A').read('x')).toBe('one')
  })

  scenario('renamed -> renamed, nothing is transferred', async (world) => {
    await withX(world)
    await world.folder('A').rename('x', 'deep/y')
    await world.until('renamed', async () => (await world.folder('B').read('deep/y')) === 'one')
    await world.quiet()
    expect(await world.folder('B').read('x')).toBeUndefined()
    expect((await world.ops()).filter((op) => op === 'copied')).toHaveLength(1)
    expect(await world.ops()).toContain('renamed')
    expect(await world.view('x')).toBeUndefined()
    expect((await world.view('deep/y'))?.uptodate).toEqual(['A', 'B'])
  })

  scenario('a folder of 200 files is renamed -> renamed on both, nothing is transferred', async (world) => {
    for (let n = 0; n < 200; n++) await world.folder('A').write(`d/${n}`, `content ${n}`)
    await world.quiet()
    renameSync(join(world.folder('A').root, 'd'), join(world.folder('A').root, 'e'))
    await world.until('renamed', async () =>
      Object.keys(await world.folder('B').all()).every((name) => name.startsWith('e/')),
    )
    await world.quiet()
    expect(await world.isSame()).toBe(true)
    expect((await world.ops()).filter((op) => op === 'copied')).toHaveLength(200)
  })

  scenario('two names are swapped -> swapped', async (world) => {
    await world.folder('A').write('p', 'pp')
    await world.folder('A').write('q', 'qq')
    await world.quiet()
    const { root } = world.folder('A')
    renameSync(join(root, 'p'), join(root, 't'))
    renameSync(join(root, 'q'), join(root, 'p'))
    renameSync(join(root, 't'), join(root, 'q'))
    await world.quiet()
    expect(await world.folder('B').all()).toEqual({ p: 'qq', q: 'pp' })
    expect(await world.isSame()).toBe(true)
  })

  scenario('saved as editors do, by renaming over it -> the new content', async (world) => {
    await withX(world)
    for (let n = 0; n < 5; n++) {
      await world.folder('A').write('x.tmp', `save ${n}`)
      await world.folder('A').rename('x.tmp', 'x')
    }
    await world.until('saved', async () => (await world.folder('B').read('x')) === 'save 4')
    await world.quiet()
    expect(await world.folder('B').all()).toEqual({ x: 'save 4' })
  })

  scenario('a new folder in a new folder -> found', async (world) => {
    await world.folder('A').write('a/b/c/d/e', 'deep')
    await world.until('deep', async () => (await world.folder('B').read('a/b/c/d/e')) === 'deep')
  })

  scenario('executable -> stays so', async (world) => {
    await world.folder('A').write('run', '#!/bin/sh')
    chmodSync(join(world.folder('A').root, 'run'), 0o755)
    await world.until('a copy', async () => (await world.folder('B').read('run')) !== undefined)
    const { mode } = await import('node:fs').then((fs) => fs.statSync(join(world.folder('B').root, 'run')))
    expect(mode & 0o100).toBe(0o100)
  })
})

describe('changes on both sides', () => {
  scenario(
    'edited in both while nobody looked -> the first accepted keeps the name, both contents are on both',
    async (world) => {
      await withX(world)
      await world.stop('A')
      await world.stop('B')
      await world.folder('A').write('x', 'from A')
      await world.folder('B').write('x', 'from B')
      await world.start('A')
      await world.start('B')
      await world.quiet()
      const [a, b] = [await world.folder('A').all(), await world.folder('B').all()]
      expect(a).toEqual(b)
      expect(Object.values(a).sort()).toEqual(['from A', 'from B'])
      expect(Object.keys(a).filter((name) => /^x\.conflict-\d{8}-\d{6}-[AB]$/.test(name))).toHaveLength(1)
      const conflicts = await world.store.conflicts({ after: '00000000-0000-0000-0000-000000000000', limit: 10 })
      expect(conflicts.map(({ conflictOf }) => conflictOf)).toEqual([fileId('x')])
    },
  )

  scenario('the same edit in both -> no copy, nothing is transferred', async (world) => {
    await withX(world)
    await world.stop('A')
    await world.stop('B')
    await world.folder('A').write('x', 'the same')
    await world.folder('B').write('x', 'the same')
    await world.start('A')
    await world.start('B')
    await world.quiet()
    expect(await world.folder('A').all()).toEqual({ x: 'the same' })
    expect((await world.ops()).filter((op) => op === 'copied')).toHaveLength(1)
  })

  scenario('deleted in one, edited in the other -> the edit comes back', async (world) => {
    await withX(world)
    await world.stop('B')
    await world.folder('A').remove('x')
    await world.folder('B').write('x', 'edited')
    await world.until('deleted', async () => (await world.view('x')) === undefined)
    await world.start('B')
    await world.quiet()
    expect(await world.folder('A').read('x')).toBe('edited')
    expect(await world.ops()).toContain('resurrected')
  })

  scenario('edited in one first, then its stale copy deleted in the other -> the edit comes', async (world) => {
    await withX(world)
    await world.stop('B')
    await world.folder('A').write('x', 'newer')
    await world.until('accepted', async () => (await world.view('x'))?.size === 5)
    await world.folder('B').remove('x')
    await world.start('B')
    await world.quiet()
    expect(await world.folder('B').read('x')).toBe('newer')
    expect(await world.folder('A').read('x')).toBe('newer')
  })

  scenario('deleted while the other is stopped -> deleted there when it starts, not brought back', async (world) => {
    await withX(world)
    await world.stop('B')
    await world.folder('A').remove('x')
    await world.until('deleted', async () => (await world.view('x')) === undefined)
    expect(await world.folder('B').read('x')).toBe('one')
    await world.start('B')
    await world.quiet()
    expect(await world.folder('A').read('x')).toBeUndefined()
    expect(await world.folder('B').read('x')).toBeUndefined()
    expect(await world.folder('B').trash()).toEqual(['one'])
  })

  scenario('renamed in one, edited in the other -> the edit under the new name on both', async (world) => {
    await world.folder('A').write('p', 'original')
    await world.quiet()
    await world.stop('B')
    await world.folder('A').rename('p', 'q')
    await world.until(
      'moved',
      async () => (await world.view('q')) !== undefined && (await world.view('p')) === undefined,
    )
    await world.folder('B').write('p', 'edited')
    await world.start('B')
    await world.quiet()
    expect(await world.folder('A').all()).toEqual({ q: 'edited' })
    expect(await world.folder('B').all()).toEqual({ q: 'edited' })
  })

  scenario('edited in one first, then renamed in the other -> the edit under the new name on both', async (world) => {
    await world.folder('A').write('p', 'original')
    await world.quiet()
    await world.stop('A')
    await world.folder('B').write('p', 'edited')
    await world.until('accepted', async () => (await world.view('p'))?.size === 6)
    await world.folder('A').rename('p', 'q')
    await world.start('A')
    await world.quiet()
    expect(await world.folder('A').all()).toEqual({ q: 'edited' })
    expect(await world.folder('B').all()).toEqual({ q: 'edited' })
  })

  scenario('a file becomes a folder here and is edited there -> the folder wins, the edit is kept', async (world) => {
    await withX(world)
    await world.stop('B')
    await world.folder('A').remove('x')
    await world.folder('A').write('x/file', 'in the folder')
    await world.until(
      'accepted',
      async () => (await world.view('x/file')) !== undefined && (await world.view('x')) === undefined,
    )
    await world.folder('B').write('x', 'edited in B')
    await world.start('B')
    await world.until('both', async () => (await world.folder('B').read('x/file')) === 'in the folder')
    await world.quiet()
    const all = await world.folder('A').all()
    expect(all).toEqual(await world.folder('B').all())
    expect(Object.values(all).sort()).toEqual(['edited in B', 'in the folder'])
  })

  scenario('a conflict is decided -> this, other, both', async (world) => {
    for (const keep of ['this', 'other', 'both'] as const) {
      const name = `f-${keep}`
      await world.stop('A')
      await world.stop('B')
      await world.folder('A').write(name, 'from A')
      await world.folder('B').write(name, 'from B')
      await world.start('A')
      await world.start('B')
      await world.quiet()
      const before = await world.folder('A').all()
      const loser = Object.keys(before).find((one) => one.startsWith(`${name}.conflict`))!
      const [kept, other] = [before[loser]!, before[name]!]
      await world.engine.run({ kind: 'resolve', fid: fileId(loser), keep })
      await world.quiet()
      const after = await world.folder('B').all()
      expect(await world.isSame()).toBe(true)
      expect(after[name]).toBe(keep === 'this' ? kept : other)
      expect(after[loser]).toBe(keep === 'both' ? kept : (undefined as unknown as string))
    }
  })
})

describe('masses and places', () => {
  const many = async (world: World, count = 120) => {
    for (let n = 0; n < count; n++) await world.folder('A').write(`many/${n}`, `${n}`)
    await world.quiet()
    expect(Object.keys(await world.folder('B').all())).toHaveLength(count)
  }

  scenario(
    'everything is deleted -> held, the other keeps all; after a yes it is deleted, into the trash',
    async (world) => {
      await many(world)
      rmSync(join(world.folder('A').root, 'many'), { recursive: true })
      await world.until('held', async () => (await world.store.entry('A'))?.held === 'mass-deletion')
      expect(Object.keys(await world.folder('B').all())).toHaveLength(120)
      await world.engine.run({ kind: 'confirm', entry: 'A' })
      await world.until('deleted', async () => Object.keys(await world.folder('B').all()).length === 0)
      await world.quiet()
      expect(await world.folder('B').trash()).toHaveLength(120)
      expect((await world.store.entry('A'))?.held).toBe('')
    },
  )

  scenario(
    'a held deletion, then the files come back -> nothing was lost and nothing is deleted later',
    async (world) => {
      await many(world)
      const { root } = world.folder('A')
      renameSync(join(root, 'many'), join(root, '../away'))
      await world.until('held', async () => (await world.store.entry('A'))?.held === 'mass-deletion')
      renameSync(join(root, '../away'), join(root, 'many'))
      await world.engine.run({ kind: 'confirm', entry: 'A' })
      await world.quiet()
      expect(Object.keys(await world.folder('B').all())).toHaveLength(120)
      expect(Object.keys(await world.folder('A').all())).toHaveLength(120)
    },
  )

  scenario(
    'the folder is an empty mount point -> held, nothing is deleted; when it is back all goes on',
    async (world) => {
      await many(world, 20)
      const { root } = world.folder('A')
      await world.stop('A')
      renameSync(root, `${root}-unmounted`)
      mkdirSync(root)
      await world.start('A')
      await world.until('held', async () => (await world.store.entry('A'))?.held === 'identity')
      await world.folder('B').write('new', 'while away')
      await world.until('accepted', async () => (await world.view('new')) !== undefined)
      expect(Object.keys(await world.folder('B').all())).toHaveLength(21)
      expect(await world.folder('A').all()).toEqual({})
      rmSync(root, { recursive: true })
      renameSync(`${root}-unmounted`, root)
      await world.until('back', async () => (await world.folder('A').read('new')) === 'while away')
      await world.quiet()
      expect(await world.isSame()).toBe(true)
    },
  )

  scenario(
    'an entry is changed to another, empty folder -> nothing counts as deleted, all is copied there',
    async (world) => {
      await withX(world)
      const root = `${world.folder('B').root}-new`
      mkdirSync(root)
      const entry = { name: 'B', driver: 'local_storage', options: { root } }
      // As the operator would: in this world the API may name no folder.
      await expect(world.engine.run({ kind: 'change-entry', entry, trusted: false })).rejects.toThrow('sync.roots')
      await world.engine.run({ kind: 'change-entry', entry, trusted: true })
      await world.until('a copy', async () => readdirSync(root).includes('x'))
      await world.quiet()
      expect(await world.folder('A').read('x')).toBe('one')
    },
  )

  scenario('unmounted while it runs -> held, nothing is deleted', async (world) => {
    await many(world, 20)
    const { root } = world.folder('A')
    renameSync(root, `${root}-unmounted`)
    mkdirSync(root)
    await world.engine.run({ kind: 'scan', entry: 'A' })
    await world.until('held', async () => (await world.store.entry('A'))?.held === 'identity')
    expect(Object.keys(await world.folder('B').all())).toHaveLength(20)
    rmSync(root, { recursive: true })
    renameSync(`${root}-unmounted`, root)
    await world.until('back', async () => (await world.store.entry('A'))?.held === '')
    await world.quiet()
    expect(await world.isSame()).toBe(true)
  })

  scenario(
    'both hold the same files already -> nothing is transferred',
    async (world) => {
      await world.quiet()
      expect((await world.ops()).filter((op) => op === 'copied')).toHaveLength(0)
      const { files, total } = await world.store.listFiles({ offset: 0, limit: 1_000 })
      expect(total).toBe(300)
      expect(files.every(({ uptodate }) => uptodate.length === 2)).toBe(true)
    },
    {
      before: async (folders) => {
        for (let n = 0; n < 300; n++) for (const one of Object.values(folders)) await one.write(`f/${n}`, `same ${n}`)
      },
    },
  )

  scenario(
    'three entries, one stopped -> the third is served, and serves the stopped one later',
    async (world) => {
      await world.stop('B')
      await world.folder('A').write('x', 'for all')
      await world.until('C', async () => (await world.folder('C').read('x')) === 'for all')
      await world.quiet()
      await world.stop('A')
      await world.start('B')
      await world.until('B', async () => (await world.folder('B').read('x')) === 'for all')
      expect((await world.view('x'))?.uptodate).toEqual(['A', 'B', 'C'])
    },
    { entries: ['A', 'B', 'C'] },
  )

  scenario('the engine starts again -> changes made meanwhile are found', async (world) => {
    await withX(world)
    await world.folder('A').write('gone', 'gone')
    await world.quiet()
    await world.stopEngine()
    await world.folder('A').write('x', 'changed')
    await world.folder('A').write('new', 'new')
    await world.folder('B').remove('gone')
    await world.startEngine()
    await world.until('all', async () => (await world.folder('A').read('gone')) === undefined)
    await world.quiet()
    expect(await world.folder('B').all()).toEqual({ new: 'new', x: 'changed' })
    expect(await world.isSame()).toBe(true)
  })

  scenario('nothing happens -> nothing is done, however often it is looked at', async (world) => {
    await many(world, 30)
    const before = await world.store.lastSeq()
    for (let n = 0; n < 3; n++) {
      for (const entry of ['A', 'B']) await world.engine.runner(entry).scan()
    }
    await world.restart()
    await world.quiet()
    expect(await world.store.lastSeq()).toBe(before)
  })
})

describe('rules', () => {
  scenario(
    'rules are put -> nothing happens before they are reloaded',
    async (world) => {
      await withX(world)
      await world.engine.run({
        kind: 'put-rules',
        rules: [{ match: { path: '/' }, sync: ['A', 'B', 'C'] }],
        ifMatch: undefined,
      })
      await world.quiet()
      expect(await world.folder('C').all()).toEqual({})
      const plan = await world.engine.run({ kind: 'reload-rules', dryRun: true })
      expect(plan).toMatchObject({ plan: { copies: 1, bytes: 3, releases: 0 } })
      expect(await world.folder('C').all()).toEqual({})
      await world.engine.run({ kind: 'reload-rules', dryRun: false })
      await world.until('C', async () => (await world.folder('C').read('x')) === 'one')
    },
    { entries: ['A', 'B', 'C'], rules: [{ match: { path: '/' }, sync: ['A', 'B'] }] },
  )

  scenario(
    'an entry is dropped -> it keeps its bytes and is no owner; a later edit there is not lost',
    async (world) => {
      await withX(world)
      await world.rules([{ match: { path: '/' }, sync: ['A'] }])
      await world.quiet()
      expect(await world.view('x')).toMatchObject({ owners: ['A'], uptodate: ['A'] })
      expect(await world.folder('B').read('x')).toBe('one')
      await world.folder('B').write('x', 'edited in B')
      await world.until('accepted', async () => (await world.folder('A').read('x')) === 'edited in B')
      expect((await world.view('x'))?.owners).toEqual(['A', 'B'])
    },
  )

  scenario(
    'only some files match -> only they go',
    async (world) => {
      await world.folder('A').write('other/a.pdf', 'pdf')
      await world.folder('A').write('backedup/b.PDF', 'pdf')
      await world.folder('A').write('backedup/c.txt', 'txt')
      await world.until('b', async () => (await world.folder('B').read('backedup/b.PDF')) === 'pdf')
      await world.quiet()
      expect(Object.keys(await world.folder('B').all())).toEqual(['backedup/b.PDF'])
      expect((await world.view('backedup/c.txt'))?.owners).toEqual(['A'])
    },
    {
      rules: [
        { match: { path: '/' }, sync: ['A'] },
        { match: { path: '/backedup/', mime: ['application/pdf'] }, sync: ['B'] },
      ],
    },
  )

  scenario('no rule wants any copy -> the last ones stay owned', async (world) => {
    await withX(world)
    await world.rules([{ match: {}, sync: [], ban: ['A', 'B'] }])
    await world.quiet()
    expect((await world.view('x'))?.owners.length).toBeGreaterThan(0)
    expect(await world.folder('A').read('x')).toBe('one')
  })
})

describe('odd files', () => {
  scenario('both Unicode forms of a name -> one is synchronised, the other reported, both stay', async (world) => {
    const [nfc, nfd] = ['é', 'e\u0301']
    await world.folder('A').write(nfc, 'composed')
    await world.quiet()
    await world.folder('A').write(nfd, 'decomposed')
    await world.until('reported', async () => (await world.store.issues('A')).length === 1)
    expect(await world.folder('A').all()).toEqual({ [nfd]: 'decomposed', [nfc]: 'composed' })
    expect(await world.folder('B').all()).toEqual({ [nfc]: 'composed' })
  })

  scenario('a decomposed name -> one file, and no ping-pong', async (world) => {
    await world.folder('A').write('e\u0301', 'x')
    await world.until('a copy', async () => (await world.folder('B').read('\u00e9')) === 'x')
    await world.quiet()
    const before = await world.store.lastSeq()
    for (let n = 0; n < 3; n++) for (const entry of ['A', 'B']) await world.engine.runner(entry).scan()
    await world.quiet()
    expect(await world.store.lastSeq()).toBe(before)
    expect(await world.view('\u00e9')).toMatchObject({ filename: '\u00e9', uptodate: ['A', 'B'] })
    await world.folder('B').write('\u00e9', 'changed')
    await world.until('back', async () => (await world.folder('A').read('e\u0301')) === 'changed')
  })

  scenario('a link to a folder elsewhere -> reported, nothing outside is read or written', async (world) => {
    const outside = `${world.folder('A').root}-outside`
    mkdirSync(outside)
    writeFileSync(join(outside, 'secret'), 'secret')
    symlinkSync(outside, join(world.folder('A').root, 'd'))
    await world.folder('B').write('d/new', 'from B')
    await world.until('reported', async () => (await world.store.issues('A')).length === 1)
    await world.until('blocked', async () =>
      (await world.store.work({ after: '', limit: 10 })).some(({ replica }) => replica.blocked !== null),
    )
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret')
    expect(await Bun.file(join(outside, 'new')).exists()).toBe(false)
    expect(Object.keys(await world.folder('B').all())).toEqual(['d/new'])
  })

  scenario('a name of 255 bytes in conflict -> the copy has a name that fits', async (world) => {
    const name = `${'é'.repeat(124)}ab.text`.slice(0, 255)
    const long = `${'é'.repeat(125)}.text`
    expect(Buffer.byteLength(long)).toBe(255)
    await world.stop('A')
    await world.stop('B')
    await world.folder('A').write(long, 'a')
    await world.folder('B').write(long, 'b')
    await world.start('A')
    await world.start('B')
    await world.quiet()
    const all = Object.keys(await world.folder('A').all())
    expect(all).toHaveLength(2)
    expect(all.every((one) => Buffer.byteLength(one) <= 255 && one.endsWith('.text'))).toBe(true)
    expect(name.length).toBeGreaterThan(0)
    expect(await world.isSame()).toBe(true)
  })

  scenario('times of 1970 and 2100 -> synchronised as any other', async (world) => {
    for (const [name, year] of [
      ['old', 0],
      ['future', 4_102_444_800],
    ] as const) {
      await world.folder('A').write(name, name)
      utimesSync(join(world.folder('A').root, name), year, year)
    }
    await world.until(
      'both',
      async () => (await world.isSame()) && (await world.folder('B').read('future')) === 'future',
    )
  })

  scenario('one bit is flipped on the disk, time kept -> found by a check, healed from the other', async (world) => {
    await withX(world, 'precious')
    const path = join(world.folder('B').root, 'x')
    const { execFileSync } = await import('node:child_process')
    await world.stop('B')
    // As a disk would do it: the file system does not notice. Here its knowledge is set to what the engine then sees.
    execFileSync('sh', ['-c', `printf pRecious > ${path} && touch -d @1500000000 ${path}`])
    const { lstatSync } = await import('node:fs')
    const stats = lstatSync(path, { bigint: true })
    await world.engine.run({ kind: 'status' })
    const { openPool } = await import('../../storage/postgres/connection.ts')
    const sql = openPool({ target: world.databaseUrl, maxConnections: 1 })
    const fingerprint = `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`
    await sql`UPDATE sync_replicas SET fingerprint = ${fingerprint} WHERE entry = 'B'`
    await sql.end()
    await world.start('B')
    await world.quiet()
    expect(await world.folder('B').read('x')).toBe('pRecious')
    // By the slow check of everything.
    for (let n = 0; n < 3; n++) await world.engine.runner('B').scrub()
    await world.until('healed', async () => (await world.folder('B').read('x')) === 'precious')
    expect(await world.folder('A').read('x')).toBe('precious')
    expect(await world.folder('B').trash()).toEqual(['pRecious'])
  })
})
