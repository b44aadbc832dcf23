import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { bodyOf } from '../../test/conformance/documents.ts'
import { embedded } from '../../test/conformance/postgres-targets.ts'
import { memoryObjects } from '../../test/support/memory-objects.ts'
import { openDocuments } from './documents.ts'
import { indexCompiler } from './mango/index-compiler.ts'
import type { Documents } from './service.ts'

const face = { defaultLimit: 25, refuseUnindexed: true }
let store: DocumentStore
let documents: Documents

beforeAll(async () => {
  const target = await embedded.createDatabase()
  store = await openPostgresDocuments({ target, maxConnections: 4, compiler: indexCompiler, sweepEveryMs: 0 })
  documents = openDocuments({ store, objects: memoryObjects() })
}, 60_000)
afterAll(() => store?.close())

async function add(ref: DatabaseRef, ids: readonly string[], body: (n: number) => object): Promise<void> {
  await store.write(
    ids.map((id, n) => ({ ref, id, deleted: false, body: bodyOf(body(n)), unknownParent: 'refuse' as const })),
  )
}

const named = (count: number, letter: string) => Array.from({ length: count }, (_, n) => `${letter}${1_000 + n}`)

interface Page {
  readonly ids: readonly string[]
  readonly bookmark: string | undefined
}

async function ask(ref: DatabaseRef, question: object): Promise<Page> {
  const { docs, bookmark } = await documents.find(ref, { fields: ['_id'], ...question } as never, face)
  return { ids: docs.map((text) => JSON.parse(text)._id), bookmark }
}

test('a large database keeps entries for an index of the server once it is asked, a small one does not', async () => {
  const ref = { prefix: 'computed', name: 'io.cozy.notifications' }
  const question = { selector: { source_id: 's1', created_at: { $gt: null } }, limit: 3 }
  const kept = async () => (await store.indexes(ref, { fresh: true })).views.length
  await store.createDatabase(ref)
  await add(ref, named(900, 'a'), (n) => ({ source_id: `s${n % 2}`, created_at: n }))
  const small = await ask(ref, question)
  expect(small.ids).toEqual(['a1001', 'a1003', 'a1005'])
  expect(await kept()).toBe(0)
  await add(ref, named(300, 'b'), () => ({ source_id: 's2', created_at: 0 }))
  // The bookmark was given while the rows were computed.
  const next = await ask(ref, { ...question, bookmark: small.bookmark })
  expect(next.ids).toEqual(['a1007', 'a1009', 'a1011'])
  expect(await kept()).toBe(1)
  await add(ref, ['late'], () => ({ source_id: 's1', created_at: 7.5 }))
  const last = await ask(ref, { ...question, selector: { source_id: 's1', created_at: { $gt: 5 } } })
  expect(last.ids).toEqual(['a1007', 'late', 'a1009'])
  const listed = await documents.listIndexes(ref)
  expect(listed.map(({ ddoc }) => ddoc)).toEqual([null, '_design/by-source-id'])
}, 60_000)

test('entries of an equal index that an application made serve that of the server, as long as they are there', async () => {
  const ref = { prefix: 'computed', name: 'io.cozy.contacts' }
  await store.createDatabase(ref)
  await add(ref, named(20, 'c'), (n) => ({ me: n === 7 }))
  await documents.createIndex(ref, { index: { fields: ['me'] }, ddoc: 'mine' } as never, { create: false })
  const mine = { selector: { me: true }, use_index: '_design/by-me' }
  expect((await ask(ref, mine)).ids).toEqual(['c1007'])
  const names = (await documents.listIndexes(ref)).map(({ ddoc }) => ddoc)
  expect(names).toEqual([null, '_design/by-groups', '_design/by-me', '_design/mine'])
  const [view] = (await store.indexes(ref)).views
  expect(await documents.deleteIndex(ref, '_design/mine', view?.name ?? '')).toBe(true)
  expect((await ask(ref, mine)).ids).toEqual(['c1007'])
}, 60_000)

test("an index of the server's own can be copied, as cozy-client does when it looks for one under a name of its own", async () => {
  const ref = { prefix: 'copied', name: 'io.cozy.contacts' }
  await store.createDatabase(ref)
  await add(ref, named(3, 'c'), (n) => ({ me: n === 1 }))
  const shown = await documents.read(ref, '_design/by-me')
  if (shown.kind !== 'found') throw new Error('the index is not shown')
  const { rev: name, text } = shown.document
  const rev = { gen: 1, hash: name.slice('1-'.length) }
  expect(await documents.copy(ref, { id: '_design/by-me', rev }, { id: '_design/mine' })).toMatchObject({ kind: 'ok' })
  const copy = await documents.read(ref, '_design/mine')
  const members = (json: string) => ({ ...JSON.parse(json), _id: '', _rev: '' })
  expect(copy.kind === 'found' && members(copy.document.text)).toEqual(members(text))
  expect((await ask(ref, { selector: { me: true }, use_index: '_design/mine' })).ids).toEqual(['c1001'])
  const unknown = { id: '_design/by-me', rev: { ...rev, gen: 2 } }
  expect(await documents.copy(ref, unknown, { id: '_design/other' })).toMatchObject({ kind: 'missing' })
}, 60_000)

test('documents without conflicts are not read for an index of conflicts', async () => {
  const ref = { prefix: 'computed', name: 'forks' }
  await store.createDatabase(ref)
  await add(ref, named(50, 'd'), () => ({}))
  await store.replicate(ref, [{ id: 'd1010', gen: 1, path: ['0'], deleted: false, body: bodyOf({ lost: true }) }])
  const range = { descending: false, skip: 0, limit: 100, bodies: false, forked: true }
  expect((await store.scanIds(ref, range)).map(({ id }) => id)).toEqual(['d1010'])
  await documents.createIndex(ref, { index: { fields: ['_conflicts'] } } as never, { create: false })
  expect((await ask(ref, { selector: { _conflicts: { $exists: true } } })).ids).toEqual(['d1010'])
}, 60_000)
