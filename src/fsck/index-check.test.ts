/** The index phase over documents in memory: every rule in a table, and what changes while it runs. */
import { describe, expect, test } from 'bun:test'
import type { StoredDocument } from '../../storage/documents/contract.ts'
import { rootId, trashId } from '../files/node.ts'
import type { JsonObject } from '../model/json/value.ts'
import type { CheckedDocuments } from './documents.ts'
import type { Finding } from './finding.ts'
import { checkIndex } from './index-check.ts'

type Documents = Readonly<Record<string, JsonObject>>

const directory = (dir_id: string, name: string, path: string): JsonObject => ({
  type: 'directory',
  dir_id,
  name,
  path,
})
const file = (dir_id: string, name: string, more: JsonObject = {}): JsonObject => ({
  type: 'file',
  dir_id,
  name,
  size: '3',
  trashed: false,
  metadata: { large: true },
  ...more,
})
const clean: Documents = {
  [rootId]: directory('', '', '/'),
  [trashId]: directory(rootId, '.cozy_trash', '/.cozy_trash'),
  a: directory(rootId, 'A', '/A'),
  b: directory('a', 'B', '/A/B'),
  t: directory(trashId, 'T', '/.cozy_trash/T'),
  f1: file(rootId, 'one'),
  f2: file('a', 'one'),
  f3: file('b', 'three'),
  f4: file('t', 'four', { trashed: true }),
}

let seq = 0n
const stored = (id: string, value: JsonObject, leaves = 1): StoredDocument => ({
  id,
  gen: 1,
  hash: 'x',
  deleted: false,
  text: JSON.stringify(value),
  leaves,
  seq: ++seq,
})

interface World {
  readonly files: Map<string, StoredDocument>
  readonly versions: Map<string, StoredDocument>
  /** Called after all files were read. */
  meanwhile?: () => void
}

function world(documents: Documents, versions: Documents = {}): World {
  const all = (given: Documents) => new Map(Object.entries(given).map(([id, value]) => [id, stored(id, value)]))
  return { files: all(documents), versions: all(versions) }
}

function reader({ files, versions, meanwhile = () => {} }: World): CheckedDocuments {
  const some = (from: ReadonlyMap<string, StoredDocument>, ids: Iterable<string>) =>
    new Map([...ids].flatMap((id) => (from.has(id) ? [[id, from.get(id) as StoredDocument]] : [])))
  return {
    async *files() {
      yield [...files.values()]
      meanwhile()
    },
    async *versions() {
      yield [...versions.values()]
    },
    filesNow: async (ids) => some(files, ids),
    versionsNow: async (ids) => some(versions, ids),
    noteImagesNow: async () => new Map(),
    conflicted: async (ids) => new Set(ids.filter((id) => id !== 'f2')),
  }
}

async function check(given: World): Promise<Finding[]> {
  const found: Finding[] = []
  for await (const finding of checkIndex(reader(given))) found.push(finding)
  return found
}

/** `type id flags`, with what else a finding tells. */
function short(finding: Finding): string {
  const { type, file_doc, dir_doc, version_doc, is_file, is_version, expected_fullpath } = finding
  const flags = [file_doc && 'file', dir_doc && 'dir', is_file && 'is_file', is_version && 'is_version']
  const doc = file_doc ?? dir_doc ?? version_doc
  const marks = [doc?.['is_orphan'] === true && 'orphan', doc?.['has_cycle'] === true && 'cycle']
  const path = file_doc ? file_doc['path'] : expected_fullpath
  return [type, doc?.['_id'], ...flags, ...marks, path].filter(Boolean).join(' ')
}

const without = (id: string): Documents => Object.fromEntries(Object.entries(clean).filter(([key]) => key !== id))

