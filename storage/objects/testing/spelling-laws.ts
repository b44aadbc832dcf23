/** The laws that both spellings of names obey: keys of a bucket, paths of a folder. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { compareBytes } from '../key.ts'

const long = 'x'.repeat(240)

/** Many slashes, dots, marks and lengths near the cuts; a few of everything else. */
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

/** A way of spelling names. */
export interface Spelling {
  readonly of: (name: string) => string
  readonly nameOf: (spelt: string) => string | undefined
  readonly prefixOf: (prefix: string) => string
}

/** What every spelling of names in a store must give, so that it is reversible, fits, and keeps the order. */
export function spellingLaws({ of, nameOf, prefixOf }: Spelling): void {
  const runs = { numRuns: 3_000 }

  test('a key gives its name back, and fits everywhere', () => {
    fc.assert(
      fc.property(names, (name) => {
        const key = of(name)
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
        expect(orderOf(of(a), of(b))).toBe(orderOf(a, b))
        expect(Math.sign(compareBytes(a, b))).toBe(orderOf(a, b))
      }),
      runs,
    )
  })

  test('no key is a folder of another one', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        expect(of(a).startsWith(`${of(b)}/`)).toBe(false)
      }),
      runs,
    )
  })

  test('a prefix of a name gives a prefix of its key', () => {
    fc.assert(
      fc.property(names, fc.nat(), (name, at) => {
        const characters = [...name]
        const prefix = characters.slice(0, at % (characters.length + 1)).join('')
        expect(of(name).startsWith(prefixOf(prefix))).toBe(true)
      }),
      runs,
    )
  })
}
