import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { hostNames, normaliseDomain, prefixOf, spelling, withoutPort } from './domain.ts'

describe('the one spelling of a domain', () => {
  test.each([
    ['alice.localhost:8080', 'alice.localhost:8080'],
    ['  Alice.LOCALHOST ', 'alice.localhost'],
    ['xn--bcher-kva.example', 'bücher.example'],
    ['xn--bcher-kva.example:8080', 'bücher.example:8080'],
    ['XN--BCHER-KVA.example', 'bücher.example'],
    ['BÜCHER.example', 'bücher.example'],
    ['bu\u0308cher.example', 'bücher.example'],
    ['my-cloud.example', 'my-cloud.example'],
    ['127.0.0.1:8080', '127.0.0.1:8080'],
  ])('%p is %p', (domain, normal) => {
    expect(normaliseDomain(domain)).toBe(normal)
    expect(normaliseDomain(normal)).toBe(normal)
  })

  test.each([
    '',
    '   ',
    '.',
    '..',
    '.alice',
    'a b',
    'a/b',
    'a,b',
    'a;b',
    'a&b',
    'a?b',
    'a#b',
    'a@b',
    'a|b',
    'a=b',
    "a'b",
    'a"b',
    'a\tb',
    'a\rb',
    'a\nb',
    'a\u0000b',
    'a\u001bb',
    'xn--zzzzzzz99999999',
    'x'.repeat(254),
  ])('%p is refused', (domain) => {
    expect(() => normaliseDomain(domain)).toThrow('Domain name contains illegal characters')
    expect(() => normaliseDomain(domain)).toThrow(
      expect.objectContaining({ status: 422, source: { parameter: 'domain' } }) as never,
    )
    expect(spelling(domain)).toBeUndefined()
  })

  test('a dash in the first label is refused where subdomains are flat', () => {
    expect(() => normaliseDomain('my-cloud.example', { flatSubdomains: true })).toThrow('illegal')
    expect(normaliseDomain('cloud.my-example', { flatSubdomains: true })).toBe('cloud.my-example')
  })

  test('normalising twice changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
        const once = spelling(text)
        if (once !== undefined) expect(spelling(once)).toBe(once)
      }),
    )
  })
})

test.each([
  ['home.localhost:8080', ['home.localhost:8080']],
  ['Home.localhost:80', ['home.localhost:80', 'home.localhost']],
  ['home.localhost:443', ['home.localhost:443', 'home.localhost']],
  ['home.localhost:8443', ['home.localhost:8443']],
  ['', []],
  ['a b', []],
])('the host %p is looked up as %j', (host, names) => {
  expect(hostNames(host)).toEqual(names)
})

test('prefixes are those of the documented example form', () => {
  expect(prefixOf('alice.cozy.localhost:8080')).toMatch(/^cozy[0-9a-f]{32}$/)
  expect(prefixOf('a')).toBe('cozyca978112ca1bbdcafac231b39a23dc4d')
  expect(prefixOf('a')).not.toBe(prefixOf('b'))
})

test('withoutPort() keeps the name', () => {
  expect(withoutPort('a.b:8080')).toBe('a.b')
  expect(withoutPort('a.b')).toBe('a.b')
})
