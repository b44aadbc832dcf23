/** A database in memory for tests of queries: the simplest store that keeps the contract of scans. */
import { createHash } from 'node:crypto'
import type {
  Bound,
  IdRange,
  IndexPosition,
  IndexRow,
  IndexScan,
  IndexView,
  KeyPart,
  StoredDocument,
} from '../../../../storage/documents/contract.ts'
import { parseJson, stringifyJson } from '../../../model/json/exact.ts'
import type { Json } from '../../../model/json/value.ts'
import { compareBytes } from '../collation.ts'
import { designDocument, withoutView } from '../design-document.ts'
import { indexCompiler } from '../index-compiler.ts'
import { designId, parseIndexRequest } from '../index-request.ts'
import { comparePart } from '../key-range.ts'
import type { FindReader } from '../reader.ts'

const nothing: KeyPart = { k: '', s: '' }

export class MemoryDatabase implements FindReader {
  readonly documents = new Map<string, StoredDocument>()
  readonly designs = new Map<string, Json>()
  readonly conflicting = new Map<string, readonly string[]>()
  /** Scans so far, for tests of how much is read. */
  readonly scans: Omit<IndexScan, 'epoch'>[] = []
  rowsRead = 0
  /** Rows of scans that came without their document. */
  documentsSpared = 0
  /** Give every row with its document, whatever the scan asks for. */
  keepsDocuments = false
  readonly #rows = new Map<string, readonly IndexRow[]>()
  readonly #definitions: string[] = []

  /** Stores a document; `text` is its body. */
  put(id: string, text: string): void {
    const gen = (this.documents.get(id)?.gen ?? 0) + 1
    const hash = createHash('md5').update(`${gen} ${id} ${text}`).digest('hex')
    const leaves = 1 + (this.conflicting.get(id)?.length ?? 0)
    const body = stringifyJson(parseJson(text).exact)
    this.documents.set(id, { id, gen, hash, deleted: false, text: body, leaves, seq: 0n })
    this.#rows.clear()
  }

  remove(id: string): void {
    this.documents.delete(id)
    this.#rows.clear()
  }

  /** As `POST _index`. */
  createIndex(body: Json): { readonly result: string; readonly id: string; readonly name: string } {
    const request = parseIndexRequest(body)
    const id = request.ddoc ?? designDocument(undefined, request).id
    const design = designDocument(this.designs.get(id), request)
    this.designs.set(design.id, design.body)
    return { result: design.result, id: design.id, name: design.viewName }
  }

  /** As `DELETE _index`; false when there is none. */
  deleteIndex(ddoc: string, name: string): boolean {
    const id = designId(ddoc)
    const body = this.designs.get(id)
    const left = body === undefined ? 'missing' : withoutView(body, name)
    if (left === 'missing') return false
    if (left === undefined) this.designs.delete(id)
    else this.designs.set(id, left)
    return true
  }

  views(): readonly IndexView[] {
    return [...this.designs].flatMap(([ddoc, body]) =>
      indexCompiler.definitions(body).map(({ name, definition }) => {
        if (!this.#definitions.includes(definition)) this.#definitions.push(definition)
        return { ddoc, name, indexId: this.#definitions.indexOf(definition), definition, ready: true }
      }),
    )
  }

  async scanIndex(scan: Omit<IndexScan, 'epoch'>): Promise<readonly IndexRow[]> {
    this.scans.push(scan)
    const definition = this.#definitions[scan.indexId]
    if (definition === undefined) throw new Error(`no index ${scan.indexId}`)
    const rows = this.#entries(definition).filter((row) => isWithin(row, scan))
    const { after, descending } = scan
    const ordered = descending ? rows.toReversed() : rows
    const rest = ordered.filter(
      (row) => after === undefined || comparePositions(row, after) * (descending ? -1 : 1) > 0,
    )
    const page = rest.slice(0, scan.limit)
    this.rowsRead += page.length
    if (!scan.keysOnly || this.keepsDocuments) return page
    const { isExact } = indexCompiler.compile(definition)
    return page.map(({ id, parts, document }) => {
      const isKnown = document !== undefined && isExact(parts, document.text)
      if (isKnown) this.documentsSpared += 1
      return isKnown ? { id, parts } : { id, parts, document }
    }) as readonly IndexRow[]
  }

  async scanIds(range: IdRange): Promise<readonly StoredDocument[]> {
    const { start, end } = range
    const ids = [...this.documents.keys()].sort(compareBytes).filter((id) => {
      if (start !== undefined && compareBytes(id, start.id) < (start.inclusive ? 0 : 1)) return false
      return end === undefined || compareBytes(id, end.id) <= (end.inclusive ? 0 : -1)
    })
    const page = (range.descending ? ids.toReversed() : ids).slice(range.skip, range.skip + range.limit)
    this.rowsRead += page.length
    return page.map((id) => this.documents.get(id) as StoredDocument)
  }

  async conflicts(id: string): Promise<readonly string[]> {
    return this.conflicting.get(id) ?? []
  }

  #entries(definition: string): readonly IndexRow[] {
    const known = this.#rows.get(definition)
    if (known !== undefined) return known
    const { keys } = indexCompiler.compile(definition)
    const rows = [...this.documents.values()].flatMap((document): IndexRow[] => {
      const { id, gen, hash, text } = document
      const parts = keys({ ...(parseJson(text).value as object), _id: id, _rev: `${gen}-${hash}` })
      return parts === undefined ? [] : [{ parts, id, document }]
    })
    rows.sort(comparePositions)
    this.#rows.set(definition, rows)
    return rows
  }
}

function comparePositions(a: IndexPosition, b: IndexPosition): number {
  for (let i = 0; i < Math.max(a.parts.length, b.parts.length); i++) {
    const difference = comparePart(a.parts[i] ?? nothing, b.parts[i] ?? nothing)
    if (difference !== 0) return difference
  }
  return compareBytes(a.id, b.id)
}

function isWithin(row: IndexRow, { range }: Omit<IndexScan, 'epoch'>): boolean {
  if (!range.equal.every((part, i) => comparePart(row.parts[i] ?? nothing, part) === 0)) return false
  const next = row.parts[range.equal.length] ?? nothing
  return isBeyond(next, range.low, 1) && isBeyond(next, range.high, -1)
}

function isBeyond(part: KeyPart, bound: Bound | undefined, sign: 1 | -1): boolean {
  if (bound === undefined) return true
  const difference = comparePart(part, bound.part) * sign
  return bound.inclusive ? difference >= 0 : difference > 0
}
