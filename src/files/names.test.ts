import { describe, expect, test } from 'bun:test'
import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import {
  checkName,
  copyName,
  extensionOf,
  freeVariant,
  maxNameBytes,
  trashName,
  variantsOf,
  withoutTrashDigits,
} from './names.ts'

describe('names', () => {
  test.each(['a', ' ', '...', '.hidden', 'é', 'é', '👩‍👩‍👧.png', 'a\\b', '\u0001', 'x'.repeat(1024), 'é'.repeat(512)])(
    'accepts %p',
    (name) => {
      expect(() => checkName(name)).not.toThrow()
    },
  )

  test.each(['', '.', '..', '/', 'a/b', 'a\0', 'a\rb', 'a\n', '\ud800'])('refuses %p', (name) => {
    expect(() => checkName(name)).toThrow('Invalid filename: empty or contains an illegal character')
  })

  test.each(['x'.repeat(1025), 'é'.repeat(513)])('refuses what is too long', (name) => {
    expect(() => checkName(name)).toThrow('Invalid filename: longer than 1024 bytes')
  })

  test.each([
    ['a.txt', '.txt'],
    ['a.tar.gz', '.gz'],
    ['a', ''],
    ['.bashrc', ''],
    ['a.', '.'],
  ])('the extension of %s is %p', (name, extension) => {
    expect(extensionOf(name)).toBe(extension)
  })
})

describe('names that are taken', () => {
  test.each([
    ['a.txt', 'file', [], 'a (2).txt'],
    ['a.txt', 'file', ['a (2).txt', 'a (3).txt'], 'a (4).txt'],
    ['a (2).txt', 'file', [], 'a (3).txt'],
    ['a (9).txt', 'file', ['a (10).txt'], 'a (11).txt'],
    ['a', 'file', [], 'a (2)'],
    ['a.d', 'directory', [], 'a.d (2)'],
    ['a (copy).txt', 'file', [], 'a (copy) (2).txt'],
    ['(2)', 'file', [], '(2) (2)'],
  ] as const)('%s, a %s, beside %p: %s', (name, kind, taken, free) => {
    expect(freeVariant(variantsOf(name, kind), new Set(taken))).toBe(free)
  })

  test.each([
    ['a.txt', 'en', 'a (copy).txt'],
    ['a', 'fr', 'a (copie)'],
    ['.a', 'en-GB', '.a (copy)'],
    ['a.txt', 'xx', 'a (copy).txt'],
    ['a.txt', 'toString', 'a (copy).txt'],
  ])('the copy of %s in %s: %s', (name, locale, copy) => {
    expect(copyName(name, locale)).toBe(copy)
  })

  test.each([
    ['a.txt (123456789)', 'a.txt'],
    ['Holidays (2024)', 'Holidays (2024)'],
    ['a (2)', 'a (2)'],
    ['a (1234567890)', 'a (1234567890)'],
    [' (123456789)', ' (123456789)'],
  ])('%s comes out of the trash as %s', (name, restored) => {
    expect(withoutTrashDigits(name)).toBe(restored)
  })

  test('names that are made are legal, however long the first one is', () => {
    const legal = fc
      .string({ unit: fc.constantFrom('a', 'é', '👍', ' ', '.', '(', ')', '2'), minLength: 1, maxLength: 1030 })
      .filter((name) => name !== '.' && name !== '..' && Buffer.byteLength(name) <= maxNameBytes)
    fc.assert(
      fc.property(legal, (name) => {
        const variants = (['file', 'directory'] as const).map((kind) => freeVariant(variantsOf(name, kind), new Set()))
        const made = [copyName(name, 'en'), trashName(name, '123456789'), ...variants]
        for (const one of made) {
          expect(() => checkName(one)).not.toThrow()
          expect(one).not.toBe(name)
        }
      }),
    )
  })
})
