/**
 * Replicated revisions wait here for those that are being written to the same database. Its row is locked in the meantime, so
 * a second transaction would only hold a connection; and what has gathered by then is written together, with one lock,
 * one commit and one read of the trees for all of it.
 */
import { databaseKey } from '../../src/model/database.ts'
import { Problem } from '../../src/model/errors.ts'
import type { DatabaseRef, Replicated } from '../documents/contract.ts'
import { inByteOrder } from './byte-order.ts'
import { isTaken, type Sql, translate } from './connection.ts'
import type { DatabaseCache, KnownDatabase } from './database-cache.ts'
import { insertDocuments } from './new-documents.ts'
import { replicateTrees } from './tree-edits.ts'

/** A transaction with more keeps other writers of the database waiting for longer than a commit costs. */
const maxRevisions = 1_000
const maxCharacters = 4_000_000

interface Request {
  readonly revisions: readonly Replicated[]
  readonly characters: number
  resolve(): void
  reject(error: unknown): void
}

export class ReplicationQueue {
  /** Requests that wait, by database; there is a list as long as one of that database is under way. */
  readonly #waiting = new Map<string, Request[]>()
  /** Databases that are being filled: everything in the last batch was new to them, so the next one may be, too. */
  readonly #filling = new WeakSet<KnownDatabase>()

  readonly #sql: Sql
  readonly #databases: DatabaseCache

  constructor(sql: Sql, databases: DatabaseCache) {
    this.#sql = sql
    this.#databases = databases
  }

  /** Resolves after the commit. Throws `no_database`. */
  write(ref: DatabaseRef, revisions: readonly Replicated[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const characters = revisions.reduce((sum, { body }) => sum + body.text.length, 0)
      const request = { revisions, characters, resolve, reject }
      const key = databaseKey(ref)
      const line = this.#waiting.get(key)
      if (line) line.push(request)
      else void this.#work(key, ref, [request])
    })
  }

  async #work(key: string, ref: DatabaseRef, line: Request[]): Promise<void> {
    this.#waiting.set(key, line)
    while (line.length > 0) await this.#send(ref, takeBatch(line))
    this.#waiting.delete(key)
  }

  /** A failure is that of one request where it can be: together they are tried once, then each by itself. */
  async #send(ref: DatabaseRef, batch: readonly Request[]): Promise<void> {
    try {
      const revisions = batch.flatMap((request) => request.revisions)
      await this.#store(ref, revisions)
      for (const request of batch) request.resolve()
    } catch (error) {
      // A store that does not answer, or has no such database, is no matter of a single request.
      if (batch.length === 1 || error instanceof Problem) for (const request of batch) request.reject(error)
      else for (const request of batch) await this.#send(ref, [request])
    }
  }

  /** Without reading the trees where no document is expected; it starts over when one exists. */
  async #store(ref: DatabaseRef, revisions: readonly Replicated[]): Promise<void> {
    const known = this.#databases.peek(ref)
    if (known && this.#filling.has(known) && isPlain(known, revisions)) {
      if (await this.#insertDocuments(known, revisions)) return
      this.#filling.delete(known)
    }
    const stored = await replicateTrees(this.#sql, this.#databases, ref, revisions)
    const current = this.#databases.peek(ref)
    if (stored === 'all_new' && current) this.#filling.add(current)
  }

  /** False when it was of no effect. */
  async #insertDocuments(known: KnownDatabase, revisions: readonly Replicated[]): Promise<boolean> {
    try {
      const ordered = inByteOrder(revisions, ({ id }) => id)
      const { count } = await insertDocuments(
        this.#sql,
        known,
        ordered.map((revision, at) => ({ place: at + 1, revision })),
      )
      return count > 0
    } catch (error) {
      if (isTaken(error)) return false
      throw translate(error)
    }
  }
}

/** Takes requests in their order, at least one. */
function takeBatch(line: Request[]): readonly Request[] {
  let size = 0
  let revisions = 0
  let characters = 0
  for (const request of line) {
    revisions += request.revisions.length
    characters += request.characters
    if (size > 0 && (revisions > maxRevisions || characters > maxCharacters)) break
    size += 1
  }
  return line.splice(0, size)
}

/** Documents that differ, that are not design documents and that no index is waiting for. */
function isPlain({ indexes }: KnownDatabase, revisions: readonly Replicated[]): boolean {
  if (indexes.length > 0 || revisions.some(({ id }) => id.startsWith('_design/'))) return false
  return new Set(revisions.map(({ id }) => id)).size === revisions.length
}
