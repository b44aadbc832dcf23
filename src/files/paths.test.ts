import { expect, test } from 'bun:test'
import { checkLevels, cleanPath, isInTrash, joinPath, splitPath } from './paths.ts'

test.each([
  ['/', '/'],
  ['//', '/'],
  ['/a/b', '/a/b'],
  ['/a//b/', '/a/b'],
  ['/a/./b', '/a/b'],
  ['/a/../b', '/b'],
  ['/../..', '/'],
])('%s is %s', (path, clean) => {
  expect(cleanPath(path)).toBe(clean)
})

test.each(['', 'a', './a', ' /a'])('%p is not absolute', (path) => {
  expect(() => cleanPath(path)).toThrow('Given path should be absolute')
})

test.each([
  ['/a', { parent: '/', name: 'a' }],
  ['/a/b', { parent: '/a', name: 'b' }],
])('%s is %p', (path, parts) => {
  expect(splitPath(path)).toEqual(parts)
  expect(joinPath(parts.parent, parts.name)).toBe(path)
})

test.each([
  ['/.cozy_trash', true],
  ['/.cozy_trash/a', true],
  ['/.cozy_trashes', false],
  ['/a/.cozy_trash', false],
])('%s in the trash: %p', (path, inTrash) => {
  expect(isInTrash(path)).toBe(inTrash)
})

test('512 levels at most', () => {
  expect(() => checkLevels('/')).not.toThrow()
  expect(() => checkLevels('/x'.repeat(512))).not.toThrow()
  expect(() => checkLevels(`/${'x'.repeat(1000)}`)).not.toThrow()
  expect(() => checkLevels('/x'.repeat(513))).toThrow('Invalid path: too many levels')
})
