/**
 * `_find` through PostgreSQL against an array filter and an array sort: same documents, same order, in both directions,
 * whole and in pages. A failure prints the seed and the smallest example that fast-check found.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { prepareBulk } from '../../src/documents/document.ts'
import { openDocuments } from '../../src/documents/documents.ts'
import { compareBytes, compareJson } from '../../src/documents/mango/collation.ts'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { matcher } from '../../src/documents/mango/matcher.ts'
import { badPath, parsePath, resolve } from '../../src/documents/mango/path.ts'
import { parseSelector } from '../../src/documents/mango/selector.ts'
import type { Documents } from '../../src/documents/service.ts'
import { parseJson, stringifyJson } from '../../src/model/json/exact.ts'
import type { Json, JsonObject } from '../../src/model/json/value.ts'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { bothPostgres } from '../conformance/postgres-targets.ts'
import { memoryObjects } from '../support/memory-objects.ts'
import { members, selector } from './selectors.ts'
import { value } from './values.ts'

const timeout = 60_000
const searchMs = 4_000
const face = { defaultLimit: 25, refuseUnindexed: false }

type Stored = JsonObject & { readonly _id: string }

const document = fc
  .record({ a: value, b: value, d: value, e: value, f: value }, { requiredKeys: [] })
  .map(({ d, ...rest }): JsonObject => (d === undefined ? { ...rest } : { ...rest, c: { d } }))

const documents = fc
  .uniqueArray(fc.tuple(fc.constantFrom('d', 'D', 'é', 'z'), fc.nat({ max: 20 })), {
    minLength: 1,
    maxLength: 40,
    selector: ([letter, n]) => `${letter}${n}`,
  })
  .chain((ids) =>
    fc.tuple(...ids.map(([letter, n]) => document.map((members): Stored => ({ _id: `${letter}${n}`, ...members })))),
  )

interface Index {
  readonly fields: readonly string[]
  readonly filter: JsonObject | null
}

const index: fc.Arbitrary<Index> = fc.record({
  fields: fc.uniqueArray(fc.constantFrom(...members), { minLength: 1, maxLength: 3 }),
  filter: fc.option(selector, { freq: 3 }),
})

/** More fields than an index has key columns, with few values, so that rows with equal keys must be sorted by the rest. */
const many = Array.from({ length: 11 }, (_, n) => `p${n}`)
const cells = fc.tuple(...many.map(() => fc.constantFrom<Json>(0, 0, 'a', 'A', [1], [2])))
const wideDocuments = documents.chain((docs) =>
  fc.tuple(...docs.map((doc) => cells.map((row): Stored => ({ ...doc, ...named(row) })))),
)
const wideIndex: fc.Arbitrary<Index> = fc.record({
  fields: fc.shuffledSubarray(many, { minLength: 9 }),
  filter: fc.constant(null),
})

function named(row: readonly Json[]): JsonObject {
  return Object.fromEntries(many.map((name, n) => [name, row[n] ?? null]))
}

const query = fc.record({
  selector,
  descending: fc.boolean(),
  sorted: fc.nat({ max: 3 }),
  skip: fc.constantFrom(0, 0, 1, 5),
  page: fc.integer({ min: 1, max: 9 }),
})

const queries = fc.array(query, { minLength: 1, maxLength: 4 })