describe('the index phase', () => {
  test('finds nothing in a clean tree', async () => {
    expect(await check(world(clean, { 'f1/x': {}, 'f4/y': {} }))).toEqual([])
  })

  test('finds nothing where no file was ever made, but for versions that nobody has', async () => {
    expect((await check(world({}, { 'a/b': {} }))).map(short)).toEqual(['file_missing a/b is_version'])
  })

  test.each<[string, Documents, readonly string[]]>([
    ['no root: the phase stops', { ...without(rootId), f9: file('nowhere', 'x') }, ['index_missing_root']],
    [
      'no trash directory: what was in it hangs on nothing',
      without(trashId),
      ['index_missing_trash', 'index_orphan_tree t dir orphan'],
    ],
    [
      'a file in no directory',
      { ...clean, z: file('nowhere', 'z') },
      ['index_orphan_tree z file is_file orphan /.cozy_orphans/z'],
    ],
    [
      'a file in a file',
      { ...clean, z: file('f1', 'z') },
      ['index_orphan_tree z file is_file orphan /.cozy_orphans/z'],
    ],
    [
      'a document of no type is a file',
      { ...clean, z: { name: 'z' } },
      ['index_orphan_tree z file is_file orphan /.cozy_orphans/z'],
    ],
    [
      'only the top of a detached tree is reported',
      { ...clean, m: directory('nowhere', 'M', '/N/M'), n: directory('m', 'N', '/N/M/N'), o: file('n', 'o') },
      ['index_orphan_tree m dir orphan'],
    ],
    [
      'the inside of a detached tree is checked too',
      {
        ...clean,
        m: directory('nowhere', 'M', '/M'),
        n: directory('m', 'N', '/x'),
        o: file('n', 'o', { trashed: true }),
      },
      ['index_orphan_tree m dir orphan', 'index_bad_fullpath n dir /M/N', 'trashed_not_in_trash o file /x/o'],
    ],
    [
      'a detached tree that was in the trash',
      { ...clean, m: directory('nowhere', 'M', '/.cozy_trash/M'), o: file('m', 'o', { trashed: true }) },
      ['index_orphan_tree m dir orphan'],
    ],
    [
      'a cycle: its directories, not what hangs on it',
      {
        ...clean,
        k: directory('m', 'K', '/M/K'),
        l: directory('m', 'L', '/M/L'),
        m: directory('k', 'M', '/M'),
        o: file('l', 'o'),
      },
      ['index_orphan_tree k dir cycle', 'index_orphan_tree m dir cycle'],
    ],
    ['a directory in itself', { ...clean, m: directory('m', 'M', '/M') }, ['index_orphan_tree m dir cycle']],
    [
      'a wrong path, and with it what lies below',
      { ...clean, a: directory(rootId, 'A', '/old') },
      ['index_bad_fullpath a dir /A', 'index_bad_fullpath b dir /old/B'],
    ],
    ['no path', { ...clean, b: { type: 'directory', dir_id: 'a', name: 'B' } }, ['index_bad_fullpath b dir /A/B']],
    ['a wrong path of the root', { ...clean, [rootId]: directory('', '', '') }, [`index_bad_fullpath ${rootId} dir /`]],
    [
      'a file with a path',
      { ...clean, f2: file('a', 'one', { path: '/somewhere' }) },
      ['index_file_with_path f2 file /A/one'],
    ],
    ['two files of one name', { ...clean, z: file('a', 'one') }, ['index_duplicate_name z file /A/one']],
    ['two directories of one name', { ...clean, z: directory('a', 'B', '/A/B') }, ['index_duplicate_name z dir']],
    ['a file and a directory of one name', { ...clean, f2: file('a', 'B') }, ['index_duplicate_name b dir']],
    [
      'three of one name',
      { ...clean, y: file('a', 'one'), z: file('a', 'one') },
      ['index_duplicate_name y file /A/one', 'index_duplicate_name z file /A/one'],
    ],
    ['names that differ by their form are two', { ...clean, y: file('a', 'é'), z: file('a', 'e\u0301') }, []],
    [
      'trashed outside the trash',
      { ...clean, f3: file('b', 'three', { trashed: true }) },
      ['trashed_not_in_trash f3 file /A/B/three'],
    ],
    [
      'not trashed inside it',
      { ...clean, f4: file('t', 'four') },
      ['not_trashed_in_trash f4 file /.cozy_trash/T/four'],
    ],
    [
      'not trashed, and not said',
      { ...clean, f4: { type: 'file', dir_id: trashId, name: 'four' } },
      ['not_trashed_in_trash f4 file /.cozy_trash/four'],
    ],
  ])('%s', async (_, documents, expected) => {
    expect((await check(world(documents))).map(short)).toEqual([...expected])
  })

  test('finds versions whose file is not there', async () => {
    const found = await check(world(clean, { 'f1/x': {}, 'gone/y': { size: '1', metadata: {} }, odd: {} }))
    expect(found.map(short)).toEqual(['file_missing gone/y is_version', 'file_missing odd is_version'])
    expect(found[0]?.version_doc).toEqual({ _id: 'gone/y', _rev: '1-x', size: '1' })
  })

  test('finds conflicts of documents whose other leaf lives', async () => {
    const given = world(clean)
    for (const id of ['a', 'f2', 'f3']) given.files.set(id, { ...(given.files.get(id) as StoredDocument), leaves: 2 })
    expect((await check(given)).map(short)).toEqual([
      'conflict_in_index a dir',
      'conflict_in_index f3 file is_file /A/B/three',
    ])
  })

  test('shows documents whole but for what has no bound', async () => {
    const [finding] = await check(
      world({ ...clean, f3: file('b', 'three', { trashed: true, size: '12', tags: ['x'] }) }),
    )
    expect(finding).toEqual({
      type: 'trashed_not_in_trash',
      file_doc: {
        _id: 'f3',
        _rev: '1-x',
        type: 'file',
        dir_id: 'b',
        name: 'three',
        size: '12',
        tags: ['x'],
        trashed: true,
        path: '/A/B/three',
        is_dir: false,
        is_orphan: false,
        has_cycle: false,
      },
      is_file: false,
      is_version: false,
    })
  })
})

describe('what changes while the tree is read is no finding', () => {
  const bad = { ...clean, b: directory('a', 'B', '/wrong'), f2: file('gone', 'one'), z: file('b', 'three') }
  const findings = ['index_duplicate_name z', 'index_bad_fullpath b', 'index_orphan_tree f2']

  test.each<[string, readonly string[], readonly string[]]>([
    ['nothing changed', [], findings],
    ['the document itself', ['f2', 'z'], ['index_bad_fullpath b']],
    ['the twin of a name', ['f3'], findings.slice(1)],
    ['a directory above', [rootId], ['index_duplicate_name z', 'index_orphan_tree f2']],
  ])('%s', async (_, changed, expected) => {
    const given = world(bad)
    given.meanwhile = () => {
      for (const id of changed) given.files.set(id, { ...(given.files.get(id) as StoredDocument), seq: ++seq })
    }
    const found = (await check(given)).map((finding) => short(finding).split(' ').slice(0, 2).join(' '))
    expect(found.sort()).toEqual([...expected].sort())
  })

  test('a directory that came after its child, and a document that went', async () => {
    const given = world(bad)
    given.meanwhile = () => {
      given.files.set('gone', stored('gone', directory(rootId, 'G', '/G')))
      given.files.delete('z')
    }
    expect((await check(given)).map((finding) => finding.type)).toEqual(['index_bad_fullpath'])
  })
})
