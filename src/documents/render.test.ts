import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { documentText, type RenderOptions } from './render.ts'

const stored = { id: 'a', gen: 2, hash: 'b', deleted: false, text: '{}' }

test.each<[object, RenderOptions | undefined, string]>([
  [{}, undefined, '{"_id":"a","_rev":"2-b"}'],
  [{ text: '{"x":1.0}' }, undefined, '{"_id":"a","_rev":"2-b","x":1.0}'],
  [{ text: '{"x": 1, "y": [1, 2]}' }, {}, '{"_id":"a","_rev":"2-b","x": 1, "y": [1, 2]}'],
  [{ deleted: true }, {}, '{"_id":"a","_rev":"2-b","_deleted":true}'],
  [{ text: '{"x":1}' }, { type: 'T' }, '{"_id":"a","_rev":"2-b","_type":"T","x":1}'],
  [{}, { type: 'T', extra: {} }, '{"_id":"a","_rev":"2-b","_type":"T"}'],
  [{}, { extra: { _conflicts: undefined } }, '{"_id":"a","_rev":"2-b"}'],
  [{}, { extra: '"_conflicts":["1-x"]' }, '{"_id":"a","_rev":"2-b","_conflicts":["1-x"]}'],
  [{ text: '{"x":1}' }, { extra: '' }, '{"_id":"a","_rev":"2-b","x":1}'],
  [
    { deleted: true, text: '{"x":1}' },
    { type: 'T', extra: { _revisions: { start: 2, ids: ['b', 'a'] } } },
    '{"_id":"a","_rev":"2-b","_type":"T","_deleted":true,"_revisions":{"start":2,"ids":["b","a"]},"x":1}',
  ],
  [{ id: 'a"\\\n', hash: '"' }, {}, '{"_id":"a\\"\\\\\\n","_rev":"2-\\""}'],
])('%j with %j', (change, options, text) => {
  expect(documentText({ ...stored, ...change }, options)).toBe(text)
})

test('the text is what printing all members together gives', () => {
  const names = fc.string().filter((name) => !name.startsWith('_') && !/^\d+$/.test(name))
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.dictionary(names, fc.jsonValue()),
      (id, hash, members) => {
        const text = documentText({ id, gen: 7, hash, deleted: false, text: JSON.stringify(members) })
        expect(text).toBe(JSON.stringify({ _id: id, _rev: `7-${hash}`, ...members }))
      },
    ),
  )
})
