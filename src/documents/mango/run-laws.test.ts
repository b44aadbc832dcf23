/** A query over any indexes gives what a plain filter and sort of the documents gives. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseJson } from '../../model/json/exact.ts'
import type { Json, JsonObject } from '../../model/json/value.ts'
import { compareBytes, compareJson } from './collation.ts'
import { matcher } from './matcher.ts'
import { badPath, parsePath, resolve } from './path.ts'
import { parseSelector } from './selector.ts'
import type { MemoryDatabase } from './testing/memory-database.ts'
import { filled, find, findAll, numbered } from './testing/queries.ts'

const scalar: fc.Arbitrary<Json> = fc.constantFrom<Json>(
  null,
  false,
  true,
  -1,
  0,
  1,
  2.5,
  'a',
  'A',
  'b',
  'é',
  'e\u0301',
  '',
)
const value: fc.Arbitrary<Json> = fc.oneof(
  { weight: 5, arbitrary: scalar },
  { weight: 2, arbitrary: fc.array(scalar, { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom('a', 'b'), scalar, { maxKeys: 2 }) },
)
const field = fc.constantFrom('p', 'q', 'r')
const body = fc.dictionary(field, value, { maxKeys: 3 })
const condition: fc.Arbitrary<Json> = fc.oneof(
  value,
  fc.tuple(fc.constantFrom('$eq', '$ne', '$lt', '$lte', '$gt', '$gte'), value).map(([op, v]) => ({ [op]: v })),
  fc.tuple(value, value).map(([low, high]) => ({ $gte: low, $lt: high })),
  fc.tuple(fc.constantFrom('$in', '$nin', '$all'), fc.array(value, { maxLength: 3 })).map(([op, v]) => ({ [op]: v })),
  fc.boolean().map((there) => ({ $exists: there })),
  fc.constantFrom('a', 'é', '').map((prefix) => ({ $beginsWith: prefix })),
  fc.constantFrom('number', 'string', 'array', 'null', 'boolean').map((name) => ({ $type: name })),
  scalar.map((v) => ({ $elemMatch: { $eq: v } })),
  scalar.map((v) => ({ $not: { $in: [v] } })),
)
const simple = fc.dictionary(field, condition, { maxKeys: 2 })
const selector: fc.Arbitrary<JsonObject> = fc.oneof(
  { weight: 4, arbitrary: simple },
  fc
    .tuple(fc.constantFrom('$and', '$or', '$nor'), fc.array(simple, { minLength: 1, maxLength: 3 }))
    .map(([op, list]) => ({ [op]: list })),
)
const index = fc.uniqueArray(fc.constantFrom('p', 'q', 'r', '_id'), { minLength: 1, maxLength: 3 })

/** What an index gives by the book: its documents, sorted by values and id, filtered. */
function expected(
  database: MemoryDatabase,
  fields: readonly string[],
  wanted: JsonObject,
  descending: boolean,
): string[] {
  const matches = matcher(parseSelector(wanted))
  const paths = fields.map(parsePath)
  const rows = [...database.documents.values()].flatMap(({ id, text }) => {
    const document = { ...(parseJson(text).value as JsonObject), _id: id }
    const values = paths.map((path) => resolve(path, document))
    const held = values.every((found) => found !== undefined && found !== badPath)
    return held && matches(document) ? [{ id, values: values as Json[] }] : []
  })
  rows.sort((a, b) => {
    for (let i = 0; i < a.values.length; i++) {
      const difference = compareJson(a.values[i] as Json, b.values[i] as Json)
      if (difference !== 0) return difference
    }
    return compareBytes(a.id, b.id)
  })
  return (descending ? rows.reverse() : rows).map(({ id }) => id)
}

