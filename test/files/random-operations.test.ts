/** Whatever is done in whatever order: the tree is what a simple model says, and usage is the sum of what is there. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Directory, type Node, rootId, trashId } from '../../src/files/node.ts'
import type { Drive, Files } from '../../src/files/service.ts'
import { bytesOf, type FilesUnderTest, openFilesUnderTest, refusal, textOf } from './fixture.ts'
import { Model, root, trash } from './model.ts'

let world: FilesUnderTest
let files: Files
beforeAll(async () => {
  world = await openFilesUnderTest()
  files = world.files
}, 60_000)
afterAll(() => world.close())

const maxVersions = 3
const kinds = [
  'directory',
  'file',
  'directory',
  'file',
  'overwrite',
  'change',
  'change',
  'trash',
  'restore',
  'destroy',
  'copy',
  'emptyTrash',
] as const

/** `a` and `b` choose among the nodes that there are. */
const operation = fc.record({
  kind: fc.constantFrom(...kinds),
  a: fc.nat(1000),
  b: fc.nat(1000),
  name: fc.constantFrom('x', 'y', 'z.txt', 'é', 'e\u0301'),
  text: fc.constantFrom('', 'one', 'three', 'a longer one'),
})
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

const realId = (id: string) => (id === root ? rootId : id === trash ? trashId : id)

/** Does one operation on both; what the model refuses the file system must refuse too, and the other way round. */
async function apply(drive: Drive, model: Model, { kind, a, b, name, text }: Operation): Promise<void> {
  const ids = [...model.nodes.keys()]
  const id = ids[a % ids.length] ?? root
  const target = ids[b % ids.length] ?? root
  const node = model.get(id)
  if (node === undefined) throw new Error('the model has lost a node')
  const special = id === root || id === trash
  const trashed = model.inTrash(id)
  const real = realId(id)

  /** Calls the file system; `allowed` is what the model thinks of it. */
  async function attempt<T>(allowed: boolean, call: () => Promise<T>): Promise<T | undefined> {
    let result: T | undefined
    const answer = await refusal(
      call().then((value) => {
        result = value
      }),
    )
    if (allowed) expect(answer).toBe('accepted')
    else expect(answer).toMatch(/^4/)
    return result
  }

  switch (kind) {
    case 'directory': {
      const made = await attempt(model.takes(id, name), () => files.createDirectory(drive, { dirId: real, name }))
      if (made) model.add(made.id, id, name, 'directory')
      return
    }
    case 'file': {
      const call = () => files.createFile(drive, { dirId: real, name }, bytesOf(text))
      const made = await attempt(model.takes(id, name), call)
      if (made) model.add(made.id, id, name, 'file', text)
      return
    }
    case 'overwrite': {
      const allowed = node.kind === 'file' && !trashed
      if (await attempt(allowed, () => files.overwrite(drive, real, {}, bytesOf(text)))) model.overwrite(id, text)
      return
    }
    case 'change': {
      const free = model.child(target, name)
      const same = target === node.parent
      const place = same || (!trashed && model.get(target)?.kind === 'directory' && !model.inTrash(target))
      const circle = node.kind === 'directory' && model.isBelow(target, id)
      const allowed = !special && place && !circle && (free === undefined || free === id)
      if (await attempt(allowed, () => files.change(drive, real, { name, dirId: realId(target) }))) {
        Object.assign(node, { name, parent: target })
      }
      return
    }
    case 'trash': {
      const moved = await attempt(!special && !trashed, () => files.trash(drive, real))
      if (moved) Object.assign(node, { restorePath: model.path(node.parent), parent: trash, name: moved.name })
      return
    }
    case 'restore': {
      // Only of what lies in the trash itself: the rest has a test of its own.
      if (node.parent !== trash) return
      // Its parents may be gone or be files by now: the model believes the answer, and that is all it takes from it.
      const answer = await refusal(files.restore(drive, real))
      if (answer !== 'accepted') {
        expect(answer).toBe('409 | file already exists')
        return
      }
      let at = root
      for (const above of (node.restorePath ?? '/').split('/').filter((part) => part !== '')) {
        const there = model.child(at, above)
        const made =
          there ?? (await files.nodeAt(drive, model.path(at) === '/' ? `/${above}` : `${model.path(at)}/${above}`))?.id
        if (made === undefined) throw new Error('a parent was not made')
        if (there === undefined) model.add(made, at, above, 'directory')
        at = made
      }
      const restored = await files.node(drive, real)
      const wanted = node.name.replace(/ \(\d{9}\)$/, '')
      if (model.child(at, wanted) === undefined) expect(restored?.name).toBe(wanted)
      Object.assign(node, { parent: at, name: restored?.name, restorePath: undefined })
      return
    }
    case 'destroy': {
      // `attempt` gives what the call gives, which is nothing.
      await attempt(!special && trashed, () => files.destroy(drive, real, { inTrash: true }))
      if (!special && trashed) model.remove(id)
      return
    }
    case 'copy': {
      const allowed = node.kind === 'file' && model.get(target)?.kind === 'directory' && !model.inTrash(target)
      const made = await attempt(allowed, () => files.copy(drive, real, { dirId: realId(target) }))
      if (!made) return
      expect(model.child(target, made.name)).toBeUndefined()
      model.add(made.id, target, made.name, 'file', node.text)
      return
    }
    case 'emptyTrash':
      await files.emptyTrash(drive)
      model.remove(trash)
  }
}

/** The real tree in the words of the model; `trashed` and stored paths must say where a node lies. */
async function listing(drive: Drive): Promise<readonly string[]> {
  const lines: string[] = []
  const line = async (node: Node, path: string) => {
    const inTrash = path.startsWith('/.cozy_trash/')
    if (node.kind === 'directory') {
      expect(node.path).toBe(path)
      return `${path}/`
    }
    expect(node.trashed).toBe(inTrash)
    const versions = await files.versions(drive, node.id)
    const texts = await Promise.all(versions.map((version) => textOf(files, drive, version)))
    return `${path} = ${await textOf(files, drive, node)} [${texts.sort().join(',')}]`
  }
  for (const id of [rootId, trashId]) {
    const directory = (await files.node(drive, id)) as Directory
    for await (const { node, path } of files.walk(drive, directory)) lines.push(await line(node, path))
  }
  return lines.sort()
}

test('random operations leave the tree that the model has', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 30, maxLength: 80 }), async (operations) => {
      const drive = world.newDrive({ versioning: { max: maxVersions, minDelayMs: 0 } })
      const model = new Model(maxVersions)
      for (const one of operations) {
        world.clock.ms += 1
        await apply(drive, model, one)
      }
      expect(await listing(drive)).toEqual(model.listing())
      const { files: sum, versions } = model.usage()
      expect(await files.usage(drive)).toMatchObject({ files: sum, versions })
      const contents = [...model.nodes.values()].filter(({ kind }) => kind === 'file')
      const objects = contents.reduce((count, node) => count + 1 + node.versions.length, 0)
      expect((await world.objectNames(drive)).length).toBe(objects)
    }),
    { numRuns: 20 },
  )
}, 120_000)
