/** Rows in the exact order of CouchDB, in batches as they come from the store. */
import type { IndexPosition, KeyPart, KeyRange, StoredDocument } from '../../../storage/documents/contract.ts'
import type { Json } from '../../model/json/value.ts'
import { maxPage } from '../page-size.ts'
import type { Position } from './bookmark.ts'
import { compareBytes, compareJson } from './collation.ts'
import type { FieldRange } from './field-range.ts'
import type { IndexDefinition } from './index-definition.ts'
import { groupColumn } from './key.ts'
import { comparePart } from './key-range.ts'
import { CoverPages, type DocumentRow, IdPages, IndexPages, type Pages } from './pages.ts'
import { badPath, type Path, resolve } from './path.ts'
import type { Plan, Source } from './plan.ts'
import type { FindReader } from './reader.ts'
import { refusal } from './refusal.ts'
import { parseStored } from './stored.ts'

export interface Batch {
  readonly documents: readonly StoredDocument[]
  position(at: number): Position
  /** Rows that were read at the end of a range but are not part of it. */
  readonly passed: number
  /** No row follows. */
  readonly last: boolean
}

export interface Batches {
  /** `size` is how many rows are wanted; a batch may have fewer or, where rows must be sorted together, more. */
  next(size: number): Promise<Batch>
}

/** Rows that share all keys before an array or object are sorted together, in memory. */
export const maxGroup = 10_000

/** The rows of a plan, strictly after `position` where given. */
export async function openBatches(plan: Plan, reader: FindReader, position: Position | undefined): Promise<Batches> {
  const { source, descending } = plan
  if (source.kind === 'primary') {
    const pages = new IdPages(reader, { ranges: source.ranges, descending, after: position?.id })
    return new IdBatches(pages)
  }
  const rows = new IndexBatches(source, reader, descending)
  await rows.start(position)
  return rows
}

class IdBatches implements Batches {
  readonly #pages: Pages<StoredDocument>

  constructor(pages: Pages<StoredDocument>) {
    this.#pages = pages
  }

  async next(size: number): Promise<Batch> {
    const { rows, last } = await this.#pages.next(size)
    const position = (at: number) => ({ parts: [], id: (rows[at] as StoredDocument).id, values: undefined })
    return { documents: rows, position, passed: 0, last }
  }
}

class IndexBatches implements Batches {
  readonly #source: Source & { kind: 'view' }
  readonly #reader: FindReader
  readonly #descending: boolean
  #pages: Pages<DocumentRow>
  #waiting: readonly DocumentRow[] = []
  #last = false
  #passed = 0
  /** The group in which the previous page ended. */
  #resumed: readonly GroupRow[] = []

  constructor(source: Source & { kind: 'view' }, reader: FindReader, descending: boolean) {
    this.#source = source
    this.#reader = reader
    this.#descending = descending
    this.#pages = this.#open(undefined)
  }

