import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { DatabaseRef, IdRange, StoredDocument } from '../../storage/documents/contract.ts'
import { builtinDesigns } from './builtin-designs.ts'
import { withBuiltinDesigns } from './builtin-listing.ts'
import { compareBytes } from './mango/collation.ts'

const ref: DatabaseRef = { prefix: 'p', name: 'io.cozy.files' }
const own = builtinDesigns(ref.name).map(({ document }) => document.id)
const document = (id: string): StoredDocument => ({
  ...{ id, gen: 1, hash: 'a', deleted: false, leaves: 1, seq: 1n, text: '{}' },
})

/** As the contract says of `scanIds`. */
function page(ids: readonly string[], { start, end, descending, skip, limit, designs }: IdRange): readonly string[] {
  const inside = ids.filter((id) => {
    if (start && compareBytes(id, start.id) < (start.inclusive ? 0 : 1)) return false
    if (end && compareBytes(id, end.id) > (end.inclusive ? 0 : -1)) return false
    return designs === 'all' || id.startsWith('_design/') === (designs === 'only')
  })
  inside.sort((a, b) => compareBytes(a, b) * (descending ? -1 : 1))
  return inside.slice(skip, skip + limit)
}

test('a page is the one of a database in which they are stored', async () => {
  const id = fc.constantFrom(...'0 A _design/a _design/by-x _design/dir-c _design/z a b c d e'.split(' '), ...own)
  const stored = fc.uniqueArray(id, { maxLength: 12 }).map((ids) => ids.filter((one) => !own.includes(one)))
  const bound = fc.option(fc.record({ id, inclusive: fc.boolean() }), { nil: undefined })
  const range = fc.record({
    ...{ start: bound, end: bound, descending: fc.boolean(), skip: fc.nat(25), limit: fc.nat(25) },
    ...{ designs: fc.constantFrom('all' as const, 'none' as const, 'only' as const), bodies: fc.constant(true) },
  })
  await fc.assert(
    fc.asyncProperty(stored, range, async (ids, asked) => {
      const store = withBuiltinDesigns({
        databaseInfo: () => Promise.reject(new Error('not asked')),
        readMany: async () => [],
        countIds: async (_ref, counted) => page(ids, { ...asked, ...counted, skip: 0, limit: 99 }).length,
        scanIds: async (_ref, part) => page(ids, part).map(document),
      })
      const all = [...ids, ...own]
      expect((await store.scanIds(ref, asked)).map((row) => row.id)).toEqual([...page(all, asked)])
      expect(await store.countIds(ref, asked)).toBe(page(all, { ...asked, skip: 0, limit: 99 }).length)
    }),
    { numRuns: 2000 },
  )
})
