import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Problem } from '../model/errors.ts'
import { bodyDigest, parseJson } from '../model/json/exact.ts'
import {
  checkDocumentId,
  type DocumentRules,
  maxDocumentDepth,
  maxIdBytes,
  prepareBulk,
  prepareDocument,
} from './document.ts'

const rules: DocumentRules = { maxBytes: 8_000_000 }
const hex = 'ABCDEF0123456789abcdef0123456789'

const prepare = (text: string, more: Partial<DocumentRules> = {}) =>
  prepareDocument(parseJson(text), { ...rules, ...more })

function problemOf(run: () => unknown): [string, string] {
  try {
    run()
  } catch (error) {
    if (error instanceof Problem) return [error.code, error.reason]
    throw error
  }
  throw new Error('no problem was thrown')
}

describe('special members', () => {
  test('are taken out of the body', () => {
    const one = prepare(
      `{"b":1.0,"_id":"x","_rev":"2-${hex}","_deleted":true,"_type":"io.cozy.files","a":{"_c":[12345678901234567890]}}`,
    )
    expect(one).toEqual({
      id: 'x',
      rev: { gen: 2, hash: hex.toLowerCase() },
      deleted: true,
      revisions: undefined,
      type: 'io.cozy.files',
      body: {
        text: '{"b":1.0,"a":{"_c":[12345678901234567890]}}',
        raw: false,
        digest: bodyDigest({ a: { _c: [12345678901234567890n] }, b: 1 }),
        value: { b: 1, a: { _c: [12345678901234567890n] } },
      },
    })
  })

  test('may all be absent', () => {
    expect(prepare('{}')).toEqual({
      id: undefined,
      rev: undefined,
      deleted: false,
      revisions: undefined,
      type: undefined,
      body: { text: '{}', raw: false, digest: '99914b932bd37a50b983c5e7c90ae93b', value: {} },
    })
  })

  test.each([
    ['{"_revs_info":[],"a":1}'],
    ['{"_local_seq":5,"a":1}'],
    ['{"_conflicts":["1-a"],"a":1}'],
    ['{"_deleted_conflicts":[],"a":1}'],
    ['{"_attachments":{},"a":1}'],
    ['{"a":1,"_deleted":false}'],
    ['{"a":1,"_revisions":{"start":0,"ids":[]}}'],
  ])('%s is the body alone', (text) => {
    expect(prepare(text)).toEqual(prepare('{"a":1}'))
  })

  test.each<[string, string, string]>([
    ['{"_foo":1}', 'doc_validation', 'Bad special document member: _foo'],
    ['{"_":1}', 'doc_validation', 'Bad special document member: _'],
    ['{"__proto__":{"x":1}}', 'doc_validation', 'Bad special document member: __proto__'],
    ['{"_deleted":1}', 'doc_validation', 'Bad special document member: _deleted'],
    ['{"_deleted":"true"}', 'doc_validation', 'Bad special document member: _deleted'],
    ['{"_deleted":null}', 'doc_validation', 'Bad special document member: _deleted'],
    ['{"_type":5}', 'doc_validation', 'Bad special document member: _type'],
    ['{"_rev":"bad"}', 'bad_request', 'Invalid rev format'],
    ['{"_rev":""}', 'bad_request', 'Invalid rev format'],
    ['{"_rev":null}', 'bad_request', 'Invalid rev format'],
    ['{"_rev":5}', 'bad_request', 'Invalid rev format'],
    ['{"_id":5}', 'illegal_docid', 'Document id must be a string'],
    ['{"_id":null}', 'illegal_docid', 'Document id must be a string'],
    ['{"_id":""}', 'illegal_docid', 'Document id must not be empty'],
    ['{"_id":"_bad"}', 'illegal_docid', 'Only reserved document ids may start with underscore.'],
    ['{"_attachments":{"a":{}}}', 'bad_request', 'Invalid attachment data for a'],
    ['{"_attachments":[]}', 'doc_validation', '_attachments must be an object'],
    ['{"_revisions":5}', 'doc_validation', '_revisions must be an object'],
    ['{"_revisions":{}}', 'doc_validation', "_revisions.start isn't an integer."],
    ['{"_revisions":{"start":"1","ids":["a"]}}', 'doc_validation', "_revisions.start isn't an integer."],
    ['{"_revisions":{"start":1.5,"ids":["a"]}}', 'doc_validation', "_revisions.start isn't an integer."],
    [
      '{"_revisions":{"start":12345678901234567890,"ids":["a"]}}',
      'doc_validation',
      "_revisions.start isn't an integer.",
    ],
    ['{"_revisions":{"start":1}}', 'doc_validation', "_revisions.ids isn't a array."],
    ['{"_revisions":{"start":1,"ids":[5]}}', 'doc_validation', "RevId isn't a string"],
    ['{"_revisions":{"start":1,"ids":[]}}', 'doc_validation', '_revisions.ids must hold 1 to `start` hashes'],
    ['{"_revisions":{"start":1,"ids":["b","a"]}}', 'doc_validation', '_revisions.ids must hold 1 to `start` hashes'],
    ['{"_revisions":{"start":-1,"ids":["b"]}}', 'doc_validation', '_revisions.ids must hold 1 to `start` hashes'],
    ['null', 'bad_request', 'Document must be a JSON object'],
    ['true', 'bad_request', 'Document must be a JSON object'],
    ['5', 'bad_request', 'Document must be a JSON object'],
    ['5.0', 'bad_request', 'Document must be a JSON object'],
    ['12345678901234567890', 'bad_request', 'Document must be a JSON object'],
    ['"x"', 'bad_request', 'Document must be a JSON object'],
    ['[]', 'bad_request', 'Document must be a JSON object'],
  ])('%s: %s, %s', (text, code, reason) => {
    expect(problemOf(() => prepare(text))).toEqual([code, reason])
  })

  test('_revisions wins over _rev', () => {
    const one = prepare(`{"_rev":"2-b","_revisions":{"start":3,"ids":["${hex}","y"]}}`)
    expect(one.rev).toEqual({ gen: 3, hash: hex.toLowerCase() })
    expect(one.revisions).toEqual({ start: 3, ids: [hex.toLowerCase(), 'y'] })
  })

  test('an empty _id or _rev can count as absent', () => {
    expect(prepare('{"_id":"","_rev":""}', { emptyIsAbsent: true })).toEqual(prepare('{}'))
  })
})

