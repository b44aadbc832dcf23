import { describe, expect, test } from 'bun:test'
import type { ChangedDocument, Commit } from '../../storage/documents/contract.ts'
import { kindOf } from './events.ts'
import { Journal } from './journal.ts'

const commit = (id: string, gen: number, seq: number, more: Partial<Commit> = {}): Commit => {
  const parent = gen === 1 ? undefined : { gen: gen - 1, hash: `${id}${gen - 1}` }
  return { id, gen, hash: `${id}${gen}`, seq: BigInt(seq), deleted: false, text: `{"n":${gen}}`, parent, ...more }
}
const row = (id: string, gen: number, seq: number, more: Partial<ChangedDocument> = {}): ChangedDocument => {
  return { id, gen, hash: `${id}${gen}`, seq: BigInt(seq), deleted: false, text: '{}', leaves: 1, ...more }
}
const filled = (...commits: readonly Commit[]) => {
  const journal = new Journal()
  for (const one of commits) journal.add(one)
  return journal
}
const told = (documents: readonly ChangedDocument[]) => documents.map((one) => `${kindOf(one)} ${one.id}${one.gen}`)

describe('what a page passes over', () => {
  test('nothing where each document changed once', () => {
    const journal = filled(commit('a', 1, 1), commit('b', 1, 2))
    expect(journal.passed([row('a', 1, 1), row('b', 1, 2)], { begin: undefined, end: 2n })).toEqual([])
    expect(journal.passed([row('a', 2, 3)], { begin: undefined, end: 3n })).toEqual([])
  })

  test('all but the last change of a document, by sequence, however they were reported', () => {
    const journal = filled(
      commit('a', 3, 4),
      commit('b', 1, 2),
      commit('a', 1, 1),
      commit('a', 2, 3),
      commit('b', 2, 5),
    )
    expect(told(journal.passed([row('a', 3, 4), row('b', 2, 5)], { begin: undefined, end: 5n }))).toEqual([
      'CREATED a1',
      'CREATED b1',
      'UPDATED a2',
    ])
  })

  test('a deletion with what was there, and a creation on its tombstone', () => {
    const journal = filled(
      commit('a', 2, 2, { deleted: true, text: '{}' }),
      commit('a', 3, 3, { parent: undefined }),
      commit('a', 4, 4, { deleted: true, text: '{}' }),
    )
    const passed = journal.passed([row('a', 5, 5)], { begin: undefined, end: 5n })
    expect(told(passed)).toEqual(['DELETED a2', 'CREATED a3', 'DELETED a4'])
    expect(passed.map(({ parent, from }) => ({ parent, from }))).toEqual([
      { parent: { deleted: false }, from: { gen: 1, hash: 'a1' } },
      { parent: { deleted: true }, from: undefined },
      { parent: { deleted: false, text: '{"n":3}' }, from: undefined },
    ])
  })

  test('nothing that an earlier page showed before its commit was heard of', () => {
    const journal = filled(commit('a', 1, 1))
    expect(told(journal.passed([row('a', 2, 2)], { begin: undefined, end: 2n }))).toEqual(['CREATED a1'])
    journal.add(commit('a', 2, 2))
    expect(journal.passed([row('a', 3, 3)], { begin: 2n, end: 3n })).toEqual([])
  })

  test('what lies behind the page stays for the next one; what was read by somebody else is forgotten', () => {
    const journal = filled(commit('a', 1, 1), commit('a', 2, 3), commit('other', 1, 2))
    expect(told(journal.passed([row('b', 1, 0)], { begin: undefined, end: 0n }))).toEqual([])
    expect(told(journal.passed([], { begin: undefined, end: 2n }))).toEqual([])
    expect(told(journal.passed([row('a', 3, 4)], { begin: undefined, end: 4n }))).toEqual(['UPDATED a2'])
    const late = filled(commit('other', 1, 2))
    late.passed([], { begin: undefined, end: 2n })
    expect(late.passed([row('other', 2, 5)], { begin: undefined, end: 5n })).toEqual([])
  })

  test('documents with several leaves are left out: the revisions need not have been winners', () => {
    expect(filled(commit('a', 1, 1)).passed([row('a', 2, 2, { leaves: 2 })], { begin: undefined, end: 2n })).toEqual([])
  })

  test('more than it holds is forgotten as a whole', () => {
    const journal = filled(commit('a', 1, 1), commit('b', 1, 2, { text: 'x'.repeat(1024 * 1024) }), commit('c', 1, 3))
    expect(
      told(journal.passed([row('a', 2, 4), row('b', 2, 5), row('c', 2, 6)], { begin: undefined, end: 6n })),
    ).toEqual(['CREATED c1'])
  })
})
