import { expect, test } from 'bun:test'
import type { ChangedDocument } from '../../storage/documents/contract.ts'
import { changeFrame, kindOf, notificationFrame } from './events.ts'

const row = (more: Partial<ChangedDocument>): ChangedDocument => {
  return { id: 'a', gen: 1, hash: 'h', seq: 1n, deleted: false, leaves: 1, text: '{"n":1}', ...more }
}
const text = (frame: Uint8Array) => new TextDecoder().decode(frame)

test.each<[string, Partial<ChangedDocument>, string]>([
  ['a first revision', {}, 'CREATED'],
  ['a second one', { gen: 2, parent: { deleted: false } }, 'UPDATED'],
  ['one on a tombstone', { gen: 3, parent: { deleted: true } }, 'CREATED'],
  ['one whose ancestors are not here', { gen: 3 }, 'UPDATED'],
  ['a first revision that won against another', { leaves: 2 }, 'UPDATED'],
  ['one on a tombstone beside another branch', { gen: 3, leaves: 2, parent: { deleted: true } }, 'UPDATED'],
  ['a tombstone', { gen: 2, deleted: true, parent: { deleted: false } }, 'DELETED'],
  ['a tombstone that is all there is', { deleted: true, leaves: 2 }, 'DELETED'],
])('%s', (_what, document, kind) => {
  expect(kindOf(row(document))).toBe(kind as ReturnType<typeof kindOf>)
})

test.each<[string, Partial<ChangedDocument>, string]>([
  ['what it held', { parent: { deleted: false, text: '{"was":1}' } }, '"_rev":"2-h","_deleted":true,"was":1'],
  ['its own body where that is gone', { parent: { deleted: false } }, '"_rev":"2-h","_deleted":true,"n":1'],
  [
    'its own body on another tombstone',
    { parent: { deleted: true, text: '{"was":1}' } },
    '"_rev":"2-h","_deleted":true,"n":1',
  ],
])('a deleted document is told with %s', (_what, more, members) => {
  const frame = changeFrame('t', row({ gen: 2, deleted: true, ...more }))
  expect(text(frame)).toBe(`{"event":"DELETED","payload":{"type":"t","id":"a","doc":{"_id":"a",${members}}}}`)
})

test('a notification is the text as it came', () => {
  expect(text(notificationFrame('t', 'a"b', '{"n":1.0}'))).toBe(
    '{"event":"NOTIFIED","payload":{"type":"t","id":"a\\"b","doc":{"n":1.0}}}',
  )
})

test.each([false, true])('the name of a content in the object store is not told (deleted: %p)', (deleted) => {
  const members = '{"name":"f","internal_vfs_id":"secret","size":1.0}'
  const frame = changeFrame('io.cozy.files', row({ deleted, text: members, parent: { deleted: false, text: members } }))
  expect(text(frame)).toContain('"name":"f","size":1.0}')
  expect(text(frame)).not.toContain('secret')
})
