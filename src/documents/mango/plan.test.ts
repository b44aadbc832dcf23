import { describe, expect, test } from 'bun:test'
import type { Json, JsonObject } from '../../model/json/value.ts'
import { explain } from './explain.ts'
import { parseFindRequest } from './find-request.ts'
import { keyPart, rankKey } from './key.ts'
import { type Plan, planFind } from './plan.ts'
import { selectorToJson } from './selector.ts'
import { MemoryDatabase } from './testing/memory-database.ts'

const database = new MemoryDatabase()
const indexes: Readonly<Record<string, Json>> = {
  by_age: { fields: ['age'] },
  by_type_age: { fields: ['type', 'age'] },
  by_type_age_name: { fields: ['type', 'age', 'name'] },
  partial: { fields: ['age'], partial_filter_selector: { flag: true } },
  zz_age: { fields: ['age'] },
}
for (const [name, index] of Object.entries(indexes)) database.createIndex({ index, ddoc: name, name: `${name}-view` })

function plan(body: JsonObject): Plan {
  return planFind(parseFindRequest(body), database.views())
}

function chosen({ source }: Plan): string {
  return source.kind === 'primary' ? '_all_docs' : source.view.ddoc.slice('_design/'.length)
}

const residual = (made: Plan): unknown => (made.residual === undefined ? undefined : selectorToJson(made.residual))

describe('the choice of an index', () => {
  test.each<[JsonObject, string]>([
    [{ selector: { age: 1 } }, 'by_age'],
    [{ selector: { age: { $ne: 1 } } }, 'by_age'],
    [{ selector: { type: 'a', age: { $gt: 1 } } }, 'by_type_age'],
    [{ selector: { type: 'a', age: 1, name: 'x' } }, 'by_type_age_name'],
    [{ selector: { type: { $exists: true }, age: { $gt: null } } }, 'by_type_age'],
    [{ selector: { type: { $ne: 1 }, age: { $gt: null } } }, 'by_age'],
    [{ selector: { age: { $exists: false } } }, '_all_docs'],
    [{ selector: { type: 'a' } }, '_all_docs'],
    [{ selector: {} }, '_all_docs'],
    [{ selector: { age: 1 }, use_index: 'partial' }, 'partial'],
    [{ selector: { age: 1 }, use_index: ['zz_age', 'zz_age-view'] }, 'zz_age'],
    [{ selector: { age: 1 }, use_index: '_design/zz_age/zz_age-view' }, 'zz_age'],
    [{ selector: { $or: [{ age: 1 }, { age: 2 }] } }, 'by_age'],
    [{ selector: { $or: [{ age: 1 }, { type: 2 }] } }, '_all_docs'],
    [{ selector: { type: 'a' }, sort: ['type', 'age'] }, 'by_type_age'],
    [{ selector: { type: 'a' }, sort: ['age'] }, 'by_type_age'],
    [{ selector: { type: 'a', age: { $gt: 1 } }, sort: ['age'] }, 'by_type_age'],
    [{ selector: {}, sort: [{ age: 'desc' }] }, 'by_age'],
    [{ selector: { _id: { $gt: null } }, sort: ['_id'] }, '_all_docs'],
  ])('for %p is %s', (body, name) => {
    const made = plan(body)
    expect(chosen(made)).toBe(name)
    expect(made.unindexed).toBe(name === '_all_docs')
  })

  test.each<[JsonObject, string]>([
    [{ selector: { type: 'a' }, sort: ['name'] }, 'no_usable_index'],
    [{ selector: { a: 1 }, sort: ['_id'] }, 'no_usable_index'],
    [{ selector: { age: 1 }, sort: ['age', 'type'] }, 'no_usable_index'],
    [{ selector: { type: 'a' }, use_index: 'by_age', allow_fallback: false }, 'invalid_index'],
    [{ selector: { age: 1 }, use_index: 'nope', allow_fallback: false }, 'invalid_index'],
    [{ selector: { age: 1 }, allow_fallback: false }, 'invalid_index'],
  ])('for %p there is none: %s', (body, code) => {
    expect(() => plan(body)).toThrow(expect.objectContaining({ code, status: 400 }))
  })

  test('an index that was asked for in vain is named in a warning', () => {
    expect(plan({ selector: { age: 1 }, use_index: '_design/nope' }).warnings).toEqual([
      '_design/nope was not used because it does not contain a valid index for this query.',
    ])
    expect(plan({ selector: { age: 1 }, use_index: ['nope', 'x'] }).warnings).toEqual([
      '_design/nope, x was not used because it is not a valid index for this query.',
    ])
    expect(plan({ selector: { type: 1 }, use_index: 'by_age' }).warnings).toEqual([
      '_design/by_age was not used because it does not contain a valid index for this query.',
      'No matching index found, create an index to optimize query time.',
    ])
    expect(plan({ selector: { age: 1 }, use_index: 'by_age', allow_fallback: false }).warnings).toEqual([])
  })
})

