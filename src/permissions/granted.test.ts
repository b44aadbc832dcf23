import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Problem } from '../model/errors.ts'
import { grant, nothing } from './granted.ts'
import { verbs } from './rule.ts'
import { coversEverything, parseScope } from './scope.ts'

const granted = (scope: string) => grant(parseScope(scope))

describe('scope strings', () => {
  test('the documented example has three rules', () => {
    const scope = 'io.cozy.contacts io.cozy.files:GET:io.cozy.files.music-dir io.cozy.jobs:POST:sendmail:worker'
    expect(parseScope(scope).map((rule) => rule.type)).toEqual(['io.cozy.contacts', 'io.cozy.files', 'io.cozy.jobs'])
  })

  test.each(['', ' ', 'a  b', ' a', 'a ', 'a:GET b:FOO', 'A', 'a:GET:x:y:z'])('refuses %p', (scope) => {
    expect(() => parseScope(scope)).toThrow(Problem)
    expect(() => parseScope(scope)).toThrow('Permission scope is empty or malformed')
  })

  test('any text is a list of rules or a bad request', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab.*:,_ GETALL'.split('')) }), (scope) => {
        try {
          expect(parseScope(scope).length).toBe(scope.split(' ').length)
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad_request', status: 400 })
        }
      }),
    )
  })

  test.each([
    ['*', true],
    ['a *:GET', true],
    ['a io.cozy.bank.*', false],
  ])('%s covers everything: %p', (scope, everything) => {
    expect(coversEverything(parseScope(scope))).toBe(everything)
  })
})

describe('questions', () => {
  test.each([
    ['notes', 'GET', 'notes', true, true],
    ['notes', 'GET', 'other', false, false],
    ['notes:GET', 'PUT', 'notes', false, false],
    ['notes:GET:a', 'GET', 'notes', false, true],
    ['notes:GET:a notes:GET', 'GET', 'notes', true, true],
    ['notes:PUT notes:GET:a', 'GET', 'notes', false, true],
    ['*:GET', 'GET', 'x', true, true],
    ['*:GET', 'DELETE', 'x', false, false],
    ['io.cozy.bank.*', 'POST', 'io.cozy.bank.accounts', true, true],
  ] as const)('%s %s %s: whole %p, some %p', (scope, verb, doctype, whole, some) => {
    const permissions = granted(scope)
    for (const _ of ['computed', 'cached']) {
      expect(permissions.allowsType(verb, doctype)).toBe(whole)
      expect(permissions.allowsSome(verb, doctype)).toBe(some)
    }
  })

  test('a document is allowed by its id or by its selector', () => {
    const permissions = granted('notes:GET:a notes:GET:blue:colour')
    expect(permissions.allowsDocument('GET', 'notes', { _id: 'a' })).toBe(true)
    expect(permissions.allowsDocument('GET', 'notes', { _id: 'b', colour: 'blue' })).toBe(true)
    expect(permissions.allowsDocument('GET', 'notes', { _id: 'b', colour: 'red' })).toBe(false)
    expect(permissions.allowsDocument('PUT', 'notes', { _id: 'a' })).toBe(false)
    expect(permissions.allowsDocument('GET', 'other', { _id: 'a' })).toBe(false)
  })

  test('creating fails under a rule restricted by id, since the id is unknown', () => {
    expect(granted('notes:POST:a').allowsDocument('POST', 'notes', { title: 'x' })).toBe(false)
  })

  test('answers stay right when more doctypes are asked than the cache holds', () => {
    const permissions = granted('d7 d2500:GET')
    const allowed = Array.from({ length: 3000 }, (_, n) => `d${n}`).filter((name) =>
      permissions.allowsType('GET', name),
    )
    expect(allowed).toEqual(['d7', 'd2500'])
  })

  test('no rules, no rights', () => {
    for (const verb of verbs) expect(nothing.allowsSome(verb, 'notes')).toBe(false)
  })
})