  async start(position: Position | undefined): Promise<void> {
    const column = position === undefined ? undefined : groupColumn(position.parts, this.#fields())
    if (position !== undefined) this.#pages = this.#open(position)
    if (position === undefined || column === undefined) return
    const group = new IndexPages(this.#reader, {
      ...this.#scan(),
      ranges: [groupRange(position.parts, column)],
      after: undefined,
    })
    const rows: DocumentRow[] = []
    for (let last = false; !last; ) {
      const page = await group.next(maxPage)
      rows.push(...page.rows)
      this.#checkSize(rows.length, column)
      last = page.last
    }
    const from = { id: position.id, values: position.values ?? [] }
    this.#resumed = this.#sorted(rows, column).filter(
      (row) => this.#compare(from, { id: row.row.id, values: row.values }) < 0,
    )
    this.#pages = this.#open(behindGroup(position.parts, column, this.#descending))
  }

  async next(size: number): Promise<Batch> {
    if (this.#resumed.length > 0) {
      const rows = this.#resumed
      this.#resumed = []
      return groupBatch(rows, 0, this.#isDone())
    }
    if (this.#waiting.length === 0 && !this.#last) await this.#fetch(size)
    const rows = this.#waiting
    const fields = this.#fields()
    const at = rows.findIndex((row) => groupColumn(row.parts, fields) !== undefined)
    if (at === 0) return this.#group()
    const plain = at < 0 ? rows : rows.slice(0, at)
    this.#waiting = at < 0 ? [] : rows.slice(at)
    const position = (i: number): Position => ({ ...positionOf(plain[i] as DocumentRow), values: undefined })
    return { documents: plain.map((row) => row.document), position, passed: this.#takePassed(), last: this.#isDone() }
  }

  async #group(): Promise<Batch> {
    const first = this.#waiting[0] as DocumentRow
    const column = groupColumn(first.parts, this.#fields()) ?? 0
    let end = 1
    for (;;) {
      while (end < this.#waiting.length && sameGroup(first, this.#waiting[end] as DocumentRow, column)) end++
      this.#checkSize(end, column)
      if (end < this.#waiting.length || this.#last) break
      await this.#fetch(maxPage)
    }
    const rows = this.#waiting.slice(0, end)
    this.#waiting = this.#waiting.slice(end)
    return groupBatch(this.#sorted(rows, column), this.#takePassed(), this.#isDone())
  }

  async #fetch(size: number): Promise<void> {
    const page = await this.#pages.next(size)
    const rows = this.#withoutEnds(page.rows)
    this.#passed += page.rows.length - rows.length
    this.#waiting = this.#waiting.length === 0 ? rows : [...this.#waiting, ...rows]
    this.#last = page.last
  }

  #open(after: IndexPosition | undefined): Pages<DocumentRow> {
    const { ranges, cover } = this.#source
    const scan = { ...this.#scan(), ranges, after }
    return cover === undefined ? new IndexPages(this.#reader, scan) : new CoverPages(this.#reader, scan, cover.range)
  }

  #withoutEnds(rows: readonly DocumentRow[]): readonly DocumentRow[] {
    const { cover } = this.#source
    if (cover === undefined || cover.excluded.length === 0) return rows
    const column = cover.range.equal.length
    const isEnd = (part: KeyPart) => cover.excluded.some((end) => comparePart(part, end) === 0)
    return rows.filter((row) => !isEnd(row.parts[column] as KeyPart))
  }

  #scan() {
    const { view, definition, keysOnly } = this.#source
    return { indexId: view.indexId, definition, keysOnly, descending: this.#descending }
  }

  #fields(): number {
    return this.#source.definition.fields.length
  }

  #takePassed(): number {
    const passed = this.#passed
    this.#passed = 0
    return passed
  }

  #isDone(): boolean {
    return this.#last && this.#waiting.length === 0
  }

  #sorted(rows: readonly DocumentRow[], column: number): readonly GroupRow[] {
    const paths = valuePaths(this.#source.definition, column)
    const name = this.#source.definition.fields[column]?.name
    const bounds = name === undefined ? undefined : this.#source.bounds.get(name)
    const group = rows
      .map((row) => ({ row, values: valuesOf(row.document, paths) }))
      .filter(({ values }) => isWithin(values[0] as Json, bounds))
    const compare = (a: GroupRow, b: GroupRow) =>
      this.#compare({ id: a.row.id, values: a.values }, { id: b.row.id, values: b.values })
    return group.length > 1 ? group.sort(compare) : group
  }

  #compare(a: Ordered, b: Ordered): number {
    let difference = 0
    for (let i = 0; i < a.values.length && difference === 0; i++) {
      difference = compareJson(a.values[i] as Json, b.values[i] as Json)
    }
    if (difference === 0) difference = compareBytes(a.id, b.id)
    return this.#descending ? -difference : difference
  }

  #checkSize(rows: number, column: number): void {
    if (rows <= maxGroup) return
    const field = this.#source.definition.fields[column]?.name ?? ''
    const cause = column < (this.#waiting[0]?.parts.length ?? column) ? 'an array or an object in' : 'equal keys before'
    throw refusal(
      'bad_request',
      `More than ${maxGroup} documents have ${cause} the indexed field ${JSON.stringify(field)}, too many to sort. ` +
        'Bound the query further or index another field.',
    )
  }
}

interface GroupRow {
  readonly row: DocumentRow
  readonly values: readonly Json[]
}

interface Ordered {
  readonly id: string
  readonly values: readonly Json[]
}

/** Keys of arrays and objects are all alike, so the range of keys has let every one of them through. */
function isWithin(value: Json, bounds: FieldRange | undefined): boolean {
  if (bounds === undefined) return true
  const { low, high } = bounds
  if (low !== undefined && compareJson(value, low.value) < (low.inclusive ? 0 : 1)) return false
  return high === undefined || compareJson(value, high.value) <= (high.inclusive ? 0 : -1)
}

function groupBatch(rows: readonly GroupRow[], passed: number, last: boolean): Batch {
  const position = (at: number): Position => {
    const { row, values } = rows[at] as GroupRow
    return { ...positionOf(row), values }
  }
  return { documents: rows.map(({ row }) => row.document), position, passed, last }
}

function positionOf({ parts, id }: DocumentRow): IndexPosition {
  return { parts, id }
}

function valuePaths({ fields }: IndexDefinition, column: number): readonly Path[] {
  return fields.slice(column).map(({ path }) => path)
}

function valuesOf(document: StoredDocument, paths: readonly Path[]): readonly Json[] {
  const { value } = parseStored(document, [])
  return paths.map((path) => {
    const found = resolve(path, value)
    // The entry was made of this very document, so every field resolves.
    return found === undefined || found === badPath ? null : found
  })
}

function sameGroup(a: DocumentRow, b: DocumentRow, column: number): boolean {
  for (let i = 0; i < column; i++) if (comparePart(a.parts[i] as KeyPart, b.parts[i] as KeyPart) !== 0) return false
  return column === a.parts.length || a.parts[column]?.k === b.parts[column]?.k
}

/** All rows of a group. Ranges of a plan hold groups wholly or not at all. */
function groupRange(parts: readonly KeyPart[], column: number): KeyRange {
  const part = parts[column]
  if (part === undefined) return { equal: parts }
  const bound = { part, inclusive: true }
  return { equal: parts.slice(0, column), low: bound, high: bound }
}

/** A position after all rows of a group and before everything else. */
function behindGroup(parts: readonly KeyPart[], column: number, descending: boolean): IndexPosition {
  const part = parts[column]
  if (part === undefined) return { parts, id: descending ? '' : lastId }
  const edge = descending ? part : { k: `${part.k}ff`, s: '' }
  return { parts: parts.map((own, i) => (i < column ? own : i === column ? edge : beforeAll)), id: '' }
}

const beforeAll: KeyPart = { k: '', s: '' }
/** Longer than any id. */
const lastId = '\u{10ffff}'.repeat(257)