describe('what the keys enforce is not checked again', () => {
  test.each<[Json, Json | undefined]>([
    [{ age: 1 }, undefined],
    [{ age: { $gt: 1, $lte: 5 } }, undefined],
    [{ age: { $gt: null } }, undefined],
    [{ age: { $exists: true } }, undefined],
    [{ type: 'a', age: { $gte: 3 } }, undefined],
    [{ $and: [{ type: 'a' }, { age: { $lt: 3 } }] }, undefined],
    [{ type: { $gt: 'a' }, age: 3 }, { age: { $eq: 3 } }],
    [{ age: 1, city: 'x' }, { city: { $eq: 'x' } }],
    [{ age: { $gt: [1] } }, { age: { $gt: [1] } }],
    [{ age: { $eq: {} } }, { age: { $eq: {} } }],
    [{ age: { $in: [1, 2] } }, { age: { $in: [1, 2] } }],
    [{ age: { $gt: 1, $ne: 3 } }, { age: { $ne: 3 } }],
    [{ $or: [{ age: 1 }, { age: 2 }] }, { $or: [{ age: { $eq: 1 } }, { age: { $eq: 2 } }] }],
  ])('of %p', (selector, left) => {
    expect(residual(plan({ selector }))).toEqual(left)
  })
})

describe('key ranges', () => {
  const at = (value: Json): unknown => ({ part: keyPart(value), inclusive: true })
  const off = (value: Json): unknown => ({ part: keyPart(value), inclusive: false })
  const array: unknown = { part: rankKey(5), inclusive: true }
  test.each<[Json, unknown]>([
    [{ age: 5 }, [{ equal: [keyPart(5)] }]],
    [{ age: { $gt: 5 } }, [{ equal: [], low: off(5) }]],
    [{ age: { $gte: 5, $lt: 'x', $gt: 3 } }, [{ equal: [], low: at(5), high: off('x') }]],
    [{ age: { $gte: 5, $lte: 5 } }, [{ equal: [keyPart(5)] }]],
    [{ type: 'a', age: { $lt: 9 } }, [{ equal: [keyPart('a')], high: off(9) }]],
    [
      { age: { $in: ['b', 1, 1.0, 'a'] } },
      [
        { equal: [keyPart(1)] },
        { equal: [keyPart('a')] },
        { equal: [keyPart('b')] },
        { equal: [], low: array, high: array },
      ],
    ],
    [
      { type: { $exists: true, $in: ['a'] }, age: { $gt: 3 } },
      [
        { equal: [keyPart('a')], low: off(3) },
        { equal: [], low: array, high: array },
      ],
    ],
    [{ age: { $in: [] } }, []],
    [{ age: { $in: [1, 7], $gt: 5, $lt: 'a' } }, [{ equal: [keyPart(7)] }]],
    [{ age: { $beginsWith: 'ab' } }, [{ equal: [], low: at('ab'), high: at('ab\uffff\uffff\uffff') }]],
    [{ age: { $beginsWith: 'aé' } }, [{ equal: [], low: at('ae'), high: at('ae\uffff\uffff\uffff') }]],
    [{ age: { $beginsWith: 'é' } }, [{ equal: [], low: at('e'), high: at('e\uffff\uffff\uffff') }]],
    [{ age: { $beginsWith: 'เ' } }, [{ equal: [], low: { part: rankKey(4), inclusive: true }, high: off([]) }]],
    [{ age: { $type: 'number' } }, [{ equal: [], low: { part: rankKey(3), inclusive: true }, high: off('') }]],
    [{ age: { $eq: [1] } }, [{ equal: [], low: array, high: { part: rankKey(6), inclusive: false } }]],
  ])('of %p', (selector, ranges) => {
    const { source } = plan({ selector })
    const tidy: unknown = source.kind === 'view' ? JSON.parse(JSON.stringify(source.ranges)) : undefined
    expect(tidy).toEqual(ranges)
  })

  test('too many values are not worth a probe each', () => {
    const { source } = plan({ selector: { age: { $in: Array.from({ length: 600 }, (_, i) => i) } } })
    expect(source.kind === 'view' && source.ranges).toEqual([{ equal: [] }])
  })
})

describe('id ranges', () => {
  test.each<[Json, unknown]>([
    [{ _id: 'a' }, [{ start: { id: 'a', inclusive: true }, end: { id: 'a', inclusive: true } }]],
    [{ _id: { $gt: 'B', $lte: 'a' } }, [{ start: { id: 'B', inclusive: false }, end: { id: 'a', inclusive: true } }]],
    [{ _id: { $gt: null } }, [{}]],
    [{ _id: { $lt: 5 } }, []],
    [
      { _id: { $in: ['b', 'a', 'b', 5] } },
      ['a', 'b'].map((id) => ({ start: { id, inclusive: true }, end: { id, inclusive: true } })),
    ],
    [{ a: 1 }, [{}]],
  ])('of %p', (selector, ranges) => {
    const { source } = plan({ selector })
    const found: unknown = source.kind === 'primary' ? source.ranges : undefined
    expect(found).toEqual(ranges)
  })
})

