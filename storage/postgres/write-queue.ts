/**
 * Group commit: edits that arrive while a batch is under way become the next batch, one round trip and one fsync for all
 * of them. A request's edits stay together; a batch holds at most one edit of a document.
 */
import { databaseKey } from '../../src/model/database.ts'
import { Problem } from '../../src/model/errors.ts'
import type { DatabaseRef, Edit, EditOutcome } from '../documents/contract.ts'
import { isConnectionLost, type Sql, translate } from './connection.ts'
import type { DatabaseCache } from './database-cache.ts'
import { retrying } from './retry.ts'
import { writeTrees } from './tree-edits.ts'
import { AtomicRefusal, type PlacedEdit, writeBatch } from './write-batch.ts'

const maxInFlight = 2
const maxEdits = 256
const maxDatabases = 64
const maxBytes = 4_000_000
/** Larger bodies are compressed by PostgreSQL while the database row is locked: not in a batch with strangers. */
const largeBody = 32_000

/** How often a request is repeated because another process changed the indexes or made the database anew. */
const maxRepeats = 2

interface Request {
  readonly edits: readonly PlacedEdit[]
  readonly atomic: boolean
  readonly bytes: number
  readonly large: boolean
  resolve(outcomes: BatchOutcomes): void
  reject(error: unknown): void
}

export class WriteQueue {
  private waiting: Request[] = []
  /** Numbers of the databases that batches under way write to. */
  private readonly busy = new Set<string>()
  private inFlight = 0
  private scheduled = false
  /** Requests in the last batch: tells whether writes come alone or in company. */
  private lastSize = 0

  constructor(
    private readonly sql: Sql,
    private readonly databases: DatabaseCache,
    /** Told of every database that may have changed, after the commit. */
    private readonly changed: (ref: DatabaseRef) => void,
  ) {}

  /** One outcome for each edit, after commit. */
  async write(edits: readonly Edit[], atomic: boolean): Promise<readonly EditOutcome[]> {
    if (edits.length === 0) return []
    try {
      return await this.writeAll(edits, atomic)
    } finally {
      this.tell(edits)
    }
  }

  private tell(edits: readonly Edit[]): void {
    let last: DatabaseRef | undefined
    for (const { ref } of edits) {
      if (ref !== last) this.changed(ref)
      last = ref
    }
  }

  private async writeAll(edits: readonly Edit[], atomic: boolean): Promise<readonly EditOutcome[]> {
    if (edits.length === 1 || !hasRepeatedIds(edits)) return this.place(edits, atomic)
    if (atomic) throw new Error('an atomic write names each document once')
    return this.inWaves(edits)
  }

  /** A document named twice in one request: its second edit sees the outcome of the first. */
  private async inWaves(edits: readonly Edit[]): Promise<readonly EditOutcome[]> {
    const outcomes: EditOutcome[] = []
    let rest = edits.map((edit, at) => ({ edit, at }))
    while (rest.length > 0) {
      const seen = new Set<string>()
      const wave = rest.filter(({ edit }) => !seen.has(edit.id) && seen.add(edit.id))
      const done = new Set(wave)
      const answers = await this.place(
        wave.map(({ edit }) => edit),
        false,
      )
      for (const [n, { at }] of wave.entries()) outcomes[at] = answers[n] ?? { kind: 'conflict' }
      rest = rest.filter((item) => !done.has(item))
    }
    return outcomes
  }

  private async place(edits: readonly Edit[], atomic: boolean): Promise<readonly EditOutcome[]> {
    let placed = this.placeKnown(edits)
    if (!placed) {
      for (const edit of edits) if (!this.databases.peek(edit.ref)) await this.databases.load(edit.ref)
      placed = edits.map((edit) => ({ edit, database: this.databases.peek(edit.ref) }))
    }
    const outcomes = await this.submit(placed, atomic)
    return this.settle(edits, outcomes, atomic)
  }

  private placeKnown(edits: readonly Edit[]): PlacedEdit[] | undefined {
    const placed: PlacedEdit[] = []
    for (const edit of edits) {
      const database = this.databases.peek(edit.ref)
      if (!database) return undefined
      placed.push({ edit, database })
    }
    return placed
  }

  private submit(edits: readonly PlacedEdit[], atomic: boolean): Promise<BatchOutcomes> {
    return new Promise((resolve, reject) => {
      let bytes = 0
      let large = false
      for (const { edit } of edits) {
        bytes += edit.body.text.length
        large ||= edit.body.text.length > largeBody
      }
      this.waiting.push({ edits, atomic, bytes, large, resolve, reject })
      this.schedule()
    })
  }

  /** Alone: sent at once. In company: waits for what else this turn of the loop brings. */
  private schedule(): void {
    if (this.scheduled || this.inFlight >= maxInFlight) return
    this.scheduled = true
    if (this.inFlight === 0 && this.lastSize <= 1) queueMicrotask(this.flush)
    else setImmediate(this.flush)
  }

  private readonly flush = (): void => {
    this.scheduled = false
    while (this.inFlight < maxInFlight) {
      const batch = this.takeBatch()
      if (batch.length === 0) return
      this.lastSize = batch.length
      void this.run(batch)
    }
  }

