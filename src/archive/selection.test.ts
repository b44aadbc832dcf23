import { describe, expect, test } from 'bun:test'
import type { Directory, FileNode, Node } from '../files/node.ts'
import type { Drive, Files } from '../files/service.ts'
import { openArchive } from './selection.ts'

const drive = {} as Drive
const at = '2024-02-29T12:34:56.000Z'

const file = (name: string, bytes = 'x') =>
  ({ kind: 'file', id: name, name, dirId: 'd', size: bytes.length, updatedAt: at }) as FileNode
const directory = (path: string) =>
  ({
    kind: 'directory',
    id: path,
    name: path.slice(path.lastIndexOf('/') + 1),
    dirId: path === '/' ? '' : 'd',
    path,
    updatedAt: at,
  }) as Directory

/** A tree that is one list of nodes with their paths. */
function treeOf(below: readonly { readonly node: Node; readonly path: string }[]) {
  const seen = { walked: 0 }
  const files: Pick<Files, 'walk' | 'open'> = {
    async *walk() {
      for (const one of below) {
        seen.walked += 1
        yield one
      }
    },
    open: async (_drive, content) => ({
      stat: { name: '', size: content.size, md5: '', contentType: '', modifiedMs: 0 },
      body: new Blob(['x'.repeat(content.size)]).stream(),
    }),
  }
  return { files, seen }
}

async function bytesOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(bytes))
}

/** The paths in the central directory. */
function pathsIn(zip: Buffer): readonly string[] {
  const paths: string[] = []
  for (let at = zip.readUInt32LE(zip.length - 6); zip.readUInt32LE(at) === 0x02014b50; ) {
    const length = zip.readUInt16LE(at + 28)
    paths.push(zip.toString('utf8', at + 46, at + 46 + length))
    at += 46 + length + zip.readUInt16LE(at + 30)
  }
  return paths
}

const many = (count: number) =>
  treeOf(Array.from({ length: count }, (_, i) => ({ node: file(`${i}`), path: `/many/${i}` })))

describe('openArchive()', () => {
  test.each([0, 10, 4_998])('tells the length of a directory of %d files', async (count) => {
    const { files } = many(count)
    const { length, bytes } = await openArchive(files, drive, { name: 'all', nodes: [directory('/many')] })
    expect(length).toBe((await bytesOf(bytes)).length)
  })

  test('holds no more than 5,000 entries of a larger one', async () => {
    const { files, seen } = many(6_000)
    const { length, bytes } = await openArchive(files, drive, { name: 'all', nodes: [directory('/many')] })
    expect([length, seen.walked]).toEqual([undefined, 4_999])
    expect(pathsIn(await bytesOf(bytes))).toHaveLength(6_001)
  })

  test('puts everything into one folder, each under a path of its own', async () => {
    const { files } = treeOf([
      { node: directory('/a/b'), path: '/a/b' },
      { node: file('c'), path: '/a/b/c' },
      { node: file('c'), path: '/a/b/c' },
    ])
    const nodes = [directory('/a'), file('a'), file('a')]
    const { bytes } = await openArchive(files, drive, { name: 'all', nodes })
    expect(pathsIn(await bytesOf(bytes))).toEqual([
      'all/a/',
      'all/a/b/',
      'all/a/b/c',
      'all/a/b/c (2)',
      'all/a (2)',
      'all/a (3)',
    ])
  })

  test('leaves the name of the root out', async () => {
    const { files } = treeOf([{ node: file('c'), path: '/c' }])
    const { bytes } = await openArchive(files, drive, { name: 'me', nodes: [directory('/')] })
    expect(pathsIn(await bytesOf(bytes))).toEqual(['me/c'])
  })

  test.each<[string, string]>([
    ['..', 'all/_'],
    ['.', 'all/_'],
    ['', 'all/_'],
    ['../../etc/passwd', 'all/.._.._etc_passwd'],
    ['a\0b', 'all/a_b'],
    ['...', 'all/...'],
  ])('a name %j that is none leads nowhere', async (name, path) => {
    const { files } = treeOf([])
    const { bytes } = await openArchive(files, drive, { name: 'all', nodes: [file(name)] })
    expect(pathsIn(await bytesOf(bytes))).toEqual([path])
  })

  test('nor does one below a directory', async () => {
    const { files } = treeOf([{ node: file('x'), path: '/a/../../x' }])
    const { bytes } = await openArchive(files, drive, { name: 'all', nodes: [directory('/a')] })
    expect(pathsIn(await bytesOf(bytes))).toEqual(['all/a/', 'all/a/_/_/x'])
  })
})
