import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { compareBytes } from '../key.ts'
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

  test('a path gives its name back, and fits everywhere', () => {
    fc.assert(
      fc.property(names, (name) => {
        const key = pathOf(name)
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
        expect(orderOf(pathOf(a), pathOf(b))).toBe(orderOf(a, b))
        expect(Math.sign(compareBytes(a, b))).toBe(orderOf(a, b))
      }),
      runs,
    )
  })

  test('no key is a folder of another one', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        expect(pathOf(a).startsWith(`${pathOf(b)}/`)).toBe(false)
      }),
      runs,
    )
  })

  test('a prefix of a name gives a prefix of its key', () => {
    fc.assert(
      fc.property(names, fc.nat(), (name, at) => {
        const characters = [...name]
        const prefix = characters.slice(0, at % (characters.length + 1)).join('')
        expect(pathOf(name).startsWith(pathPrefixOf(prefix))).toBe(true)
      }),
      runs,
    )
  })
})