describe('laws', () => {
  test('a sorted query is the plain filter and sort of what the index holds, page by page', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(body, { maxLength: 14 }),
        index,
        selector,
        fc.boolean(),
        fc.integer({ min: 1, max: 5 }),
        async (bodies, fields, wanted, descending, limit) => {
          const database = filled(Object.fromEntries(bodies.map((own, i) => [`d${i}`, own])), fields)
          const sort = fields.map((name) => ({ [name]: descending ? 'desc' : 'asc' }))
          const ids = await findAll(database, { selector: wanted, sort, limit })
          expect(ids).toEqual(expected(database, fields, wanted, descending))
        },
      ),
      { numRuns: 1500 },
    )
  })

  test('an unsorted query finds what the plain filter finds, whatever indexes there are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(body, { maxLength: 14 }),
        fc.uniqueArray(index, { maxLength: 3, selector: (fields) => fields.join('-') }),
        selector,
        fc.integer({ min: 1, max: 20 }),
        async (bodies, indexes, wanted, limit) => {
          const database = filled(Object.fromEntries(bodies.map((own, i) => [`d${i}`, own])), ...indexes)
          const ids = await findAll(database, { selector: wanted, limit })
          expect(ids.toSorted()).toEqual(expected(database, [], wanted, false).toSorted())
        },
      ),
      { numRuns: 1500 },
    )
  })

  test('an answer made of keys alone is what the documents give, byte by byte', async () => {
    // As texts: what a number was written like must come back.
    const written = fc.constantFrom(
      ...['1', '1.0', '1e3', '-0', '-0.0', '0', '2.5', '-17', '0.1', '1e-7', '9007199254740991', '9007199254740993'],
      ...[
        '123456789012345678901',
        '1e21',
        '5e-324',
        'null',
        'true',
        'false',
        '"a"',
        '"1.0"',
        '"é"',
        '"\\u0000"',
        '"x\\u0000y"',
      ],
      ...['""', '[]', '[1]', '{}', '{"a":1}'],
    )
    const text = fc
      .tuple(written, written, written)
      .map(([p, q, inner]) => `{"p":${p},"q":${q},"o":{"in":${inner},"__proto__":1}}`)
    const names = fc.uniqueArray(fc.constantFrom('p', 'q', 'o.in', '_id'), { minLength: 1, maxLength: 4 })
    let spared = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 8 }),
        names,
        simple,
        fc.nat(3),
        async (texts, fields, wanted, skip) => {
          const database = filled({}, fields)
          for (const [at, own] of texts.entries()) database.put(`d${at}`, own)
          const there = Object.fromEntries(fields.map((name) => [name, { $exists: true }]))
          const conditions = Object.entries(wanted).filter(([name]) => fields.some((field) => field === name))
          const question = { selector: { $and: [there, Object.fromEntries(conditions)] }, fields, skip, limit: 3 }
          const withKeys = await find(database, question)
          spared += database.documentsSpared
          database.keepsDocuments = true
          expect(withKeys.docs).toEqual((await find(database, question)).docs)
        },
      ),
      { numRuns: 1500 },
    )
    expect(spared).toBeGreaterThan(100)
  })

  test('pages of many rows hold together', async () => {
    const kinds: readonly Json[] = [1, 'x', [1], [2, { a: 1 }], { a: 1 }, null, 'é', [1, 'x']]
    const documents = numbered(900, (i) => ({ p: kinds[i % 8] ?? null, q: (i * 7) % 13, r: [i % 5] }))
    const database = filled(documents, ['p', 'q'], ['r', 'p', 'q'], ['q', 'r'])
    for (const fields of [
      ['p', 'q'],
      ['r', 'p', 'q'],
      ['q', 'r'],
    ]) {
      for (const wanted of [{}, { q: { $gt: 3 } }, { q: 5 }, { p: { $gte: 'a' } }]) {
        for (const descending of [false, true]) {
          const sort = fields.map((name) => ({ [name]: descending ? 'desc' : 'asc' }))
          const ids = await findAll(database, { selector: wanted, sort, limit: 70 })
          expect(ids).toEqual(expected(database, fields, wanted, descending))
        }
      }
    }
  })

  test('fields beyond the eighth are sorted too', async () => {
    const fields = [...'abcdefghij']
    const documents = numbered(60, (i) =>
      Object.fromEntries(fields.map((name, at) => [name, at < 8 ? i % 2 : (i * 7) % 11])),
    )
    const database = filled(documents, fields)
    for (const descending of [false, true]) {
      const sort = fields.map((name) => ({ [name]: descending ? 'desc' : 'asc' }))
      for (const wanted of [{}, { a: 1 }, { j: { $gt: 4 } }]) {
        const ids = await findAll(database, { selector: wanted, sort, limit: 7 })
        expect(ids).toEqual(expected(database, fields, wanted, descending))
      }
    }
  })
})
