/**
 * Documents of jobs and triggers inside a transaction. The rows of their databases are locked first, ascending, as every
 * writer of documents does.
 */

import { emptyBody } from '../../../src/model/body.ts'
import { databaseKey } from '../../../src/model/database.ts'
import { Problem } from '../../../src/model/errors.ts'
import type { Body, DatabaseRef, Edit, RevisionId } from '../../documents/contract.ts'
import type { Transaction } from '../connection.ts'
import type { DatabaseCache, KnownDatabase } from '../database-cache.ts'
import { writeTreesIn } from '../tree-edits.ts'
import { writeBatch } from '../write-batch.ts'

export interface LockedEdit {
  readonly ref: DatabaseRef
  readonly id: string
  readonly parent: RevisionId | undefined
  /** `undefined`: delete it. */
  readonly body: Body | undefined
}

/** Databases that a transaction holds. */
export class LockedDatabases {
  readonly #tx: Transaction
  readonly #databases: DatabaseCache
  readonly #known = new Map<string, KnownDatabase>()

  private constructor(tx: Transaction, databases: DatabaseCache) {
    this.#tx = tx
    this.#databases = databases
  }

  /** Locks databases, and makes those that are missing where `make` is set. */
  static async lock(
    tx: Transaction,
    databases: DatabaseCache,
    refs: readonly DatabaseRef[],
    { make }: { readonly make: boolean },
  ): Promise<LockedDatabases> {
    const wanted = [...new Map(refs.map((ref) => [databaseKey(ref), ref])).values()]
    const columns = [wanted.map(({ prefix }) => prefix), wanted.map(({ name }) => name)] as const
    const lock = () => tx<{ prefix: string; name: string; db: string; index_epoch: number }[]>`
      SELECT d.prefix, d.name, d.db, d.index_epoch FROM databases d
      WHERE (d.prefix, d.name) IN (SELECT * FROM unnest(${columns[0]}::text[], ${columns[1]}::text[]))
      ORDER BY d.db FOR NO KEY UPDATE`
    let found = await lock()
    if (make && found.length < wanted.length) {
      await tx`
        INSERT INTO databases (prefix, name) SELECT * FROM unnest(${columns[0]}::text[], ${columns[1]}::text[])
        ON CONFLICT (prefix, name) DO NOTHING`
      found = await lock()
    }
    const locked = new LockedDatabases(tx, databases)
    for (const { prefix, name, db, index_epoch } of found) {
      const remembered = databases.peek({ prefix, name })
      const isCurrent = remembered?.db === db && remembered.indexEpoch === index_epoch
      const known = isCurrent ? remembered : await databases.load({ prefix, name }, tx)
      if (known) locked.#known.set(databaseKey(known.ref), known)
    }
    return locked
  }

  has(ref: DatabaseRef): boolean {
    return this.#known.has(databaseKey(ref))
  }

  /** The number of a database that was locked. */
  db(ref: DatabaseRef): string | undefined {
    return this.#known.get(databaseKey(ref))?.db
  }

  /** Revisions of live documents, in the order asked; `undefined` where there is none. */
  async current(documents: readonly { readonly ref: DatabaseRef; readonly id: string }[]) {
    const rows = await this.#tx<{ o: string; gen: string; hash: string }[]>`
      SELECT t.o, x.gen, x.hash
      FROM unnest(${documents.map(({ ref }) => this.db(ref) ?? '0')}::text[]::bigint[],
        ${documents.map(({ id }) => id)}::text[]) WITH ORDINALITY AS t (db, id, o)
      CROSS JOIN LATERAL (SELECT gen, hash FROM docs WHERE db = t.db AND id = t.id AND NOT deleted OFFSET 0) x`
    const found = new Map(rows.map(({ o, gen, hash }) => [Number(o) - 1, { gen: Number(gen), hash }]))
    return documents.map((_, at): RevisionId | undefined => found.get(at))
  }

  /** All or none. @throws Problem `conflict` when a parent is not the winner. */
  async write(edits: readonly LockedEdit[]): Promise<readonly RevisionId[]> {
    if (edits.length === 0) return []
    const batch = edits.map((edit) => ({ edit: editOf(edit), database: this.#known.get(databaseKey(edit.ref)) }))
    const first = await writeBatch(this.#tx, batch, { atomic: false, repeated: false })
    const all = batch.map(({ edit }) => edit)
    const outcomes = await writeTreesIn(this.#tx, this.#databases, all, first)
    return outcomes.map((outcome, at) => {
      if (outcome.kind === 'ok') return outcome.rev
      throw new Problem('conflict', `Document update conflict: ${edits[at]?.id}`)
    })
  }
}

function editOf({ ref, id, parent, body }: LockedEdit): Edit {
  return { ref, id, parent, deleted: body === undefined, body: body ?? emptyBody, unknownParent: 'refuse' }
}
