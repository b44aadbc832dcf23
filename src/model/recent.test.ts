import { expect, test } from 'bun:test'
import fc from 'fast-check'
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

test('whatever is done -> holds what a list in the order of use would', () => {
  const step = fc.record({ act: fc.constantFrom('get', 'set', 'forget', 'clear'), key: fc.constantFrom(...'abcdef') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (steps, limit) => {
      const recent = new Recent<number>(limit)
      let list: (readonly [string, number])[] = []
      for (const [n, { act, key }] of steps.entries()) {
        const known = list.find(([name]) => name === key)
        if (act === 'clear') {
          recent.clear()
          list = []
        } else if (act === 'forget') {
          recent.forget(key)
          list = list.filter((entry) => entry !== known)
        } else {
          if (act === 'set') recent.set(key, n)
          else expect(recent.get(key)).toBe(known?.[1] as number)
          const value = act === 'set' ? n : known?.[1]
          if (value !== undefined)
            list = [...list.filter((entry) => entry !== known), [key, value] as const].slice(-limit)
        }
        expect(recent.size).toBe(list.length)
      }
      expect([...'abcdef'].map((key) => recent.get(key))).toEqual(
        [...'abcdef'].map((key) => list.find(([name]) => name === key)?.[1]),
      )
    }),
  )
})
