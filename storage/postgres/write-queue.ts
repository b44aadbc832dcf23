/**
 * Group commit: edits that arrive while a batch is under way become the next batch, one round trip and one fsync for all
 * of them. A request's edits stay together; a batch holds at most one edit of a document.
 */
import { Problem } from '../../src/model/errors.ts'
import { Recent } from '../../src/model/recent.ts'
import type { DatabaseRef, Edit, EditOutcome } from '../documents/contract.ts'
import { BatchScheduler } from './batch-scheduler.ts'
import type { Sql } from './connection.ts'
import type { DatabaseCache } from './database-cache.ts'
import { retrying } from './retry.ts'
import { writeTrees } from './tree-edits.ts'
import { AtomicRefusal, writeBatch } from './write-batch.ts'
import {
  type BatchOutcome,
  type BatchOutcomes,
  documentKey,
  hasRepeatedIds,
  nextBatch,
  type PlacedEdit,
  partsAfter,
  type WriteRequest,
  writeRequest,
} from './write-requests.ts'

/** How often a request is repeated because another process changed the indexes or made the database again. */
const maxRepeats = 2
const maxForked = 1_000

export class WriteQueue {
  #waiting: WriteRequest[] = []
  /** Numbers of the databases that batches under way write to. */
  readonly #busy = new Set<string>()
  readonly #batches = new BatchScheduler<WriteRequest>(
    () => {
      const { batch, rest } = nextBatch(this.#waiting, this.#busy)
      this.#waiting = rest
      return batch
    },
    (batch) => this.#run(batch),
  )

  /** Documents that needed their tree not long ago, and will need it again: leaves do not become fewer. */
  readonly #forked = new Recent<true>(maxForked)

  readonly #sql: Sql
  readonly #databases: DatabaseCache
  /** Told of every database that may have changed, after the commit. */
  readonly #changed: (ref: DatabaseRef) => void

  constructor(sql: Sql, databases: DatabaseCache, changed: (ref: DatabaseRef) => void) {
    this.#changed = changed
    this.#sql = sql
    this.#databases = databases
  }

  /** One outcome for each edit, after commit. */
  async write(edits: readonly Edit[], atomic: boolean): Promise<readonly EditOutcome[]> {
    if (edits.length === 0) return []
    try {
      return await this.#writeAll(edits, atomic)
    } finally {
      this.#tell(edits)
    }
  }

