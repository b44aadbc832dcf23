/** Reading the feed of a database page by page, filtered, and knowing at its end where it stands (documents 1.13). */
import type { ChangesPage, DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import type { PlacedRow, RowMaker } from './changes-rows.ts'
import { firstPage, maxPage, nextPage } from './page-size.ts'
import type { PendingMemory } from './pending.ts'
import { parseSequence, sequence } from './sequence.ts'
import type { ChangesEvent, ChangesQuery } from './service.ts'

type Store = Pick<DocumentStore, 'changes' | 'countChanges'>

/** Where a reader is in the feed. `now` is the database at the beginning; throws `bad_request` for a bad `since`. */
export class Scan {
  /** Rows that may still be given. */
  left: number
  /** The last page held all that there was. */
  exhausted = false
  /** The database was dropped, and perhaps made anew. */
  gone = false
  /** The last sequence that was read; `undefined`: none yet. */
  private at: bigint | undefined
  private updateSeq: bigint
  /** Rows of the feed that follow, as of `updateSeq`; `undefined`: not known without counting. */
  private behind: number | undefined
  private pageSize: number
  /** Ids that one statement may look up; with more of them the whole feed is read. */
  private readonly ids: readonly string[] | undefined
  private readonly epoch: string
  private readonly filtered: boolean

  constructor(
    private readonly store: Store,
    private readonly ref: DatabaseRef,
    private readonly query: ChangesQuery,
    private readonly maker: RowMaker,
    private readonly memory: PendingMemory,
    now: ChangesPage,
  ) {
    const { filter, descending, limit } = query
    const since = parseSequence(query.since ?? '', now)
    this.at = descending || since === 0n ? undefined : since
    this.left = limit ?? Number.POSITIVE_INFINITY
    this.epoch = now.epoch
    this.updateSeq = now.updateSeq
    this.behind = this.at === undefined ? now.total : memory.recall(now.epoch, this.at, now.updateSeq)
    this.pageSize = maker.bodies ? firstPage : maxPage
    this.filtered = filter !== undefined
    if (filter?.kind === 'ids' && filter.ids.length <= maxPage) {
      this.ids = filter.ids.filter((id) => !id.includes('\u0000'))
    }
  }

  /** The rows of the next page that pass the filter, at most `left`. Can be called again after it threw. */
  async next(): Promise<readonly PlacedRow[]> {
    const { store, ref, query, maker, ids } = this
    const { descending } = query
    const limit = this.filtered ? this.pageSize : Math.min(this.pageSize, this.left)
    const page = await store.changes(ref, { after: this.at, descending, limit, bodies: maker.bodies, ids })
    if (!page || page.epoch !== this.epoch) {
      this.gone = true
      return []
    }
    const made = await maker.rows(ref, this.epoch, page.rows)
    const rows = made.length > this.left ? made.slice(0, this.left) : made
    this.advance(page, limit, rows.length < made.length ? rows.at(-1)?.at : undefined)
    this.left -= rows.length
    return rows
  }

  /** `cut`: the last sequence that the limit let through, when rows of the page were left out. */
  private advance(page: ChangesPage, limit: number, cut: bigint | undefined): void {
    const passed = cut === undefined ? page.rows.length : page.rows.findIndex(({ seq }) => seq === cut) + 1
    const whole = this.at === undefined ? page.total : page.updateSeq === this.updateSeq ? this.behind : undefined
    this.behind = this.ids || whole === undefined ? undefined : whole - passed
    this.updateSeq = page.updateSeq
    this.exhausted = cut === undefined && page.rows.length < limit
    const last = cut ?? page.rows.at(-1)?.seq
    if (this.exhausted && !this.query.descending) this.at = page.updateSeq
    else if (last !== undefined) this.at = last
    if (this.maker.bodies && page.rows.length > 0) this.pageSize = nextPage(page.rows)
  }

  async end(): Promise<ChangesEvent> {
    const { epoch, query, updateSeq } = this
    const at = this.at ?? (query.descending ? updateSeq : 0n)
    const pending = this.exhausted || this.gone ? 0 : await this.pending()
    return { kind: 'end', lastSeq: sequence({ updateSeq: at, epoch }), pending }
  }

  private async pending(): Promise<number> {
    const { at, epoch, memory, query } = this
    const known = this.behind ?? (await this.count())
    if (at !== undefined && !query.descending) memory.remember(epoch, at, this.updateSeq, known)
    return known
  }

  private async count(): Promise<number> {
    const { at: after, query } = this
    const counted = await this.store.countChanges(this.ref, { after, descending: query.descending })
    if (counted) this.updateSeq = counted.updateSeq
    return counted?.count ?? 0
  }
}
