import { expect, test } from 'bun:test'
import { parseJson, stringifyJson } from '../../src/model/json/exact.ts'
import { fieldTree, project } from './projection.ts'

const document =
  '{"a":1,"b":{"c":2,"d":3},"e":[{"f":4,"g":5},6,[{"f":7}]],"n":12345678901234567890,"x":{"n":1.0,"__proto__":8},"s":9}'

test.each([
  ['a', '{"a":1}'],
  ['s,a', '{"a":1,"s":9}'],
  ['b', '{"b":{"c":2,"d":3}}'],
  ['b.c', '{"b":{"c":2}}'],
  ['b,b.c', '{"b":{"c":2,"d":3}}'],
  ['b.c,b', '{"b":{"c":2,"d":3}}'],
  ['e.f', '{"e":[{"f":4},[{"f":7}]]}'],
  ['n,x.n', '{"n":12345678901234567890,"x":{"n":1.0}}'],
  ['n.deeper', '{}'],
  ['x.__proto__', '{"x":{"__proto__":8}}'],
  ['none,toString,..', '{}'],
])('Fields=%s', (fields, text) => {
  expect(stringifyJson(project(parseJson(document), fieldTree(fields)))).toBe(text)
})
