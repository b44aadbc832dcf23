import { expect, test } from 'bun:test'
import { distinctNames } from './distinct-names.ts'

test.each<[readonly string[], readonly string[]]>([
  [
    ['a/b.txt', 'a/c.txt', 'b.txt'],
    ['a/b.txt', 'a/c.txt', 'b.txt'],
  ],
  [
    ['a/b.txt', 'a/b.txt', 'a/b.txt'],
    ['a/b.txt', 'a/b (2).txt', 'a/b (3).txt'],
  ],
  [
    ['b (2).txt', 'b.txt', 'b.txt'],
    ['b (2).txt', 'b.txt', 'b (3).txt'],
  ],
  [
    ['x.y/.hidden', 'x.y/.hidden'],
    ['x.y/.hidden', 'x.y/.hidden (2)'],
  ],
  [
    ['x.y/plain', 'x.y/plain'],
    ['x.y/plain', 'x.y/plain (2)'],
  ],
])('%j', (paths, names) => expect(paths.map(distinctNames())).toEqual([...names]))
