import { expect, test } from 'bun:test'
import { Recent } from './recent.ts'

test('forgets what was used least recently', () => {
  const recent = new Recent<number>(2)
  recent.set('a', 1)
  recent.set('b', 2)
  expect(recent.get('a')).toBe(1)
  recent.set('c', 3)
  expect([recent.get('a'), recent.get('b'), recent.get('c'), recent.size]).toEqual([1, undefined, 3, 2])
})

test('setting again does not evict', () => {
  const recent = new Recent<number>(2)
  for (const key of ['a', 'b', 'b', 'b']) recent.set(key, 1)
  expect([recent.get('a'), recent.get('b')]).toEqual([1, 1])
})

test('forget() removes only the value it was told', () => {
  const recent = new Recent<object>(2)
  const [older, newer] = [{}, {}]
  recent.set('a', newer)
  recent.forget('a', older)
  expect(recent.get('a')).toBe(newer)
  recent.forget('a', newer)
  expect(recent.get('a')).toBeUndefined()
})
