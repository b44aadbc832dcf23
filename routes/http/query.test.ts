import { describe, expect, test } from 'bun:test'
import { Problem } from '../../src/model/errors.ts'
import { Query } from './query.ts'

describe('Query', () => {
  test('keeps order and duplicates, decodes plus and percent as spaces', () => {
    const query = Query.parse('a=1&b=x+y%20z&a=2&flag&=empty&c=%2B')
    expect(query.entries).toEqual([
      ['a', '1'],
      ['b', 'x y z'],
      ['a', '2'],
      ['flag', ''],
      ['', 'empty'],
      ['c', '+'],
    ])
    expect(query.first('a')).toBe('1')
    expect(query.last('a')).toBe('2')
    expect(query.last('none')).toBeUndefined()
    expect(query.has('flag')).toBe(true)
  })

  test('an object of it knows only what was given', () => {
    const values = Query.parse('__proto__=x&a=1&a=2').toObject()
    expect(Object.keys(values)).toEqual(['__proto__', 'a'])
    expect(values['a']).toBe('2')
    expect(values['toString']).toBeUndefined()
  })

  test.each(['a=%', 'a=%ff', '%zz=1'])('refuses %s', (raw) => expect(() => Query.parse(raw)).toThrow(Problem))
})
