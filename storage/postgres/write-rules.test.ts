/** What becomes of an edit, held against both places that decide it: `hearth_write` in SQL and `decide` in tree-edits.ts. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { bodyOf } from '../../test/conformance/documents.ts'
import { embedded } from '../../test/conformance/postgres-targets.ts'
import type { DatabaseRef, DocumentStore, Edit, EditOutcome, RevisionId } from '../documents/contract.ts'
import { openPostgresDocuments } from './documents.ts'
import { decide } from './tree-edits.ts'

type State = 'never made' | 'live' | 'deleted'
type Parent = 'none' | 'the winner' | 'an older one' | 'a stranger'

/** Of what is given, `ok` with the generation, or why not. An edit may delete; that changes nothing of the verdict. */
const rules: readonly (readonly [
  state: State,
  parent: Parent,
  more: Partial<Pick<Edit, 'mustExist' | 'unknownParent'>>,
  verdict: string,
])[] = [
  ['never made', 'none', {}, 'ok 1'],
  ['never made', 'none', { mustExist: true }, 'missing'],
  ['never made', 'a stranger', { unknownParent: 'accept' }, 'ok 8'],
  ['never made', 'a stranger', { unknownParent: 'refuse' }, 'missing'],
  ['never made', 'a stranger', { unknownParent: 'accept', mustExist: true }, 'missing'],
  ['live', 'none', {}, 'conflict'],
  ['live', 'none', { mustExist: true }, 'conflict'],
  ['live', 'the winner', {}, 'ok 3'],
  ['live', 'the winner', { mustExist: true }, 'ok 3'],
  ['live', 'an older one', {}, 'conflict'],
  ['live', 'a stranger', { unknownParent: 'accept' }, 'conflict'],
  ['live', 'a stranger', { mustExist: true }, 'conflict'],
  ['deleted', 'none', {}, 'ok 4'],
  ['deleted', 'none', { mustExist: true }, 'deleted'],
  ['deleted', 'the winner', {}, 'deleted'],
  ['deleted', 'an older one', {}, 'deleted'],
  ['deleted', 'a stranger', { unknownParent: 'accept' }, 'deleted'],
  ['deleted', 'a stranger', { mustExist: true }, 'deleted'],
]

describe('an edit', () => {
  let store: DocumentStore
  const ref: DatabaseRef = { prefix: 'rules', name: 'db' }
  let ids = 0

  beforeAll(async () => {
    const target = await embedded.createDatabase()
    const options = { target, maxConnections: 2, compiler: indexCompiler, sweepEveryMs: 0, compactEveryMs: 0 }
    store = await openPostgresDocuments(options)
    await store.createDatabase(ref)
  }, 60_000)
  afterAll(() => store?.close())

  /** Writes what the state asks for and gives the revisions, oldest first. */
  async function made(id: string, state: State): Promise<readonly RevisionId[]> {
    const revisions: RevisionId[] = []
    const steps = state === 'never made' ? 0 : state === 'live' ? 2 : 3
    for (let n = 0; n < steps; n += 1) {
      const edit: Edit = {
        ...{ ref, id, parent: revisions.at(-1), deleted: n === 2, body: bodyOf({ n }), unknownParent: 'refuse' },
      }
      const [outcome] = await store.write([edit])
      if (outcome?.kind !== 'ok') throw new Error(`step ${n} was refused`)
      revisions.push(outcome.rev)
    }
    return revisions
  }

  const told = (outcome: EditOutcome | undefined) =>
    outcome?.kind === 'ok' ? `ok ${outcome.rev.gen}` : (outcome?.kind ?? 'nothing')

  for (const deleted of [false, true]) {
    test.each(rules)(
      `of what is %s, following %s, %p: %s${deleted ? ' (a deletion)' : ''}`,
      async (state, parent, more, verdict) => {
        const id = `d${++ids}`
        const revisions = await made(id, state)
        const parents: Readonly<Record<Parent, RevisionId | undefined>> = {
          none: undefined,
          'the winner': revisions.at(-1),
          'an older one': revisions[0],
          'a stranger': { gen: 7, hash: 'stranger' },
        }
        const body = bodyOf({ edited: true })
        const edit: Edit = { ref, id, parent: parents[parent], deleted, body, unknownParent: 'refuse', ...more }
        const tree = await store.readTree(ref, id)
        const { outcome: inMemory } = decide(edit, tree?.nodes)
        const [inSql] = await store.write([edit])
        expect([told(inMemory), told(inSql)]).toEqual([verdict, verdict])
        if (inMemory.kind === 'ok' && inSql?.kind === 'ok') expect(inMemory.rev).toEqual(inSql.rev)
      },
    )
  }
})
