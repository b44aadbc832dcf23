import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Problem } from '../../src/model/errors.ts'
import { pathReader, routePattern, segment } from './path.ts'
import { routePath } from './router.ts'

describe('segment()', () => {
  test.each([
    ['plain', 'plain'],
    ['with%2Fslash', 'with/slash'],
    ['%252F', '%2F'],
    ['a+b', 'a+b'],
    ['a%20b', 'a b'],
    ['%E2%82%AC', '€'],
    ['%2E', '.'],
  ])('%s is %s', (raw, id) => expect(segment(raw)).toBe(id))

  test.each(['%', '%2', '%zz', '%ff', '%ed%a0%80'])('refuses %s', (raw) => {
    expect(() => segment(raw)).toThrow(Problem)
  })

  test('undoes encodeURIComponent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (id) => {
        expect(segment(encodeURIComponent(id))).toBe(id)
      }),
    )
  })
})

describe('routePath()', () => {
  test.each([
    ['/data/T', '/data/T'],
    ['/data/T/', '/data/T'],
    ['/data/T/?a=/', '/data/T'],
    ['/data/T/%2E', '/data/T/%2E'],
    ['/data/T/..', '/data/T/..'],
    ['/data/T/a%2Fb', '/data/T/a%2Fb'],
    ['/data/T/_design%2Fd?x', '/data/T/_design/d'],
    ['/data/T/_local%2fd', '/data/T/_local/d'],
    ['/', '/'],
  ])('%s matches as %s', (target, path) => expect(routePath(target)).toBe(path))
})

test('a path reader takes the values of its template', () => {
  const read = pathReader('/data/{type}/_design/{ddoc}/copy')
  expect(read('/data/io.cozy.notes/_design/by%2Fname/copy')).toEqual({ type: 'io.cozy.notes', ddoc: 'by/name' })
  expect(routePattern('/data/{type}/_design/{ddoc}/copy')).toBe('/data/:type/_design/:ddoc/copy')
})
