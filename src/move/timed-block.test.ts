import { expect, test } from 'bun:test'
import { doorOf } from '../instances/door.ts'
import { block, isBlockedBy, renewBlock, unblock } from './timed-block.ts'

const past = '2001-01-01T00:00:00Z'
const future = '2999-01-01T00:00:00Z'
const mine = { by: 'mine', reason: 'IMPORTING', forMs: 60_000 } as const

test.each([
  [{ blocked: true, blocking_reason: 'IMPORTING' }, 'blocked'],
  [{ blocked: true, blocking_reason: 'IMPORTING', blocked_until: future }, 'blocked'],
  [{ blocked: true, blocking_reason: 'IMPORTING', blocked_until: past }, 'open'],
  [{ blocked: true, blocked_until: past, moved: true }, 'moved'],
  [{}, 'open'],
])('an instance with %j -> %s', (document, kind) => {
  expect(doorOf({ document }).kind).toBe(kind as never)
})

/** One instance's document, changed as the service changes it. */
function kept(document: Record<string, unknown>) {
  return {
    document,
    async update(_domain: string, changed: (document: never) => object | undefined) {
      Object.assign(document, changed(document as never))
      return {} as never
    },
  }
}

test.each([
  [{}, true],
  [{ blocked: true, blocking_reason: 'PAYMENT_FAILED' }, false],
  [{ blocked: true, blocked_by: 'other', blocked_until: future }, false],
  [{ blocked: true, blocked_by: 'other', blocked_until: past }, true],
  [{ blocked: true, blocked_by: 'mine', blocked_until: future }, true],
])('an import blocks an instance with %j -> %p', async (document, taken) => {
  const instances = kept({ ...document })
  expect(await block(instances, 'a.example', mine)).toBe(taken)
  expect(isBlockedBy(instances.document, 'mine')).toBe(taken)
})

test('a block that an operator has ended is not renewed, and one of somebody else is not ended', async () => {
  const instances = kept({})
  await renewBlock(instances, 'a.example', 'mine', 60_000)
  expect(isBlockedBy(instances.document, 'mine')).toBe(false)
  await block(instances, 'a.example', mine)
  await unblock(instances, 'a.example', 'other')
  expect(isBlockedBy(instances.document, 'mine')).toBe(true)
  await unblock(instances, 'a.example', 'mine')
  expect(doorOf(instances).kind).toBe('open')
})
