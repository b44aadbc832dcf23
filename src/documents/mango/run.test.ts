import { describe, expect, test } from 'bun:test'
import { maxGroup } from './batches.ts'
import { parseFindRequest } from './find-request.ts'
import { planFind } from './plan.ts'
import { runFind } from './run.ts'
import { MemoryDatabase } from './testing/memory-database.ts'
import { filled, find, numbered } from './testing/queries.ts'

describe('answers', () => {
  test('are the stored text with id and revision in front', async () => {
    const database = new MemoryDatabase()
    database.put('a"b', '{"n":1.0,"big":123456789012345678901,"s":"\\u0000"}')
    database.put('empty', '{}')
    const { docs } = await find(database, { selector: {} })
    const rev = `1-${database.documents.get('a"b')?.hash}`
    expect(docs[0]).toBe(`{"_id":"a\\"b","_rev":"${rev}","n":1.0,"big":123456789012345678901,"s":"\\u0000"}`)
    expect(docs[1]).toBe(`{"_id":"empty","_rev":"1-${database.documents.get('empty')?.hash}"}`)
  })

  test('with fields print numbers as they were stored', async () => {
    const database = new MemoryDatabase()
    database.put('x', '{"n":1.0,"big":123456789012345678901,"o":{"p":2.0}}')
    const { docs } = await find(database, { selector: {}, fields: ['o.p', 'big', '_id'] })
    expect(docs).toEqual(['{"o":{"p":2.0},"big":123456789012345678901,"_id":"x"}'])
  })

  test('show conflicts only when asked', async () => {
    const database = new MemoryDatabase()
    database.conflicting.set('x', ['2-b', '2-a'])
    database.put('x', '{"n":1}')
    database.put('y', '{"n":1}')
    const plain = await find(database, { selector: { n: 1 } })
    expect(plain.docs.join()).not.toContain('_conflicts')
    const asked = await find(database, { selector: { n: 1 }, conflicts: true })
    expect(asked.docs.map((doc) => JSON.parse(doc)._conflicts)).toEqual([['2-b', '2-a'], undefined])
    const matched = await find(database, { selector: { '_conflicts.0': '2-b' }, conflicts: true })
    expect(matched.ids).toEqual(['x'])
    expect((await find(database, { selector: { '_conflicts.0': '2-b' } })).ids).toEqual([])
  })

  test('count what was examined', async () => {
    const database = filled(
      numbered(30, (i) => ({ n: i % 3 })),
      ['n'],
    )
    const { stats } = await find(database, { selector: { n: 1 }, limit: 100 })
    expect(stats).toMatchObject({ total_keys_examined: 10, total_docs_examined: 10, results_returned: 10 })
    expect(stats.execution_time_ms).toBeGreaterThan(0)
    const covered = await find(database, { selector: { n: 1 }, fields: ['n'], limit: 100 })
    expect(covered.stats).toMatchObject({ total_keys_examined: 10, total_docs_examined: 0 })
  })

  test('warn of scans that find little', async () => {
    const database = filled(
      numbered(12, (i) => ({ n: i, m: i })),
      ['n'],
    )
    const warning = 'The number of documents examined is high in proportion to the number of results returned.'
    const wide = await find(database, { selector: { n: { $gte: 0 }, m: 3 } })
    expect(wide.warnings.join()).toStartWith(warning)
    expect((await find(database, { selector: { n: { $gte: 3 }, m: 3 } })).warnings).toEqual([])
    expect((await find(database, { selector: { m: 3 } })).warnings).toHaveLength(2)
  })
})