describe('ids', () => {
  test.each([
    ['a'],
    ['with/slash'],
    [' '],
    ['é😀'],
    ['...'],
    ['a_b'],
    ['_design/x'],
    ['_design/x/y'],
    ['é'.repeat(maxIdBytes / 2)],
    ['__proto__'.slice(2)],
  ])('%j may be one', (id) => {
    expect(() => checkDocumentId(id)).not.toThrow()
  })

  test.each([
    [''],
    ['.'],
    ['..'],
    ['_a'],
    ['_design'],
    ['_design/'],
    ['_local/x'],
    ['_all_docs'],
    ['__proto__'],
    ['a\u0000b'],
    ['x'.repeat(maxIdBytes + 1)],
    ['é'.repeat(maxIdBytes / 2 + 1)],
  ])('%j may not', (id) => {
    expect(problemOf(() => checkDocumentId(id))[0]).toBe('illegal_docid')
  })
})

describe('the text of a body', () => {
  test.each([
    ['{"z":1,"_id":"x","a":{"y":1,"b":2}}', '{"z":1,"a":{"y":1,"b":2}}'],
    ['{"n":1.0,"_rev":"1-a"}', '{"n":1.0}'],
    ['{"n":1.0}', '{"n":1.0}'],
    [' { "a" : 1 } ', '{"a":1}'],
    ['{"a":{"_id":1,"__proto__":{"b":1.0}},"_id":"x"}', '{"a":{"_id":1,"__proto__":{"b":1.0}}}'],
    ['{"constructor":1,"toString":2,"hasOwnProperty":3}', '{"constructor":1,"toString":2,"hasOwnProperty":3}'],
  ])('%s becomes %s', (text, body) => {
    expect(prepare(text).body.text).toBe(body)
  })

  test.each<[string, Partial<DocumentRules>, boolean]>([
    ['{"a":1}', {}, false],
    ['{"a":"\\u0000"}', {}, true],
    ['{"a":1e-7}', {}, true],
    ['{"a":1e5}', {}, false],
    ['{"_id":"_design/x","a":1}', {}, true],
    ['{"a":1}', { id: '_design/x' }, true],
    ['{"_id":"_design/x","a":1}', { id: 'a' }, false],
    ['{"_id":"a","_conflicts":[1e-7]}', {}, false],
  ])('%s with %j is kept as it is: %p', (text, more, raw) => {
    expect(prepare(text, more).body.raw).toBe(raw)
  })

  test('is the same whatever special members came along', () => {
    const names = fc.string().filter((name) => !name.startsWith('_'))
    fc.assert(
      fc.property(fc.dictionary(names, fc.jsonValue()), (members) => {
        const alone = prepare(JSON.stringify(members))
        const read = prepare(JSON.stringify({ _id: 'x', ...members, _rev: '1-a', _conflicts: [] }))
        expect(read.body).toEqual(alone.body)
        expect(alone.body.value).toEqual(parseJson(alone.body.text).value as typeof alone.body.value)
      }),
    )
  })
})

