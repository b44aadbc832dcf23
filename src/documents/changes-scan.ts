/** Reads the feed of a database page by page, filtered, and knows its position at the end. */
import type { ChangesPage, ChangesRange, DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { orWithoutDatabase } from '../model/no-database.ts'
import type { PlacedRow, RowMaker } from './changes-rows.ts'
import { firstPage, maxPage, nextPage } from './page-size.ts'
import type { PendingMemory } from './pending.ts'
import { formatSequence, parseSequence } from './sequence.ts'
import type { ChangesEvent, ChangesQuery } from './service.ts'

type Store = Pick<DocumentStore, 'changes' | 'countChanges'>

/**
 * Reads how far the database has come, together with the first page where that is possible: when the place is a
 * number, and there is no listener that could miss what is committed in between. Throws
 * `bad_request` for a bad `since`.
 */
export async function openScan(
  store: Store,
  ref: DatabaseRef,
  query: ChangesQuery,
  maker: RowMaker,
  memory: PendingMemory,
): Promise<Scan> {
  const [, digits] = /^"?(\d{1,18})(?!\d)/.exec(query.since || '0') ?? []
  const { descending, feed, limit } = query
  if (digits === undefined || descending || feed !== 'normal' || limit === 0) {
    const now = await store.changes(ref, { descending: false, limit: 0, bodies: false })
    return new Scan(store, ref, query, maker, memory, now)
  }
  const range = firstRange(query, maker, placeOf(BigInt(digits)))
  const page = await store.changes(ref, range)
  return new Scan(store, ref, query, maker, memory, page, range)
}

function firstRange(query: ChangesQuery, maker: RowMaker, after: bigint | undefined): ChangesRange {
  const { descending, filter, limit = Number.POSITIVE_INFINITY } = query
  const page = maker.bodies ? firstPage : maxPage
  const ids = filter?.kind === 'ids' && filter.ids.length <= maxPage ? filter.ids : undefined
  return {
    ...{ after, descending, bodies: maker.bodies, limit: filter ? page : Math.min(page, limit) },
    ids: ids?.filter((id) => !id.includes('\u0000')),
  }
}

/** A place to read after. */
function placeOf(since: bigint): bigint | undefined {
  return since === 0n ? undefined : since
}

/** Where a reader is in the feed. */
export class Scan {
  /** Rows that may still be given. */
  left: number
  /** The last page held all that there was. */
  exhausted = false
  /** The database was dropped, and perhaps made again. */
  gone = false
  /** The last sequence that was read; `undefined`: none yet. */
  #at: bigint | undefined
  #updateSeq: bigint
  /** Rows of the feed that follow, as of `updateSeq`; `undefined`: not known without counting. */
  #behind: number | undefined
  #pageSize: number
  /** The first page for `next`, when it was read already. */
  #ahead: ChangesPage | undefined
  /** Ids that one statement may look up; with more of them the whole feed is read. */
  readonly #ids: readonly string[] | undefined
  readonly #epoch: string
  readonly #filtered: boolean

  readonly #store: Store
  readonly #ref: DatabaseRef
  readonly #query: ChangesQuery
  readonly #maker: RowMaker
  readonly #memory: PendingMemory

  constructor(
    store: Store,
    ref: DatabaseRef,
    query: ChangesQuery,
    maker: RowMaker,
    memory: PendingMemory,
    /** The database at the beginning. */
    now: ChangesPage,
    /** What was asked for `now`, when that may be the first page. */
    asked?: ChangesRange,
  ) {
    this.#store = store
    this.#ref = ref
    this.#query = query
    this.#maker = maker
    this.#memory = memory
    const { filter, descending, limit } = query
    const since = parseSequence(query.since ?? '', now)
    this.#at = descending ? undefined : placeOf(since)
    // A sequence of another database means its start.
    if (asked && asked.after === this.#at) this.#ahead = now
    this.left = limit ?? Number.POSITIVE_INFINITY
    this.#epoch = now.epoch
    this.#updateSeq = now.updateSeq
    this.#behind = this.#at === undefined ? now.total : memory.recall(now.epoch, this.#at, now.updateSeq)
    const first = firstRange(query, maker, this.#at)
    this.#pageSize = maker.bodies ? firstPage : maxPage
    this.#filtered = filter !== undefined
    this.#ids = first.ids
  }

  /** The rows of the next page that pass the filter, at most `left`. Can be called again after it threw. */
  async next(): Promise<readonly PlacedRow[]> {
    const maker = this.#maker
    const { descending } = this.#query
    const limit = this.#filtered ? this.#pageSize : Math.min(this.#pageSize, this.left)
    const page =
      this.#ahead ??
      (await orWithoutDatabase(
        this.#store.changes(this.#ref, { after: this.#at, descending, limit, bodies: maker.bodies, ids: this.#ids }),
        undefined,
      ))
    if (page?.epoch !== this.#epoch) {
      this.gone = true
      return []
    }
    const made = await maker.rows(this.#ref, this.#epoch, page.rows)
    const rows = made.length > this.left ? made.slice(0, this.left) : made
    this.#advance(page, limit, rows.length < made.length ? rows.at(-1)?.at : undefined)
    this.left -= rows.length
    return rows
  }

  /** `cut`: the last sequence that the limit let through, when rows of the page were left out. */
  #advance(page: ChangesPage, limit: number, cut: bigint | undefined): void {
    this.#ahead = undefined
    const passed = cut === undefined ? page.rows.length : page.rows.findIndex(({ seq }) => seq === cut) + 1
    const whole = this.#at === undefined ? page.total : page.updateSeq === this.#updateSeq ? this.#behind : undefined
    this.#behind = this.#ids || whole === undefined ? undefined : whole - passed
    this.#updateSeq = page.updateSeq
    this.exhausted = cut === undefined && page.rows.length < limit
    const last = cut ?? page.rows.at(-1)?.seq
    if (this.exhausted && !this.#query.descending) this.#at = page.updateSeq
    else if (last !== undefined) this.#at = last
    if (this.#maker.bodies && page.rows.length > 0) this.#pageSize = nextPage(page.rows)
  }

  async end(): Promise<ChangesEvent> {
    const at = this.#at ?? (this.#query.descending ? this.#updateSeq : 0n)
    const pending = this.exhausted || this.gone ? 0 : await this.#pending()
    return { kind: 'end', lastSeq: formatSequence({ updateSeq: at, epoch: this.#epoch }), pending }
  }

  async #pending(): Promise<number> {
    const at = this.#at
    const known = this.#behind ?? (await this.#count())
    if (at !== undefined && !this.#query.descending) this.#memory.remember(this.#epoch, at, this.#updateSeq, known)
    return known
  }

  async #count(): Promise<number> {
    const after = this.#at
    const counted = await orWithoutDatabase(
      this.#store.countChanges(this.#ref, { after, descending: this.#query.descending }),
      undefined,
    )
    if (counted) this.#updateSeq = counted.updateSeq
    return counted?.count ?? 0
  }
}
