/** The storage phase against what happens between two of its questions. Real stores: test/http/admin/fsck.test.ts. */
import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import type { StoredDocument } from '../../storage/documents/contract.ts'
import type { ObjectStat } from '../../storage/objects/contract.ts'
import { Problem } from '../model/errors.ts'
import { checkContents } from './content-check.ts'
import type { CheckedDocuments } from './documents.ts'
import type { Finding } from './finding.ts'
import { checkObjects } from './object-check.ts'

const md5 = (text: string) => createHash('md5').update(text).digest('base64')

let seq = 0n
/** A file whose document speaks of `content`, under the name `f/INTERNAL`. */
function file(internal: string, content: string): StoredDocument {
  const members = { type: 'file', name: 'f', dir_id: 'd', internal_vfs_id: internal, size: `${content.length}` }
  const text = JSON.stringify({ ...members, md5sum: md5(content) })
  return { id: 'f', gen: 1, hash: 'x', deleted: false, text, leaves: 1, seq: ++seq }
}

/** A tenant with one file at most; `onRead` is called before each question about documents as they are now. */
class World {
  now: StoredDocument | undefined
  readonly contents = new Map<string, string>()
  readonly entered = new Set<string>()
  onRead: () => void = () => {}
  /** Reading bytes breaks off after the first. */
  unreadable = false
  isDown = false
  readonly signal = new AbortController().signal

  readonly documents: CheckedDocuments = {
    files: () => this.#page(),
    async *versions() {},
    filesNow: async (ids) => {
      this.onRead()
      const found = this.now
      return new Map(found && [...ids].includes('f') ? [['f', found]] : [])
    },
    versionsNow: async () => new Map(),
    noteImagesNow: async () => new Map(),
    conflicted: async () => new Set(),
  }
  readonly ledger = {
    entered: async (names: readonly string[]) => new Set(names.filter((name) => this.entered.has(name))),
  }
  readonly objects = {
    stat: async (name: string) => this.#statOf(name),
    get: async (name: string) => {
      const stat = this.#statOf(name)
      const content = this.contents.get(name) ?? ''
      const pieces = [content.slice(0, 1), content.slice(1)]
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull: (controller) => {
          const piece = pieces.shift()
          if (piece === undefined) controller.close()
          else if (this.unreadable && pieces.length === 0) controller.error(new Error('bad sector'))
          else controller.enqueue(new TextEncoder().encode(piece))
        },
      })
      return stat && { stat, body }
    },
    list: async () => ({
      objects: [...this.contents].map(([name, { length: size }]) => ({ name, size, modifiedMs: 0 })),
      more: false,
    }),
    ping: async () => {
      if (this.isDown) throw new Problem('store_unavailable', 'down')
    },
  }

  async *#page() {
    if (this.now) yield [this.now]
  }

  #statOf(name: string): ObjectStat | undefined {
    const content = this.contents.get(name)
    if (content === undefined) return undefined
    return { name, size: content.length, md5: md5(content), contentType: 'text/plain', modifiedMs: 0 }
  }
}

const object = (internal: string) => `cozy-v3-p/f/${internal}`

async function collect(findings: AsyncIterable<Finding>): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { type, file_doc, content_mismatch: bad } of findings) {
    const sizes = bad === undefined ? '' : ` ${bad.size_index} ${bad.size_file}`
    found.push(`${type} ${file_doc?.['internal_vfs_id']}${sizes}`)
  }
  return found
}

const contentsOf = (world: World, hash = false) => collect(checkContents({ ...world, prefix: 'p', hash }))
const objectsOf = (world: World) => collect(checkObjects({ ...world, prefix: 'p' }))

describe('a content that looked bad', () => {
  const changes: readonly (readonly [string, (world: World) => void, readonly string[]])[] = [
    ['nothing happened', () => {}, ['filesystem_missing 1']],
    [
      'another content came',
      (world) => {
        world.now = file('2', 'new')
        world.contents.set(object('2'), 'new')
      },
      [],
    ],
    [
      'another content came, and that is bad',
      (world) => {
        world.now = file('2', 'new')
        world.contents.set(object('2'), 'ne')
      },
      ['content_mismatch 2 3 2'],
    ],
    [
      'the file was deleted',
      (world) => {
        world.now = undefined
      },
      [],
    ],
  ]
  test.each(changes)('%s', async (_, change, expected) => {
    const world = new World()
    world.now = file('1', 'old')
    let isChanged = false
    world.onRead = () => {
      if (!isChanged) change(world)
      isChanged = true
    }
    expect(await contentsOf(world)).toEqual([...expected])
  })

  test('a file that changes at each look is left alone', async () => {
    const world = new World()
    world.now = file('0', 'x')
    let count = 0
    world.onRead = () => {
      world.now = file(`${++count}`, 'x')
    }
    expect(await contentsOf(world)).toEqual([])
    expect(count).toBe(3)
  })
})

describe('an object without owner', () => {
  const changes: readonly (readonly [string, (world: World, question: number) => void, readonly string[]])[] = [
    ['stays one', () => {}, ['index_missing 1']],
    [
      'is of an upload under way',
      (world) => {
        world.entered.add(object('1'))
      },
      [],
    ],
    [
      'got its document between the questions',
      (world, question) => {
        if (question === 2) world.now = file('1', 'x')
      },
      [],
    ],
    [
      'is deleted between the questions',
      (world, question) => {
        if (question === 2) world.contents.clear()
      },
      [],
    ],
  ]
  test.each(changes)('%s', async (_, change, expected) => {
    const world = new World()
    world.contents.set(object('1'), 'x')
    let question = 0
    world.onRead = () => change(world, ++question)
    expect(await objectsOf(world)).toEqual([...expected])
  })
})

describe('an object that cannot be read to its end', () => {
  const broken = () => {
    const world = new World()
    world.now = file('1', 'abc')
    world.contents.set(object('1'), 'abc')
    world.unreadable = true
    return world
  }

  test('is damage when the store works', async () => {
    expect(await contentsOf(broken())).toEqual([])
    expect(await contentsOf(broken(), true)).toEqual(['content_mismatch 1 3 1'])
  })

  test('ends the check when the store does not', async () => {
    const world = broken()
    world.isDown = true
    await expect(contentsOf(world, true)).rejects.toThrow('bad sector')
  })
})