describe('limits', () => {
  const sized = (length: number) => `{"_id":"big","a":"${'x'.repeat(length - '{"a":""}'.length)}"}`
  // The space that jsonb puts behind the colon counts too.
  test.each<[string, string, number, boolean]>([
    ['at the limit', sized(999), 1000, true],
    ['over it as jsonb', sized(1000), 1000, false],
    ['over it', sized(1001), 1000, false],
    ['multi-byte characters', `{"_id":"big","a":"${'é'.repeat(600)}"}`, 1000, false],
    ['numbers that the database writes out', `{"_id":"big","a":[${'1e300,'.repeat(9)}1e300]}`, 1000, false],
    ['the same as a small document', '{"_id":"big","a":[1e300,1e300]}', 1000, true],
    ['special members do not count', `{"_id":"big","_conflicts":["${'x'.repeat(2000)}"]}`, 1000, true],
  ])('%s', (_name, text, maxBytes, fits) => {
    if (fits) expect(prepare(text, { maxBytes }).id).toBe('big')
    else expect(problemOf(() => prepare(text, { maxBytes }))).toEqual(['document_too_large', 'big'])
  })

  test('the id out of the path is the one that is named', () => {
    expect(problemOf(() => prepare(sized(2000), { maxBytes: 1000, id: 'path' }))).toEqual([
      'document_too_large',
      'path',
    ])
  })

  const nested = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
  test(`${maxDocumentDepth} levels, alone and in a list`, () => {
    const deepest = nested(maxDocumentDepth)
    expect(prepare(deepest).body.text).toBe(deepest)
    expect(prepareBulk(parseJson(`{"docs":[${deepest}]}`), rules).docs[0]?.body.text).toBe(deepest)
    const deeper = nested(maxDocumentDepth + 1)
    const problem: [string, string] = ['bad_request', `Document is nested deeper than ${maxDocumentDepth} levels`]
    expect(problemOf(() => prepare(deeper))).toEqual(problem)
    expect(problemOf(() => prepareBulk(parseJson(`{"docs":[${deeper}]}`), rules))).toEqual(problem)
  })
})

describe('bulk', () => {
  const bulk = (text: string) => prepareBulk(parseJson(text), rules)

  test('prepares every document of one text', () => {
    const { docs, newEdits } = bulk('{"docs":[{"_id":"a","n":1.0},{"n":12345678901234567890}],"new_edits":false}')
    expect(newEdits).toBe(false)
    expect(docs.map((one) => [one.id, one.body.text])).toEqual([
      ['a', '{"n":1.0}'],
      [undefined, '{"n":12345678901234567890}'],
    ])
    expect(bulk('{"docs":[]}')).toEqual({ docs: [], newEdits: true })
  })

  test.each<[string, string, string]>([
    ['{}', 'bad_request', 'POST body must include `docs` parameter.'],
    ['[]', 'bad_request', 'Request body must be a JSON object'],
    ['{"docs":{}}', 'bad_request', '`docs` parameter must be an array.'],
    ['{"docs":[],"new_edits":1}', 'bad_request', '`new_edits` must be true or false.'],
    ['{"docs":[],"new_edits":null}', 'bad_request', '`new_edits` must be true or false.'],
    ['{"docs":[{},5]}', 'bad_request', 'Document must be a JSON object'],
    ['{"docs":[{"_id":"_bad"}]}', 'illegal_docid', 'Only reserved document ids may start with underscore.'],
    ['{"docs":[{},{"_foo":1}]}', 'doc_validation', 'Bad special document member: _foo'],
  ])('%s: %s, %s', (text, code, reason) => {
    expect(problemOf(() => bulk(text))).toEqual([code, reason])
  })
})