interface Place {
  readonly documents: Documents
  readonly ref: { readonly prefix: string; readonly name: string }
}

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(server.name, () => {
    let store: DocumentStore
    let names = 0
    beforeAll(async () => {
      const target = await server.createDatabase()
      store = await openPostgresDocuments({ target, maxConnections: 4, compiler: indexCompiler, sweepEveryMs: 1_000 })
    }, 60_000)
    afterAll(() => store?.close())

    const fill = async (docs: readonly Stored[]): Promise<Place> => {
      const ref = { prefix: 'find', name: `db${++names}` }
      const service = openDocuments({ store, objects: memoryObjects() })
      const { docs: prepared } = prepareBulk(parseJson(stringifyJson({ docs })), { maxBytes: 1_000_000 })
      await service.bulk(ref, prepared, { create: true })
      return { documents: service, ref }
    }
    const check = (law: fc.IAsyncProperty<unknown>) =>
      fc.assert(law, { numRuns: 2_000, interruptAfterTimeLimit: searchMs, markInterruptAsFailure: false })

    const indexLaw = (docs: typeof documents, by: fc.Arbitrary<Index>) =>
      fc.asyncProperty(docs, by, queries, async (docs, { fields, filter }, asks) => {
        const place = await fill(docs)
        const definition = { fields, ...(filter ? { partial_filter_selector: filter } : {}) }
        await place.documents.createIndex(place.ref, { index: definition, ddoc: 'i', name: 'i' }, { create: false })
        const held = docs.filter((doc) => fields.every((name) => at(doc, name) !== undefined))
        const inIndex = filter ? held.filter(matches(filter)) : held
        for (const ask of asks) {
          // An index serves only queries that ask for all of its fields.
          const required = fields.map((name) => ({ [name]: { $exists: true } }))
          const order = fields.slice(0, ask.sorted)
          const descending = ask.descending && order.length > 0
          const request = {
            selector: { $and: [ask.selector, ...required] },
            use_index: ['_design/i', 'i'],
            allow_fallback: false,
            sort: order.map((name) => ({ [name]: descending ? 'desc' : 'asc' })),
          }
          const expected = inIndex.filter(matches(ask.selector)).sort(byFields(fields, descending))
          await compare(place, request, ask, expected)
        }
        await store.dropDatabase(place.ref)
      })

    const scanLaw = fc.asyncProperty(documents, queries, async (docs, asks) => {
      const place = await fill(docs)
      for (const ask of asks) {
        const expected = docs.filter(matches(ask.selector)).sort((a, b) => compareBytes(a._id, b._id))
        await compare(place, { selector: ask.selector }, ask, expected)
      }
      await store.dropDatabase(place.ref)
    })

    const wholeOrder = 'an index gives the documents and the order of an array'
    test(wholeOrder, () => check(indexLaw(documents, index)), timeout)
    test(`${wholeOrder}, with more fields than key columns`, () => check(indexLaw(wideDocuments, wideIndex)), timeout)
    test('without an index they come in the order of their ids', () => check(scanLaw), timeout)
  })
}

async function compare(
  { documents, ref }: Place,
  request: JsonObject,
  { skip, page }: { readonly skip: number; readonly page: number },
  expected: readonly Stored[],
): Promise<void> {
  const ids = expected.map(({ _id }) => _id)
  const ask = async (more: JsonObject) => {
    const answer = await documents.find(ref, { ...request, ...more }, face)
    return { bookmark: answer.bookmark, ids: answer.docs.map((text) => String((parseJson(text).value as Stored)._id)) }
  }
  expect((await ask({ limit: 1_000 })).ids).toEqual(ids)
  expect((await ask({ limit: page, skip })).ids).toEqual(ids.slice(skip, skip + page))
  const paged: string[] = []
  let bookmark: string | undefined
  for (let turn = 0; turn <= ids.length; turn += 1) {
    const answer = await ask({ limit: page, ...(bookmark === undefined ? {} : { bookmark }) })
    if (answer.ids.length === 0) break
    paged.push(...answer.ids)
    bookmark = answer.bookmark
  }
  expect(paged).toEqual(ids)
}

function at(doc: Stored, name: string): Json | undefined {
  const found = resolve(parsePath(name), doc)
  return found === badPath ? undefined : found
}

function matches(selected: JsonObject): (doc: Stored) => boolean {
  const holds = matcher(parseSelector(selected))
  return (doc) => holds({ ...doc, _rev: '1-x' })
}

function byFields(fields: readonly string[], descending: boolean): (a: Stored, b: Stored) => number {
  const compareDocuments = (a: Stored, b: Stored) => {
    for (const name of fields) {
      const difference = compareJson(at(a, name) ?? null, at(b, name) ?? null)
      if (difference !== 0) return difference
    }
    return compareBytes(a._id, b._id)
  }
  return descending ? (a, b) => compareDocuments(b, a) : compareDocuments
}
