/** The server's own design documents among the documents of a database, as if they were stored. */
import type { DatabaseRef, DocumentStore, IdRange, StoredDocument } from '../../storage/documents/contract.ts'
import { builtinDesigns } from './builtin-designs.ts'
import { compareBytes } from './mango/collation.ts'

type Store = Pick<DocumentStore, 'databaseInfo' | 'scanIds' | 'countIds' | 'readMany'>

/** The same store for listings and counts; design documents of the server's own are in them. */
export function withBuiltinDesigns<Given extends Store>(store: Given): Given {
  return {
    ...store,
    async databaseInfo(ref) {
      const info = await store.databaseInfo(ref)
      return { ...info, docCount: info.docCount + builtinDesigns(ref.name).length }
    },
    async countIds(ref, range) {
      return (await store.countIds(ref, range)) + inRange(ref, range).length
    },
    async scanIds(ref, range) {
      const own = inRange(ref, range)
      return own.length === 0 ? store.scanIds(ref, range) : merged(store, ref, range, own)
    },
    async readMany(ref, ids, bodies) {
      const stored = await store.readMany(ref, ids, bodies)
      const own = builtinDesigns(ref.name).flatMap(({ document }) => (ids.includes(document.id) ? [document] : []))
      return own.length === 0 ? stored : [...own, ...stored]
    },
  }
}

async function merged(
  store: Store,
  ref: DatabaseRef,
  range: IdRange,
  own: readonly StoredDocument[],
): Promise<readonly StoredDocument[]> {
  const compare = (a: StoredDocument, b: StoredDocument) => compareBytes(a.id, b.id) * (range.descending ? -1 : 1)
  // At most as many of the rows to skip as there are own ones are not stored.
  const skip = Math.max(0, range.skip - own.length)
  const stored = await store.scanIds(ref, { ...range, skip, limit: range.limit + own.length })
  const [first] = stored
  const ahead = skip === 0 ? own : own.filter((one) => first !== undefined && compare(one, first) > 0)
  const from = skip === 0 ? range.skip : ahead.length
  return [...stored, ...ahead].sort(compare).slice(from, from + range.limit)
}

function inRange(ref: DatabaseRef, { start, end, designs }: Pick<IdRange, 'start' | 'end' | 'designs'>) {
  if (designs === 'none') return []
  const above = (id: string) => start === undefined || compareBytes(id, start.id) >= (start.inclusive ? 0 : 1)
  const below = (id: string) => end === undefined || compareBytes(id, end.id) <= (end.inclusive ? 0 : -1)
  return builtinDesigns(ref.name).flatMap(({ document }) =>
    above(document.id) && below(document.id) ? [document] : [],
  )
}