test.each<[Json, Plan['contradiction']]>([
  [{ age: { $gt: 5, $lt: 3 } }, 'silent'],
  [{ age: { $gt: 5, $lte: 5 } }, 'silent'],
  [{ age: 1, city: { $gt: 'b', $lt: 'a' } }, 'hidden'],
  [{ $or: [] }, 'silent'],
  [{ $nor: [] }, 'silent'],
  [{ _id: { $gt: 'b', $lt: 'a' } }, 'silent'],
  [{ _id: { $gte: 'B', $lt: 'a' } }, 'none'],
  [{ age: 1 }, 'none'],
])('the contradiction in %p is %s', (selector, contradiction) => {
  expect(plan({ selector }).contradiction).toBe(contradiction)
})

describe('_explain', () => {
  const explained = (body: JsonObject) => explain(parseFindRequest(body), database.views(), 'db')

  test('shows the index, the range and the reasons against others', () => {
    const answer = explained({ selector: { type: 'a', age: { $gt: 1 } }, sort: [{ age: 'desc' }], limit: 3 })
    expect(answer['index']).toMatchObject({ ddoc: '_design/by_type_age', type: 'json' })
    expect(answer['selector']).toEqual({ $and: [{ type: { $eq: 'a' } }, { age: { $gt: 1 } }] })
    expect(answer['mrargs']).toMatchObject({ start_key: ['a', '<MAX>'], end_key: ['a', 1], direction: 'rev' })
    expect(answer['opts']).toMatchObject({ limit: 3, sort: { age: 'desc' }, bookmark: 'nil' })
    const reasons = (
      answer['index_candidates'] as { index: { ddoc: string | null }; analysis: { reasons: [{ name: string }] } }[]
    ).map(({ index, analysis }) => [index.ddoc, analysis.reasons[0].name])
    expect(Object.fromEntries(reasons)).toEqual({
      '_design/by_age': 'less_overlap',
      '_design/zz_age': 'less_overlap',
      '_design/by_type_age_name': 'field_mismatch',
      '_design/partial': 'is_partial',
      null: 'field_mismatch',
    })
  })

  const candidates = (body: JsonObject) =>
    (
      explained(body)['index_candidates'] as {
        index: { ddoc: string | null }
        analysis: { usable: boolean; reasons: [{ name: string }]; ranking: number; covering: boolean | null }
      }[]
    ).map(({ index: { ddoc }, analysis: { usable, reasons, ranking, covering } }) => {
      return [ddoc?.slice('_design/'.length) ?? null, usable, reasons[0].name, ranking, covering]
    })

  test('ranks what was not chosen: rivals by how they fit, the others by kind', () => {
    expect(candidates({ selector: { age: 23 } })).toEqual([
      ['zz_age', true, 'alphabetically_comes_after', 1, false],
      ['partial', false, 'is_partial', 4, false],
      ['by_type_age_name', false, 'field_mismatch', 3, false],
      ['by_type_age', false, 'field_mismatch', 3, false],
      [null, true, 'unfavored_type', 2, null],
    ])
    expect(candidates({ selector: { age: 23 }, use_index: 'zz_age', fields: ['age'] })).toEqual([
      ['partial', false, 'is_partial', 3, false],
      ['by_type_age_name', false, 'field_mismatch', 2, true],
      ['by_type_age', false, 'field_mismatch', 2, true],
      ['by_age', true, 'excluded_by_user', 1, true],
      [null, true, 'excluded_by_user', 1, null],
    ])
    expect(candidates({ selector: { zz: 23 }, sort: ['nope'] }).at(-1)).toEqual([
      null,
      false,
      'field_mismatch',
      1,
      null,
    ])
  })

  test('of a covered query says that no document is read', () => {
    const covered = explained({ selector: { age: 23 }, fields: ['_id', 'age'] })
    expect(covered).toMatchObject({ covering: true, mrargs: { include_docs: false } })
    expect(explained({ selector: { age: 23 } })).toMatchObject({ covering: false, mrargs: { include_docs: true } })
  })

  test('of a query that no index can sort has no index', () => {
    expect(explained({ selector: {}, sort: ['nope'] })).toMatchObject({ index: null })
  })

  test('of a query without index has the primary one', () => {
    expect(explained({ selector: { zz: 1 } })).toMatchObject({
      index: { ddoc: null, name: '_all_docs', type: 'special' },
    })
  })
})