describe('bookmarks', () => {
  const database = filled(
    numbered(10, (i) => ({ n: i })),
    ['n'],
  )

  test('are given even on the last page, and echoed on an empty one', async () => {
    const all = await find(database, { selector: { n: { $gt: 1 } }, limit: 100 })
    expect(all.ids).toHaveLength(8)
    const end = all.bookmark as string
    const empty = await find(database, { selector: { n: { $gt: 1 } }, limit: 100, bookmark: end })
    expect([empty.ids, empty.bookmark]).toEqual([[], end])
  })

  test('are missing when nothing matched, absent when nothing can', async () => {
    const none = await find(database, { selector: { n: 77 } })
    expect([none.bookmark, none.bookmarkAbsent]).toEqual([undefined, false])
    const never = await find(database, { selector: { n: { $gt: 5, $lt: 3 } } })
    expect([never.bookmark, never.bookmarkAbsent, never.warnings]).toEqual([undefined, true, []])
  })

  test('count skipped documents as seen', async () => {
    const page = await find(database, { selector: { n: { $gte: 0 } }, skip: 20 })
    expect(page.ids).toEqual([])
    expect(page.bookmark).toBeDefined()
    const next = await find(database, { selector: { n: { $gte: 0 } }, limit: 2, skip: 3 })
    const after = await find(database, {
      selector: { n: { $gte: 0 } },
      limit: 2,
      skip: 1,
      bookmark: next.bookmark as string,
    })
    expect([next.ids, after.ids]).toEqual([
      ['d00003', 'd00004'],
      ['d00006', 'd00007'],
    ])
  })

  test('survive the deletion of the row they name', async () => {
    const own = filled(
      numbered(6, (i) => ({ n: [i] })),
      ['n'],
    )
    const page = await find(own, { selector: { n: { $gt: null } }, limit: 3, sort: ['n'] })
    own.remove('d00002')
    const next = await find(own, { selector: { n: { $gt: null } }, sort: ['n'], bookmark: page.bookmark as string })
    expect(next.ids).toEqual(['d00003', 'd00004', 'd00005'])
  })

  test('of another index are refused', async () => {
    const { bookmark } = await find(database, { selector: { n: 1 } })
    const other = find(database, { selector: { zz: 1 }, bookmark: bookmark as string })
    await expect(other).rejects.toMatchObject({ code: 'invalid_bookmark' })
    for (const bad of ['nil', 'bad', '%%']) {
      await expect(find(database, { selector: { n: 1 }, bookmark: bad })).rejects.toMatchObject({
        code: 'invalid_bookmark',
      })
    }
  })
})

describe('reading', () => {
  test('is no more than the answer where keys decide', async () => {
    const database = filled(
      numbered(500, (i) => ({ n: i })),
      ['n'],
    )
    database.rowsRead = 0
    const { ids } = await find(database, { selector: { n: { $gte: 100 } }, limit: 50, skip: 10 })
    expect(ids[0]).toBe('d00110')
    expect([database.rowsRead, database.scans.length]).toEqual([60, 1])
  })

  test('parses nothing where keys decide', async () => {
    const database = filled({}, ['n'])
    database.put('x', '{"n":1}')
    const stored = database.documents.get('x')
    const request = parseFindRequest({ selector: { n: 1 } })
    const plan = planFind(request, database.views())
    const rows = await database.scanIndex({
      indexId: database.views()[0]?.indexId ?? 0,
      range: { equal: [] },
      descending: false,
      limit: 1,
    })
    const unreadable = { ...stored, text: '{not json}' } as (typeof rows)[number]['document']
    const reader = { ...database, scanIndex: async () => rows.map((row) => ({ ...row, document: unreadable })) }
    const { docs } = await runFind(plan, request, reader as unknown as MemoryDatabase)
    expect(docs).toEqual([`{"_id":"x","_rev":"1-${stored?.hash}",not json}`])
  })

  test('probes for the values of $in in a large index', async () => {
    const database = filled(
      numbered(3000, (i) => ({ n: i })),
      ['n'],
    )
    database.rowsRead = 0
    const { ids } = await find(database, { selector: { n: { $in: [2900, 7, 'x', 1500] } } })
    expect(ids).toEqual(['d00007', 'd01500', 'd02900'])
    expect(database.rowsRead).toBeLessThan(100)
  })

  test('looks up ids in the primary index', async () => {
    const database = filled(numbered(3000, (i) => ({ n: i })))
    database.rowsRead = 0
    const { ids } = await find(database, { selector: { _id: { $in: ['d02000', 'nope', 'd00001'] } } })
    expect(ids).toEqual(['d00001', 'd02000'])
    expect(database.rowsRead).toBe(2)
  })

  test('ends at its time limit', async () => {
    const database = filled(numbered(10, (i) => ({ n: i })))
    const request = parseFindRequest({ selector: { n: 3 } })
    const run = runFind(planFind(request, database.views()), request, database, -1)
    await expect(run).rejects.toMatchObject({
      code: 'timeout',
      reason: expect.stringContaining('context deadline exceeded'),
    })
  })

  test('refuses to sort too many arrays', async () => {
    const database = filled(
      numbered(maxGroup + 1, (i) => ({ n: [i] })),
      ['n'],
    )
    const run = find(database, { selector: { n: { $gt: null } }, sort: ['n'] })
    await expect(run).rejects.toMatchObject({
      code: 'bad_request',
      status: 400,
      reason: expect.stringContaining(String(maxGroup)),
    })
  })
})
