import { describe, expect, test } from 'bun:test'
import { spellingLaws } from '../testing/spelling-laws.ts'
import { nameOfPath as nameOf, pathOf, pathPrefixOf } from './path.ts'

const long = 'x'.repeat(240)

test.each([
  ['a', 'a#'],
  ['a/b', 'a/b#'],
  ['tenant/0123/photo.JPG', 'tenant/01230!ph!/oto.JPG#'],
  ['t/0198abcd1234567890abcd/ef012/34567/AbCd', 't/0198abcd!/1234567890abcd0!ef0120!345670!AbCd#'],
  ['t/12345678', 't/12345678!/#'],
  ['t/1234567', 't/1234567#'],
  ['a b', 'a#20b#'],
  ['..', '..#'],
  ['../../x', '..0!/..0!x#'],
  ['/', '0!/#'],
  ['a//b', 'a/0!b#'],
  [`${long}/w`, `${long}!/0!/w#`],
  [`t/12345678${long}z`, `t/12345678!/${long}!/z#`],
])('%j lies at %j', (name, path) => {
  expect(pathOf(name)).toBe(path)
  expect(nameOf(path)).toBe(name)
})

test.each(['', 'a', 'a/', '#', 'a/b/c#', 'a/12345678#', '../a#', 'a//b#', 'a!/b#'])(
  '%j is no path of a name',
  (path) => {
    expect(nameOf(path)).toBeUndefined()
  },
)

test.each(['', '\0', '\ud800', 'x'.repeat(1001)])('%j can be no name', (name) => {
  expect(() => pathOf(name)).toThrow('bad_request')
})

describe('laws', () => spellingLaws({ of: pathOf, nameOf, prefixOf: pathPrefixOf }))
