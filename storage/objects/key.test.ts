import { describe, expect, test } from 'bun:test'
import { keyOf, keyPrefixOf, nameOf } from './key.ts'
import { spellingLaws } from './testing/spelling-laws.ts'

const long = 'x'.repeat(240)

test.each([
  ['a', 'a#'],
  ['a/b', 'a/b#'],
  ['tenant/0123/photo.JPG', 'tenant/0123/photo.JPG#'],
  ['é€😀', 'é€😀#'],
  ['a b', 'a#20b#'],
  ['#', '#23#'],
  ['a#', 'a#23#'],
  ['.', '.#'],
  ['..', '..#'],
  ['../x', '..0!/x#'],
  ['./x', '.0!/x#'],
  ['/', '0!/#'],
  ['a//b', 'a/0!/b#'],
  ['a/', 'a/#'],
  [long, `${long}!/#`],
  [`${long}yz/w`, `${long}!/yz/w#`],
  [`${long}/w`, `${long}!/0!/w#`],
])('%j has the key %j', (name, key) => {
  expect(keyOf(name)).toBe(key)
  expect(nameOf(key)).toBe(name)
})

test.each([
  '',
  'a',
  'a/',
  '#',
  'a#md5',
  '#ping',
  'a#2#',
  'a#2f#',
  'a b#',
  'a//b#',
  './a#',
  '../a#',
  'a/./b#',
  '#41#',
  'x0!/b#',
])('%j is no key of a name', (key) => {
  expect(nameOf(key)).toBeUndefined()
})

test.each(['', '\0', 'a\0', '\ud800', 'x'.repeat(1001), '€'.repeat(334), '\u0001'.repeat(500)])(
  '%j can be no name',
  (name) => {
    expect(() => keyOf(name)).toThrow('bad_request')
  },
)

describe('laws', () => spellingLaws({ of: keyOf, nameOf, prefixOf: keyPrefixOf }))
