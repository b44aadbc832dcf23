import type { StoredDocument } from '../../../storage/documents/contract.ts'
import { Problem } from '../../model/errors.ts'
import { type ParsedJson, stringifyJson } from '../../model/json/exact.ts'
import { maxPage } from '../page-size.ts'
import { type Batch, openBatches } from './batches.ts'
import { formatBookmark, type Position, parseBookmark } from './bookmark.ts'
import { defaultLimit, type FindRequest } from './find-request.ts'
import { matcher } from './matcher.ts'
import type { Plan } from './plan.ts'
import type { FindReader } from './reader.ts'
import { parseStored, storedText } from './stored.ts'

export type { FindReader } from './reader.ts'

export interface FindStats {
  readonly total_keys_examined: number
  readonly total_docs_examined: number
  readonly total_quorum_docs_examined: number
  readonly results_returned: number
  readonly execution_time_ms: number
}

export interface FindResult {
  /** JSON texts of documents, projected when the request names fields. */
  readonly docs: readonly string[]
  /** `undefined`: nothing matched and none was given, for which CouchDB writes `nil`. */
  readonly bookmark: string | undefined
  /** CouchDB leaves the bookmark out: the selector contradicts itself. */
  readonly bookmarkAbsent: boolean
  readonly warnings: readonly string[]
  readonly stats: FindStats
}

/** Fewer rows at a time are not worth a statement when most may be filtered out. */
const smallestPage = 64
/** CouchDB warns when more documents than this were examined for each one returned. */
const scanRatio = 10
/** Documents processed between two checks of the clock. */
const clockStep = 64

/**
 * Runs a plan. Throws `invalid_bookmark`, `timeout` after `timeLimitMs` milliseconds, or `bad_request`
 * when too many documents would have to be sorted in memory. Errors of the reader pass through.
 */
export async function runFind(
  plan: Plan,
  request: FindRequest,
  reader: FindReader,
  timeLimitMs = 60_000,
): Promise<FindResult> {
  const started = performance.now()
  if (plan.contradiction === 'silent') {
    return {
      docs: [],
      bookmark: undefined,
      bookmarkAbsent: true,
      warnings: [],
      stats: statsOf({ keys: 0, documents: 0, quorum: 0 }, 0, started),
    }
  }
  const run = new Run(plan, request, reader, started + timeLimitMs)
  await run.all()
  const end = run.end()
  const bookmark = end === undefined ? request.bookmark : formatBookmark(plan.source, end)
  const results = run.docs.length
  const isWide = !plan.covering && isHigh(run.examined, results)
  const warnings = isWide ? [...plan.warnings, ratioWarning] : plan.warnings
  // CouchDB reads one row more to find that the limit is reached.
  const keys = run.examined + (run.isCut ? 1 : 0)
  const documents = plan.covering ? 0 : keys
  const isQuorum = request.quorum > 1
  const stats = statsOf(
    { keys, documents: isQuorum ? 0 : documents, quorum: isQuorum ? documents : 0 },
    results,
    started,
  )
  return { docs: run.docs, bookmark, bookmarkAbsent: false, warnings, stats }
}

const ratioWarning =
  'The number of documents examined is high in proportion to the number of results returned. ' +
  'Consider adding a more specific index to improve this.'

function isHigh(examined: number, results: number): boolean {
  return examined > scanRatio * Math.max(results, 1)
}

interface Examined {
  readonly keys: number
  readonly documents: number
  /** Read with a quorum, which a question asks for by `r`. */
  readonly quorum: number
}

function statsOf({ keys, documents, quorum }: Examined, results: number, started: number): FindStats {
  return {
    total_keys_examined: keys,
    total_docs_examined: documents,
    total_quorum_docs_examined: quorum,
    results_returned: results,
    execution_time_ms: performance.now() - started,
  }
}

const noConflicts: readonly string[] = []

class Run {
  readonly docs: string[] = []
  examined = 0
  /** The limit is reached, and a row follows. Known only where statistics are asked for. */
  isCut = false
  readonly #plan: Plan
  readonly #request: FindRequest
  readonly #reader: FindReader
  readonly #deadline: number
  readonly #limit: number
  readonly #test: ReturnType<typeof matcher> | undefined
  #toSkip: number
  /** Where the last match is, skipped ones included. */
  #lastBatch: Batch | undefined
  #lastAt = 0

  constructor(plan: Plan, request: FindRequest, reader: FindReader, deadline: number) {
    this.#plan = plan
    this.#request = request
    this.#reader = reader
    this.#deadline = deadline
    this.#limit = request.limit ?? defaultLimit
    this.#toSkip = request.skip
    this.#test = plan.residual === undefined ? undefined : matcher(plan.residual)
  }

  /** The position of the last match. */
  end(): Position | undefined {
    return this.#lastBatch?.position(this.#lastAt)
  }

  async all(): Promise<void> {
    const { bookmark } = this.#request
    const position = bookmark === undefined ? undefined : parseBookmark(this.#plan.source, bookmark)
    if (this.#limit === 0) return
    this.#checkClock()
    const batches = await openBatches(this.#plan, this.#reader, position)
    if (this.#plan.contradiction === 'hidden') {
      // Nothing matches: it only matters whether CouchDB would warn about the scan.
      for (let last = false; !last && !isHigh(this.examined, 0); ) {
        const batch = await batches.next(scanRatio + 1)
        this.examined += batch.documents.length
        last = batch.last
      }
      return
    }
    for (let size = this.#firstPage(); ; size = Math.min(size * 2, maxPage)) {
      this.#checkClock()
      const batch = await batches.next(this.#test === undefined ? this.#missing() : size)
      await this.#take(batch)
      if (batch.last) return
      if (this.docs.length < this.#limit) continue
      if (!this.isCut && this.#request.executionStats) this.isCut = (await batches.next(1)).documents.length > 0
      return
    }
  }

  async #take(batch: Batch): Promise<void> {
    this.examined += batch.passed
    for (let at = 0; at < batch.documents.length; at++) {
      if (this.docs.length === this.#limit) {
        this.isCut = true
        return
      }
      const document = batch.documents[at] as StoredDocument
      this.examined++
      if (this.examined % clockStep === 0) this.#checkClock()
      const conflicts =
        this.#request.conflicts && document.leaves > 1 ? await this.#reader.conflicts(document.id) : noConflicts
      let parsed: ParsedJson | undefined
      if (this.#test !== undefined) {
        parsed = parseStored(document, conflicts)
        if (!this.#test(parsed.value, parsed.exact)) continue
      }
      this.#lastBatch = batch
      this.#lastAt = at
      if (this.#toSkip > 0) {
        this.#toSkip--
        continue
      }
      const { project } = this.#request
      if (project === undefined) this.docs.push(storedText(document, conflicts))
      else {
        parsed ??= parseStored(document, conflicts)
        this.docs.push(stringifyJson(project(parsed.value, parsed.exact)))
      }
    }
  }

  #firstPage(): number {
    return Math.min(Math.max(this.#missing(), smallestPage), maxPage)
  }

  #missing(): number {
    return this.#limit - this.docs.length + this.#toSkip
  }

  #checkClock(): void {
    if (performance.now() > this.#deadline) {
      throw new Problem('timeout', 'context deadline exceeded: the query took too long, an index would help')
    }
  }
}
