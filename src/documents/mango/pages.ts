/** Rows of an index in its order, read page by page over the ranges of a plan. */
import type { IndexPosition, IndexRow, KeyRange, StoredDocument } from '../../../storage/documents/contract.ts'
import { maxPage } from '../page-size.ts'
import { compareBytes } from './collation.ts'
import type { IdBounds } from './id-range.ts'
import type { IndexDefinition } from './index-definition.ts'
import { withDocument } from './key-document.ts'
import { comparePart } from './key-range.ts'
import type { FindReader } from './reader.ts'

export interface Page<Row> {
  readonly rows: readonly Row[]
  /** No row follows. */
  readonly last: boolean
}

/** A source of pages. `size` is how many rows are wanted; fewer may come before the last page, never none. */
export interface Pages<Row> {
  next(size: number): Promise<Page<Row>>
}

export type DocumentRow = IndexRow & { readonly document: StoredDocument }

export interface IndexScanPlan {
  readonly indexId: number
  readonly definition: IndexDefinition
  readonly keysOnly: boolean
  /** Disjoint and in index order. */
  readonly ranges: readonly KeyRange[]
  readonly descending: boolean
  readonly after: IndexPosition | undefined
}

/** Pages of key ranges, which are disjoint and in index order. */
export class IndexPages implements Pages<DocumentRow> {
  readonly #reader: FindReader
  readonly #scan: Pick<IndexScanPlan, 'indexId' | 'definition' | 'keysOnly' | 'descending'>
  #ranges: readonly KeyRange[]
  /** The place after which to go on. It also keeps ranges that touch each other from giving a row twice. */
  #after: IndexPosition | undefined

  constructor(reader: FindReader, scan: IndexScanPlan) {
    this.#reader = reader
    this.#scan = scan
    const ahead = scan.ranges.filter((range) => !isPassed(range, scan.after, scan.descending))
    this.#ranges = scan.descending ? ahead.toReversed() : ahead
    this.#after = scan.after
  }

  async next(size: number): Promise<Page<DocumentRow>> {
    const { indexId, definition, keysOnly, descending } = this.#scan
    const limit = Math.min(Math.max(size, 1), maxPage)
    const rows: DocumentRow[] = []
    while (this.#ranges.length > 0 && rows.length < limit) {
      const [range, ...others] = this.#ranges as readonly [KeyRange, ...KeyRange[]]
      const wanted = limit - rows.length
      const found = await this.#reader.scanIndex({
        indexId,
        range,
        descending,
        after: this.#after,
        limit: wanted,
        keysOnly,
      })
      for (const row of found) rows.push(withDocument(definition, row))
      this.#after = found.at(-1) ?? this.#after
      if (found.length < wanted) this.#ranges = others
    }
    return { rows, last: this.#ranges.length === 0 }
  }
}

/** Pages of id ranges of the primary index, design documents left out. */
export class IdPages implements Pages<StoredDocument> {
  readonly #reader: FindReader
  readonly #descending: boolean
  #ranges: readonly IdBounds[]

  constructor(
    reader: FindReader,
    scan: {
      readonly ranges: readonly IdBounds[]
      readonly descending: boolean
      readonly after: string | undefined
    },
  ) {
    this.#reader = reader
    this.#descending = scan.descending
    const from = (range: IdBounds) => resume(range, scan.after, scan.descending) ?? []
    this.#ranges = (scan.descending ? scan.ranges.toReversed() : scan.ranges).flatMap(from)
  }

  async next(size: number): Promise<Page<StoredDocument>> {
    const limit = Math.min(Math.max(size, 1), maxPage)
    const rows: StoredDocument[] = []
    while (this.#ranges.length > 0 && rows.length < limit) {
      const [range, ...others] = this.#ranges as readonly [IdBounds, ...IdBounds[]]
      const wanted = limit - rows.length
      const found = await this.#reader.scanIds({
        ...range,
        descending: this.#descending,
        skip: 0,
        limit: wanted,
        designs: 'none',
        bodies: true,
      })
      rows.push(...found)
      const rest = found.length < wanted ? undefined : resume(range, found.at(-1)?.id, this.#descending)
      this.#ranges = rest === undefined ? others : [rest, ...others]
    }
    return { rows, last: this.#ranges.length === 0 }
  }
}

/** True when all rows of a range are known to lie before a position. */
function isPassed(range: KeyRange, after: IndexPosition | undefined, descending: boolean): boolean {
  for (const [i, part] of range.equal.entries()) {
    const reached = after?.parts[i]
    if (reached === undefined) return false
    const difference = comparePart(part, reached)
    if (difference !== 0) return descending ? difference > 0 : difference < 0
  }
  return false
}

/** What of a range comes after an id in the direction of the scan; `undefined` when nothing can. */
function resume(range: IdBounds, after: string | undefined, descending: boolean): IdBounds | undefined {
  if (after === undefined) return range
  const [near, far] = descending ? [range.end, range.start] : [range.start, range.end]
  const ahead = (id: string) => (descending ? compareBytes(after, id) : compareBytes(id, after))
  if (far !== undefined && ahead(far.id) <= 0) return undefined
  if (near !== undefined && ahead(near.id) > 0) return range
  const edge = { id: after, inclusive: false }
  return descending ? { ...range, end: edge } : { ...range, start: edge }
}

/** A first page from a wide range, which is enough when few rows are in it; then pages of the narrow ranges. */
export class CoverPages implements Pages<DocumentRow> {
  readonly #reader: FindReader
  readonly #scan: IndexScanPlan
  readonly #cover: KeyRange
  #narrow: IndexPages | undefined

  constructor(reader: FindReader, scan: IndexScanPlan, cover: KeyRange) {
    this.#reader = reader
    this.#scan = scan
    this.#cover = cover
  }

  async next(size: number): Promise<Page<DocumentRow>> {
    if (this.#narrow !== undefined) return this.#narrow.next(size)
    const page = await new IndexPages(this.#reader, { ...this.#scan, ranges: [this.#cover] }).next(size)
    this.#narrow = new IndexPages(this.#reader, { ...this.#scan, after: page.rows.at(-1) ?? this.#scan.after })
    return page
  }
}
