import { describe, expect, test } from 'bun:test'
import type { Json } from '../model/json/value.ts'
import { allowsDocument, coversType, isRuleType, ruleFromJson, ruleFromText, verbs } from './rule.ts'

describe('rule types', () => {
  test.each([
    ['io.cozy.files', true],
    ['notes', true],
    ['a_b.c1', true],
    ['*', true],
    ['io.cozy.bank.*', true],
    ['io.cozy.bank.deep.*', true],
    ['io.cozy.*', false],
    ['io.*', false],
    ['.*', false],
    ['io.cozy.bank*', false],
    ['**', false],
    ['', false],
    ['io.cozy.Files', false],
    ['io.cozy-files', false],
    ['io/files', false],
    ['.files', false],
    ['files.', false],
    ['a..b', false],
    ['_design', true],
    ['é', false],
    ['x'.repeat(200), true],
    ['x'.repeat(201), false],
  ])('%s: %p', (type, valid) => {
    expect(isRuleType(type)).toBe(valid)
  })

  test.each([
    ['*', 'anything', true],
    ['io.cozy.files', 'io.cozy.files', true],
    ['io.cozy.files', 'io.cozy.files.versions', false],
    ['io.cozy.bank.*', 'io.cozy.bank', true],
    ['io.cozy.bank.*', 'io.cozy.bank.accounts', true],
    ['io.cozy.bank.*', 'io.cozy.bank.accounts.stats', true],
    ['io.cozy.bank.*', 'io.cozy.banks', false],
    ['io.cozy.bank.*', 'io.cozy', false],
  ])('%s covers %s: %p', (type, wanted, covers) => {
    expect(coversType(type, wanted)).toBe(covers)
  })
})

describe('rules as text', () => {
  test.each([
    ['notes', { type: 'notes', verbs, values: [], selector: undefined }],
    ['*', { type: '*', verbs, values: [], selector: undefined }],
    ['notes:ALL', { type: 'notes', verbs, values: [], selector: undefined }],
    ['notes:GET,ALL', { type: 'notes', verbs, values: [], selector: undefined }],
    ['notes:GET,POST', { type: 'notes', verbs: ['GET', 'POST'], values: [], selector: undefined }],
    ['notes:GET:a,b', { type: 'notes', verbs: ['GET'], values: ['a', 'b'], selector: undefined }],
    ['jobs:POST:sendmail:worker', { type: 'jobs', verbs: ['POST'], values: ['sendmail'], selector: 'worker' }],
  ] as const)('%s', (text, rule) => {
    expect(ruleFromText(text)).toEqual({ ...rule, verbs: [...rule.verbs], values: [...rule.values] })
  })

  test.each([
    '',
    'notes:',
    'notes::a',
    'notes:GET:',
    'notes:GET:a:',
    'notes:GET:a:b:c',
    'notes:HEAD',
    'notes:get',
    'notes:GET,',
    'notes:GET:a,,b',
    'No',
    'io.cozy.*',
  ])('refuses %p', (text) => {
    expect(ruleFromText(text)).toBeUndefined()
  })
})

describe('rules as JSON', () => {
  test.each([
    [{ type: 'notes' }, { type: 'notes', verbs: [...verbs], values: [], selector: undefined }],
    [
      { type: 'notes', verbs: [] },
      { type: 'notes', verbs: [...verbs], values: [], selector: undefined },
    ],
    [
      { type: 'notes', verbs: ['ALL'] },
      { type: 'notes', verbs: [...verbs], values: [], selector: undefined },
    ],
    [
      { type: 'notes', verbs: ['GET'], values: ['a'], selector: 'kind', description: 'why' },
      { type: 'notes', verbs: ['GET'], values: ['a'], selector: 'kind' },
    ],
  ])('%j', (value, rule) => {
    expect(ruleFromJson(value)).toEqual(rule as never)
  })

  test.each(
    [
      null,
      'notes',
      [],
      {},
      { type: 1 },
      { type: 'A' },
      { type: 'notes', verbs: 'GET' },
      { type: 'notes', verbs: ['HEAD'] },
      { type: 'notes', values: [1] },
      { type: 'notes', selector: 1 },
    ].map((value) => [JSON.stringify(value), value] as const),
  )('refuses %s', (_text, value) => {
    expect(ruleFromJson(value as Json)).toBeUndefined()
  })
})

describe('documents under a restricted rule', () => {
  const reference = { referenced_by: [{ type: 'io.cozy.albums', id: '1' }] }
  test.each([
    ['notes:GET', {}, true],
    ['notes:GET:a', { _id: 'a' }, true],
    ['notes:GET:a', { _id: 'b' }, false],
    ['notes:GET:a', {}, false],
    ['notes:GET:x:kind', { _id: 'x', kind: 'y' }, false],
    ['notes:GET:x:kind', { _id: 'a', kind: 'x' }, true],
    ['notes:GET:3:size', { size: 3 }, true],
    ['notes:GET:9007199254740993:size', { size: 9007199254740993n }, true],
    ['notes:GET:true:done', { done: true }, true],
    ['notes:GET:null:done', { done: null }, false],
    ['notes:GET:undefined:done', {}, false],
    ['notes:GET:a:tags', { tags: ['a'] }, false],
    ['notes:GET:io.cozy.albums/1:referenced_by', reference, true],
    ['notes:GET:io.cozy.albums/2:referenced_by', reference, false],
    ['notes:GET:1:referenced_by', { referenced_by: '1' }, false],
  ] as const)('%s on %p: %p', (text, document, allowed) => {
    expect(allowsDocument(ruleFromText(text)!, document as Record<string, Json>)).toBe(allowed)
  })

  test('an inherited member is no member', () => {
    expect(allowsDocument(ruleFromText('notes:GET:x:constructor')!, {})).toBe(false)
  })
})
