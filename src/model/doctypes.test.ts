import { expect, test } from 'bun:test'
import { checkDoctype, isDatabaseName, isDoctypeName, isReadable, isReadableDoctype, isWritable } from './doctypes.ts'
import { Problem } from './errors.ts'

test.each<[string, boolean, boolean]>([
  // name, doctype, database
  ['io.cozy.files', true, true],
  ['a', true, true],
  ['1.2', true, true],
  ['a_b.c_', true, true],
  ['x'.repeat(200), true, true],
  ['x'.repeat(201), false, true],
  ['x'.repeat(239), false, false],
  ['a-b', false, true],
  ['a/b+c(d)$', false, true],
  ['', false, false],
  ['.a', false, false],
  ['a.', false, false],
  ['a..b', false, false],
  ['A', false, false],
  ['aB', false, false],
  ['é', false, false],
  ['a b', false, false],
  ['a\n', false, false],
  ['_users', false, false],
  ['-a', false, false],
  ['1-a', false, false],
  ['a.b-c', false, false],
])('%s: doctype %p, database %p', (name, doctype, database) => {
  expect(isDoctypeName(name)).toBe(doctype)
  expect(isDatabaseName(name)).toBe(database)
})

test.each<[string, boolean, boolean]>([
  // name, readable, writable
  ['io.cozy.todos', true, true],
  ['io.cozy.accounts', true, true],
  ['io.cozy.doctypes', true, true],
  ['io.cozy.files', true, false],
  ['io.cozy.apps', true, false],
  ['com.bitwarden.contacts', true, false],
  ['com.bitwarden.profiles', false, false],
  ['instances', false, false],
  ['io.cozy.permissions', false, false],
  ['io.cozy.apps.logs', false, false],
  ['constructor', true, true],
])('%s: readable %p, writable %p', (name, readable, writable) => {
  expect(isReadable(name)).toBe(readable)
  expect(isReadableDoctype(name)).toBe(readable)
  expect(isWritable(name)).toBe(writable)
})

test.each<[string, 'read' | 'write', string | undefined]>([
  ['io.cozy.todos', 'write', undefined],
  ['io.cozy.files', 'read', undefined],
  ['io.cozy.files', 'write', 'reserved doctype io.cozy.files unwritable'],
  ['io.cozy.sessions', 'read', 'reserved doctype io.cozy.sessions unreadable'],
  ['io.cozy.sessions', 'write', 'reserved doctype io.cozy.sessions unreadable'],
  ['A-B', 'read', 'A-B is not a valid doctype name'],
])('to %s one may %s: %p', (name, mode, reason) => {
  if (reason === undefined) expect(() => checkDoctype(name, mode)).not.toThrow()
  else expect(() => checkDoctype(name, mode)).toThrow(new Problem('forbidden', reason))
})

test('names outside the doctypes are never shown', () => {
  expect(isReadableDoctype('a-b')).toBe(false)
})
