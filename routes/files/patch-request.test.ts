import { describe, expect, test } from 'bun:test'
import type { Json } from '../../src/model/json/value.ts'
import { patchOf } from './patch-request.ts'

describe('what a PATCH asks for', () => {
  test.each<[string, Json, object]>([
    ['a name', { attributes: { name: 'a' } }, { name: 'a' }],
    ['a directory', { attributes: { dir_id: 'd' } }, { dirId: 'd' }],
    ['a parent', { relationships: { parent: { data: { id: 'd', type: 'io.cozy.files' } } } }, { dirId: 'd' }],
    [
      'a directory rather than a parent',
      { attributes: { dir_id: 'd' }, relationships: { parent: { data: { id: 'e' } } } },
      { dirId: 'd' },
    ],
    ['tags, trimmed and each once', { attributes: { tags: ['a', ' b ', 'a', ''] } }, { tags: ['a', 'b'] }],
    ['a date', { attributes: { updated_at: '2024-01-01T00:00:00+01:00' } }, { updatedAt: '2024-01-01T00:00:00+01:00' }],
    ['flags', { attributes: { executable: true, encrypted: false } }, { executable: true, encrypted: false }],
    ['a class, which is worked out anew', { attributes: { class: 'x' } }, { reclassify: true }],
    ['metadata', { attributes: { metadata: { a: 1 } } }, { metadata: { a: 1 } }],
    ['a favourite', { attributes: { cozyMetadata: { favorite: true, createdAt: 'x' } } }, { favorite: true }],
    ['nothing that is null', { attributes: { name: null, tags: null, metadata: null } }, {}],
    ['nothing that is unknown', { attributes: { restore_path: '/x', size: '1', trashed: false } }, {}],
    ['nothing', { attributes: {} }, {}],
  ])('%s', (_, data, changes) => {
    const patch = patchOf(data)
    const asked = patch.kind === 'change' ? patch.changes : undefined
    const given = Object.entries(asked ?? { kind: patch.kind }).filter(([, value]) => value !== undefined)
    expect(Object.fromEntries(given)).toEqual(changes)
  })

  test.each<[string, Json, string]>([
    ['the trash', { attributes: { move_to_trash: true } }, 'trash'],
    ['the end', { attributes: { permanent_delete: true, move_to_trash: true } }, 'destroy'],
    ['no trash', { attributes: { move_to_trash: false } }, 'change'],
    ['nothing', {}, 'nothing'],
    ['an id without attributes', { id: 'a' }, 'nothing'],
    ['attributes that are null', { attributes: null }, 'nothing'],
  ])('%s', (_, data, kind) => expect(patchOf(data).kind).toBe(kind as never))

  test.each<[Json]>([
    [null],
    [[]],
    ['x'],
    [{ attributes: 'x' }],
    [{ attributes: { name: 1 } }],
    [{ attributes: { tags: 'a' } }],
    [{ attributes: { tags: [1] } }],
    [{ attributes: { executable: 'true' } }],
    [{ attributes: { metadata: [] } }],
    [{ attributes: { cozyMetadata: 1 } }],
    [{ attributes: { move_to_trash: 'yes' } }],
    [{ relationships: { parent: {} } }],
    [{ relationships: { parent: { data: null } } }],
  ])('%j is malformed', (data) => {
    expect(() => patchOf(data)).toThrow(expect.objectContaining({ status: 400 }))
  })

  test('a date that is none is named', () => {
    expect(() => patchOf({ attributes: { updated_at: 'soon' } })).toThrow(
      expect.objectContaining({ status: 422, reason: 'Invalid time given', source: { parameter: 'UpdatedAt' } }),
    )
  })
})
