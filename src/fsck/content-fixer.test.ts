import { expect, test } from 'bun:test'
import { lostItsEnd } from './content-fixer.ts'

const block = 65_536

test.each([
  ['one block short', 3 * block + 7, 2 * block + 7, true],
  ['all blocks short', 3 * block + 7, 7, true],
  ['empty, of a whole number of blocks', 2 * block, 0, true],
  ['empty, of less than a block', 7, 0, true],
  ['empty, of exactly a block', block, 0, true],
  ['empty, of more than a block but not of whole ones', block + 1, 0, false],
  ['equal sizes: another content', block, block, false],
  ['longer by a block', block, 2 * block, false],
  ['short by something else', 3 * block, 3 * block - 1, false],
  ['both empty', 0, 0, false],
])('%s', (_, size_index, size_file, expected) => {
  expect(lostItsEnd({ size_index, size_file })).toBe(expected)
})