  /**
   * The next batch. A database that is being written to waits: its row is locked, so a second batch would only hold a
   * connection meanwhile, and by then more edits can travel with it.
   */
  private takeBatch(): Request[] {
    const batch: Request[] = []
    const rest: Request[] = []
    const databases = new Set<string>()
    const documents = new Set<string>()
    let edits = 0
    let bytes = 0
    for (const request of this.waiting) {
      const alone = request.atomic || request.large
      const isFree = request.edits.every(({ database }) => !this.busy.has(database?.db ?? ''))
      const fits =
        isFree &&
        (batch.length === 0 ||
          (!alone &&
            edits + request.edits.length <= maxEdits &&
            bytes + request.bytes <= maxBytes &&
            databases.size + 1 <= maxDatabases &&
            request.edits.every((placed) => !documents.has(documentKey(placed)))))
      if (!fits) {
        rest.push(request)
        continue
      }
      batch.push(request)
      edits += request.edits.length
      bytes += request.bytes
      for (const placed of request.edits) {
        databases.add(placed.database?.db ?? '')
        documents.add(documentKey(placed))
      }
      if (alone) {
        rest.push(...this.waiting.slice(this.waiting.indexOf(request) + 1))
        break
      }
    }
    this.waiting = rest
    return batch
  }

  private async run(batch: readonly Request[]): Promise<void> {
    const databases = batch.flatMap((request) => request.edits.flatMap(({ database }) => database?.db ?? []))
    for (const db of databases) this.busy.add(db)
    this.inFlight += 1
    try {
      await this.runTogether(batch)
    } finally {
      this.inFlight -= 1
      for (const db of databases) this.busy.delete(db)
      if (this.waiting.length > 0) this.schedule()
    }
  }

  private async runTogether(batch: readonly Request[]): Promise<void> {
    try {
      const edits = batch.length === 1 && batch[0] ? batch[0].edits : batch.flatMap((request) => request.edits)
      const outcomes = await this.send(edits, batch[0]?.atomic ?? false)
      let at = 0
      for (const request of batch) {
        request.resolve(outcomes.slice(at, at + request.edits.length))
        at += request.edits.length
      }
    } catch (error) {
      for (const part of partsAfter(error, batch)) await this.runTogether(part)
    }
  }

  /** Sends a batch; after a lost connection it is sent again in a form that recognises what was already applied. */
  private async send(edits: readonly PlacedEdit[], atomic: boolean): Promise<BatchOutcomes> {
    try {
      return await retrying((attempt) => writeBatch(this.sql, edits, { atomic, repeated: attempt > 0 }))
    } catch (error) {
      if (error instanceof AtomicRefusal) return error.outcomes
      throw error
    }
  }

  /** Repeats what a stale view of the database stopped, and writes the edits that need the whole revision tree. */
  private async settle(edits: readonly Edit[], first: BatchOutcomes, atomic: boolean): Promise<readonly EditOutcome[]> {
    let outcomes = first
    for (let attempt = 0; attempt < maxRepeats && outcomes.some(isStale); attempt += 1) {
      const stale = edits.filter((_, at) => isStale(outcomes[at]))
      for (const edit of new Map(stale.map((item) => [item.ref, item])).values()) await this.databases.load(edit.ref)
      const again = atomic ? edits : stale
      const placed = again.map((edit) => ({ edit, database: this.databases.peek(edit.ref) }))
      if (placed.every(({ database }) => database === undefined)) break
      const answers = await this.submit(placed, atomic)
      if (atomic) {
        outcomes = answers
        continue
      }
      let next = 0
      outcomes = outcomes.map((outcome) => (isStale(outcome) ? (answers[next++] ?? outcome) : outcome))
    }
    // Where indexes keep changing: a transaction that holds the database reads the list and writes under one lock.
    if (!atomic) outcomes = outcomes.map((outcome) => (outcome.kind === 'stale' ? { kind: 'complex' } : outcome))
    if (outcomes.some((outcome) => outcome.kind === 'complex')) {
      if (atomic) throw new Error('an atomic write meets no conflicts and no design documents')
      outcomes = await writeTrees(this.sql, this.databases, edits, outcomes)
    }
    return outcomes.map((outcome): EditOutcome => {
      if (outcome.kind === 'stale') {
        throw new Problem('store_unavailable', 'The indexes of this database keep changing; try again.')
      }
      if (outcome.kind === 'complex') return { kind: 'conflict' }
      return outcome
    })
  }
}

export type BatchOutcome = EditOutcome | { readonly kind: 'stale' } | { readonly kind: 'complex' }
type BatchOutcomes = readonly BatchOutcome[]

/**
 * What is to be sent again of a batch that failed, so that only the culprit's request fails: first each
 * database apart, since one may wait for a lock that is no matter of the others, then each request. The requests for which
 * nothing is left to try are rejected.
 */
function partsAfter(error: unknown, batch: readonly Request[]): readonly (readonly Request[])[] {
  const byDatabase = new Map<string, Request[]>()
  for (const request of batch) {
    const databases = [...new Set(request.edits.map(({ database }) => database?.db ?? ''))].sort().join()
    const known = byDatabase.get(databases)
    if (known) known.push(request)
    else byDatabase.set(databases, [request])
  }
  if (byDatabase.size > 1 && !isConnectionLost(error)) return [...byDatabase.values()]
  const reason = translate(error)
  if (batch.length > 1 && !(reason instanceof Problem)) return batch.map((request) => [request])
  for (const request of batch) request.reject(reason)
  return []
}

function isStale(outcome: BatchOutcome | undefined): boolean {
  return outcome?.kind === 'stale' || outcome?.kind === 'no_database'
}

function documentKey({ edit, database }: PlacedEdit): string {
  return `${database?.db ?? databaseKey(edit.ref)}\n${edit.id}`
}

function hasRepeatedIds(edits: readonly Edit[]): boolean {
  const seen = new Set<string>()
  for (const edit of edits) {
    const key = `${databaseKey(edit.ref)}\n${edit.id}`
    if (seen.has(key)) return true
    seen.add(key)
  }
  return false
}