  #tell(edits: readonly Edit[]): void {
    let last: DatabaseRef | undefined
    for (const { ref } of edits) {
      if (ref !== last) this.#changed(ref)
      last = ref
    }
  }

  async #writeAll(edits: readonly Edit[], atomic: boolean): Promise<readonly EditOutcome[]> {
    const [only] = edits
    if (edits.length === 1 && only && !atomic && this.#forked.get(documentKey(only))) return this.#writeTrees(edits)
    if (edits.length === 1 || !hasRepeatedIds(edits)) return this.#place(edits, atomic)
    if (atomic) throw new Error('an atomic write names each document once')
    return this.#inTurns(edits)
  }

  /**
   * Documents named more than once in one request: a later edit sees the outcome of those before it. All later ones are
   * written together, since there may be thousands: one for each conflict of a document.
   */
  async #inTurns(edits: readonly Edit[]): Promise<readonly EditOutcome[]> {
    const outcomes: EditOutcome[] = []
    const seen = new Set<string>()
    const [first, later]: [number[], number[]] = [[], []]
    for (const [at, edit] of edits.entries()) {
      const key = documentKey(edit)
      ;(seen.has(key) ? later : first).push(at)
      seen.add(key)
    }
    const edit = (at: number) => edits[at] as Edit
    const answers = await this.#place(first.map(edit), false)
    for (const [n, at] of first.entries()) outcomes[at] = answers[n] ?? { kind: 'conflict' }
    const repeated = await this.#writeTrees(later.map(edit))
    for (const [n, at] of later.entries()) outcomes[at] = repeated[n] ?? { kind: 'conflict' }
    return outcomes
  }

  /** For edits of which it is known that they need the tree. */
  async #writeTrees(edits: readonly Edit[]): Promise<readonly EditOutcome[]> {
    const complex = edits.map(() => ({ kind: 'complex' }) as const)
    return final(await writeTrees(this.#sql, this.#databases, edits, complex))
  }

  async #place(edits: readonly Edit[], atomic: boolean): Promise<readonly EditOutcome[]> {
    let placed = this.#placeKnown(edits)
    if (!placed) {
      for (const edit of edits) if (!this.#databases.peek(edit.ref)) await this.#databases.load(edit.ref)
      placed = edits.map((edit) => ({ edit, database: this.#databases.peek(edit.ref) }))
    }
    const outcomes = await this.#submit(placed, atomic)
    return this.#repeatStale(edits, outcomes, atomic)
  }

  #placeKnown(edits: readonly Edit[]): PlacedEdit[] | undefined {
    const placed: PlacedEdit[] = []
    for (const edit of edits) {
      const database = this.#databases.peek(edit.ref)
      if (!database) return undefined
      placed.push({ edit, database })
    }
    return placed
  }

  #submit(edits: readonly PlacedEdit[], atomic: boolean): Promise<BatchOutcomes> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(writeRequest(edits, atomic, { resolve, reject }))
      this.#batches.schedule()
    })
  }

  async #run(batch: readonly WriteRequest[]): Promise<void> {
    const databases = batch.flatMap((request) => request.edits.flatMap(({ database }) => database?.db ?? []))
    for (const db of databases) this.#busy.add(db)
    try {
      await this.#runTogether(batch)
    } finally {
      for (const db of databases) this.#busy.delete(db)
    }
  }

  async #runTogether(batch: readonly WriteRequest[]): Promise<void> {
    try {
      const edits = batch.length === 1 && batch[0] ? batch[0].edits : batch.flatMap((request) => request.edits)
      const outcomes = await this.#send(edits, batch[0]?.atomic ?? false)
      let at = 0
      for (const request of batch) {
        request.resolve(outcomes.slice(at, at + request.edits.length))
        at += request.edits.length
      }
    } catch (error) {
      for (const part of partsAfter(error, batch)) await this.#runTogether(part)
    }
  }

  /** Sends a batch; after a lost connection it is sent again in a form that recognises what was already applied. */
  async #send(edits: readonly PlacedEdit[], atomic: boolean): Promise<BatchOutcomes> {
    try {
      return await retrying((attempt) => writeBatch(this.#sql, edits, { atomic, repeated: attempt > 0 }))
    } catch (error) {
      if (error instanceof AtomicRefusal) return error.outcomes
      throw error
    }
  }

  /** Repeats what a stale view of the database stopped, and writes the edits that need the whole revision tree. */
  async #repeatStale(edits: readonly Edit[], first: BatchOutcomes, atomic: boolean): Promise<readonly EditOutcome[]> {
    let outcomes = first
    for (let attempt = 0; attempt < maxRepeats && outcomes.some(isStale); attempt += 1) {
      const stale = edits.filter((_, at) => isStale(outcomes[at]))
      for (const edit of new Map(stale.map((item) => [item.ref, item])).values()) await this.#databases.load(edit.ref)
      const again = atomic ? edits : stale
      const placed = again.map((edit) => ({ edit, database: this.#databases.peek(edit.ref) }))
      if (placed.every(({ database }) => database === undefined)) break
      const answers = await this.#submit(placed, atomic)
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
      for (const [at, edit] of edits.entries()) {
        if (outcomes[at]?.kind === 'complex') this.#forked.set(documentKey(edit), true)
      }
      outcomes = await writeTrees(this.#sql, this.#databases, edits, outcomes)
    }
    return final(outcomes)
  }
}

function final(outcomes: BatchOutcomes): readonly EditOutcome[] {
  return outcomes.map((outcome): EditOutcome => {
    if (outcome.kind === 'stale') {
      throw new Problem('store_unavailable', 'The indexes of this database keep changing; try again.')
    }
    return outcome.kind === 'complex' ? { kind: 'conflict' } : outcome
  })
}

function isStale(outcome: BatchOutcome | undefined): boolean {
  return outcome?.kind === 'stale' || outcome?.kind === 'no_database'
}
