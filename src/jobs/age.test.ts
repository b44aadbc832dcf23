import { expect, test } from 'bun:test'
import { ageSeconds } from './age.ts'

test.each<[string, number | undefined]>([
  ['30D', 30 * 86_400],
  ['2W', 14 * 86_400],
  ['1M', 30 * 86_400],
  ['1Y2D', 367 * 86_400],
  ['1W12h', 7.5 * 86_400],
  ['90s', 90],
  ['0s', 0],
  ['', undefined],
  ['nonsense', undefined],
  ['-1h', undefined],
  ['3d', undefined],
])('%p is %p seconds', (text, seconds) => {
  expect(ageSeconds(text)).toBe(seconds)
})
