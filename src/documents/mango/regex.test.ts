import { expect, test } from 'bun:test'
import { compileRegex } from './regex.ts'

test.each<[string, string, boolean]>([
  ['^.$', 'é', false],
  ['^..$', 'é', true],
  ['é', 'café', true],
  ['^caf[é]', 'café', true],
  ['[^a]', 'é', true],
  ['^\\w+$', 'é', false],
  ['^\\W\\W$', 'é', true],
  ['\\xC3\\xA9', 'é', true],
  ['^[\\x80-\\xff]+$', 'é日', true],
  ['(?i)É', 'é', false],
  ['(?i)ABC', 'xabcx', true],
  ['abc', 'ABC', false],
  ['a.b', 'a\nb', false],
  ['(?s)a.b', 'a\nb', true],
  ['(?m)^b$', 'a\nb', true],
  ['a$', 'a\n', true],
  ['a\\z', 'a\n', false],
  ['a\\Z', 'a\n', true],
  ['a$', 'a\nb', false],
  ['[$]', 'a$', true],
  ['[]$]', ']', true],
  ['[^]$]', ']', false],
  ['[[:digit:]]+$', 'x12', true],
  ['[[]', '[', true],
  ['(?x) a b # blanks', 'ab', true],
  ['(?ix)A B', 'ab', true],
  ['(*UTF8)^.$', 'é', true],
  ['\\Q$.\\E', 'x$.', true],
  ['', '', true],
  ['^\\d{3}$', '123', true],
])('%p on %p: %p', (pattern, text, matches) => {
  expect(compileRegex(pattern)?.(text)).toBe(matches)
})

test.each(['[', '(', '*', '(?=a)', '(?<!a)b', '(a)\\1', 'a++', '(?>a)', 'a{2000}'])(
  '%p does not compile',
  (pattern) => {
    expect(compileRegex(pattern)).toBeUndefined()
  },
)

test('time is linear in the text', () => {
  const evil = compileRegex('^(a+)+$')
  const started = performance.now()
  expect(evil?.(`${'a'.repeat(50_000)}b`)).toBe(false)
  expect(performance.now() - started).toBeLessThan(2_000)
})
