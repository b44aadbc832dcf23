/** Folders on file systems that are full, or do not tell upper from lower case. They are mounted, which takes root. */
import { expect, test } from 'bun:test'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { postgresBin } from '../support/postgres.ts'
import { inWorld, type World } from './world.ts'

const isRoot = process.getuid?.() === 0 && postgresBin() !== undefined
if (!isRoot) console.warn('\n*** SKIPPED, full and case-insensitive file systems: mounting takes root ***\n')

/** Whether this kernel mounts what the second test needs. */
function mountsVfat(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-vfat-'))
  const [image, root] = [join(folder, 'image'), join(folder, 'root')]
  try {
    mkdirSync(root)
    execFileSync('truncate', ['-s', '16M', image])
    if (spawnSync('mkfs.vfat', [image]).status !== 0) return false
    if (spawnSync('mount', ['-o', 'loop,utf8=1', image, root]).status !== 0) return false
    return spawnSync('umount', [root]).status === 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const hasVfat = isRoot && mountsVfat()
if (isRoot && !hasVfat) console.warn('\n*** SKIPPED, case-insensitive file systems: vfat cannot be mounted here ***\n')

/** Somebody may just be looking at it. */
async function unmount(path: string): Promise<void> {
  const deadline = Date.now() + 20_000
  while (spawnSync('umount', [path]).status !== 0) {
    if (Date.now() > deadline) throw new Error(`${path} cannot be unmounted`)
    await Bun.sleep(50)
  }
}

/** Mounts something on the folder of B before the engine sees it. */
async function onMount(
  mount: (root: string) => boolean,
  work: (world: World, root: string) => Promise<void>,
): Promise<void> {
  let mounted = ''
  try {
    const before = async (folders: Record<string, { root: string }>) => {
      const root = folders['B']!.root
      if (mount(root)) mounted = root
    }
    await inWorld({ before }, async (world) => {
      expect(mounted).not.toBe('')
      await work(world, mounted)
      await world.stopEngine()
      if (mounted !== '') execFileSync('umount', [mounted])
      mounted = ''
    })
  } finally {
    if (mounted !== '') spawnSync('umount', ['-l', mounted])
  }
}

test.skipIf(!isRoot)(
  'the disk is full -> the old content stays, others go on; with room it is copied',
  async () => {
    const tmpfs = (root: string) => spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', root]).status === 0
    await onMount(tmpfs, async (world, root) => {
      await world.folder('A').write('x', 'old')
      await world.until('a copy', async () => (await world.folder('B').read('x')) === 'old')
      const large = 'y'.repeat(4 * 1024 * 1024)
      await world.folder('A').write('x', large)
      const isBlocked = async () =>
        (await world.store.work({ after: '', limit: 10 })).some(({ replica }) => replica.blocked === 'space')
      await world.until('blocked', isBlocked)
      expect(await world.folder('B').read('x')).toBe('old')
      execFileSync('mount', ['-o', 'remount,size=32m', root])
      await world.until('a copy', async () => (await world.folder('B').read('x')) === large)
    })
  },
  120_000,
)

test.skipIf(!hasVfat)(
  'a file system without upper and lower case -> one of two names, the other blocked, both stay',
  async () => {
    const image = join(mkdtempSync(join(tmpdir(), 'hearth-vfat-')), 'image')
    const vfat = (root: string) => {
      execFileSync('truncate', ['-s', '16M', image])
      if (spawnSync('mkfs.vfat', [image]).status !== 0) return false
      return spawnSync('mount', ['-o', 'loop,utf8=1', image, root]).status === 0
    }
    await onMount(vfat, async (world) => {
      await world.folder('A').write('Foo', 'upper')
      await world.until('a copy', async () => (await world.folder('B').read('Foo')) === 'upper')
      await world.folder('A').write('foo', 'lower')
      const isBlocked = async () =>
        (await world.store.work({ after: '', limit: 10 })).some(({ replica }) => replica.blocked === 'case-collision')
      await world.until('blocked', isBlocked)
      expect(await world.folder('A').all()).toEqual({ Foo: 'upper', foo: 'lower' })
      expect(Object.values(await world.folder('B').all())).toEqual(['upper'])
      expect((await world.view('foo'))?.uptodate).toEqual(['A'])
      await world.folder('A').write('Foo', 'changed')
      await world.until('changed', async () => (await world.folder('B').read('Foo')) === 'changed')
    })
    rmSync(join(image, '..'), { recursive: true, force: true })
  },
  120_000,
)

test.skipIf(!isRoot)(
  'a disk mounted inside an entry goes away -> nothing counts as deleted; it comes back; or somebody strikes it out',
  async () => {
    const mount = (root: string) => {
      mkdirSync(join(root, 'photos'), { recursive: true })
      return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', join(root, 'photos')]).status === 0
    }
    let photos = ''
    const mounted: string[] = []
    const before = async (folders: Record<string, { root: string }>) => {
      const { root } = folders['A']!
      if (!mount(root)) return
      photos = join(root, 'photos')
      mounted.push(photos)
    }
    const steps = async (world: World) => {
      expect(photos).not.toBe('')
      await world.folder('A').write('letter', 'letter')
      for (let n = 0; n < 8; n++) await world.folder('A').write(`photos/${n}`, `${n}`)
      await world.until('copies', async () => Object.keys(await world.folder('B').all()).length === 9)
      await world.engine.runner('A').scan()
      await world.quiet()
      const disk = `${world.folder('A').root}-disk`
      mkdirSync(disk)
      execFileSync('mount', ['--bind', photos, disk])
      mounted.push(disk)
      await unmount(photos)
      try {
        await world.restart()
        for (let n = 0; n < 2; n++) await world.engine.runner('A').scan()
        await world.quiet()
        expect(Object.keys(await world.folder('B').all())).toHaveLength(9)
        const [issue] = await world.store.issues('A')
        expect(issue).toMatchObject({ native: 'photos' })
        rmSync(photos, { recursive: true })
        await world.engine.runner('A').scan()
        await world.quiet()
        expect(Object.keys(await world.folder('B').all())).toHaveLength(9)
      } finally {
        mkdirSync(photos, { recursive: true })
        execFileSync('mount', ['--bind', disk, photos])
      }
      await world.folder('A').write('photos/new', 'new')
      await world.engine.runner('A').scan()
      await world.until('goes on', async () => (await world.folder('B').read('photos/new')) === 'new')
      expect(await world.store.issues('A')).toEqual([])
      // It is gone for good.
      await unmount(photos)
      rmSync(join(world.folder('A').root, '.hearth-sync/mounts'))
      await world.engine.runner('A').scan()
      await world.until('deleted', async () => Object.keys(await world.folder('B').all()).join() === 'letter')
    }
    await inWorld({ before }, async (world) => {
      try {
        await steps(world)
      } finally {
        for (const one of mounted) spawnSync('umount', ['-l', one])
      }
    })
  },
  120_000,
)

test.skipIf(!isRoot)(
  'a folder that may not be written -> its file waits, others go on; when it may be written it is copied',
  async () => {
    const mounted: string[] = []
    await inWorld({}, async (world) => {
      try {
        await world.folder('A').write('closed/x', 'one')
        await world.until('a copy', async () => (await world.folder('B').read('closed/x')) === 'one')
        await world.quiet()
        const closed = join(world.folder('B').root, 'closed')
        execFileSync('mount', ['--bind', closed, closed])
        mounted.push(closed)
        execFileSync('mount', ['-o', 'remount,bind,ro', closed])
        await world.folder('A').write('closed/x', 'two')
        await world.folder('A').write('open', 'open')
        await world.until('blocked', async () =>
          (await world.store.work({ entry: 'B', after: '', limit: 9 })).some(
            ({ replica }) => replica.blocked === 'permission',
          ),
        )
        await world.until('others', async () => (await world.folder('B').read('open')) === 'open')
        expect(await world.folder('B').read('closed/x')).toBe('one')
        await unmount(closed)
        mounted.pop()
        await world.until('healed', async () => (await world.folder('B').read('closed/x')) === 'two')
      } finally {
        for (const one of mounted) spawnSync('umount', ['-l', one])
      }
    })
  },
  120_000,
)
