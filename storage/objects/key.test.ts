import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { compareBytes, keyOf, keyPrefixOf, nameOf } from './key.ts'

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

/** Many slashes, dots, marks and lengths around the cuts; a few of everything else. */
const piece = fc.oneof(
  fc.constantFrom('/', '/', '.', '..', '#', '!', '0!', '0', ' ', '\u0001', 'a', 'b', '-', '\uffff', '😀', '%2F', '\\'),
  fc.constantFrom('x'.repeat(239), long, `${long}y`, 'é'.repeat(120), ' '.repeat(80)),
  fc.string({ unit: 'binary', maxLength: 4 }).filter((text) => text.isWellFormed() && !text.includes('\0')),
)
const names = fc
  .array(piece, { minLength: 1, maxLength: 6 })
  .map((pieces) => pieces.join(''))
  .filter((name) => name !== '' && Buffer.byteLength(name) <= 330)

/** Two names that are often equal up to some place. */
const pairs = fc
  .tuple(fc.oneof(fc.constant(''), names), names, names)
  .map(([begin, a, b]) => [begin + a, begin + b] as const)
  .filter((pair) => pair.every((name) => Buffer.byteLength(name) <= 330))

const orderOf = (a: string, b: string) => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)))

describe('laws', () => {
  const runs = { numRuns: 3_000 }

  test('a key gives its name back, and fits everywhere', () => {
    fc.assert(
      fc.property(names, (name) => {
        const key = keyOf(name)
        expect(nameOf(key)).toBe(name)
        for (const part of key.split('/')) {
          expect(part).not.toBeOneOf(['', '.', '..'])
          expect(Buffer.byteLength(part)).toBeLessThanOrEqual(255)
        }
        expect(key).not.toMatch(/[\0-\u0020]/)
      }),
      runs,
    )
  })

  test('keys are in the byte order of the names, and names in that of compareBytes', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        expect(orderOf(keyOf(a), keyOf(b))).toBe(orderOf(a, b))
        expect(Math.sign(compareBytes(a, b))).toBe(orderOf(a, b))
      }),
      runs,
    )
  })

  test('no key is a folder of another one', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        expect(keyOf(a).startsWith(`${keyOf(b)}/`)).toBe(false)
      }),
      runs,
    )
  })

  test('a prefix of a name gives a prefix of its key', () => {
    fc.assert(
      fc.property(names, fc.nat(), (name, at) => {
        const characters = [...name]
        const prefix = characters.slice(0, at % (characters.length + 1)).join('')
        expect(keyOf(name).startsWith(keyPrefixOf(prefix))).toBe(true)
      }),
      runs,
    )
  })
})
