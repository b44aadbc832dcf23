/**
 * Reads of single documents coalesce: those that wait while others are under way become one statement. A lone read is a
 * plain prepared select, which is what one connection alone is fastest with.
 */
import type { StoredDocument } from '../documents/contract.ts'
import { BatchScheduler } from './batch-scheduler.ts'
import { type Sql, translate } from './connection.ts'
import { retrying } from './retry.ts'

const maxBatch = 128

/** Columns of one document: gen, hash, deleted, leaves, seq, text; all null when it does not exist. */
export type ReadRow = [gen: string | null, hash: string, deleted: boolean, leaves: number, seq: string, text: string]

interface Waiting {
  readonly db: string
  readonly id: string
  resolve(row: ReadRow | undefined): void
  reject(error: unknown): void
}

export class ReadQueue {
  #waiting: Waiting[] = []
  readonly #batches = new BatchScheduler<Waiting>(
    () => this.#waiting.splice(0, maxBatch),
    (batch) => this.#run(batch),
  )

  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  /** `undefined` when the database number no longer exists. */
  read(db: string, id: string): Promise<ReadRow | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ db, id, resolve, reject })
      this.#batches.schedule()
    })
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    try {
      const rows = await this.#send(batch)
      for (const [at, one] of batch.entries()) one.resolve(rows[at])
    } catch (error) {
      for (const one of batch) one.reject(translate(error))
    }
  }

  #send(batch: readonly Waiting[]): Promise<readonly (ReadRow | undefined)[]> {
    const [first] = batch
    return retrying(async () => (batch.length === 1 && first ? [await this.#one(first)] : this.#many(batch)))
  }

  async #one({ db, id }: Waiting): Promise<ReadRow | undefined> {
    const rows = await this.#sql`
      SELECT x.gen, x.hash, x.deleted, x.leaves, x.seq, coalesce(x.raw, x.body::text)
      FROM databases d LEFT JOIN docs x ON x.db = d.db AND x.id = ${id} WHERE d.db = ${db}`.values()
    return rows[0] as ReadRow | undefined
  }

  async #many(batch: readonly Waiting[]): Promise<readonly (ReadRow | undefined)[]> {
    const rows = await this.#sql`
      SELECT t.o, x.gen, x.hash, x.deleted, x.leaves, x.seq, coalesce(x.raw, x.body::text)
      FROM unnest(${batch.map((one) => one.db)}::text[]::bigint[], ${batch.map((one) => one.id)}::text[])
        WITH ORDINALITY AS t (db, id, o)
      JOIN databases d ON d.db = t.db
      LEFT JOIN LATERAL (SELECT * FROM docs WHERE db = t.db AND id = t.id OFFSET 0) x ON true`.values()
    const found: (ReadRow | undefined)[] = new Array(batch.length)
    for (const [o, ...row] of rows as unknown as [string, ...ReadRow][]) found[Number(o) - 1] = row
    return found
  }
}

/** The document in a row; `undefined` when there is none. */
export function documentOf(id: string, row: ReadRow): StoredDocument | undefined {
  if (row[0] === null) return undefined
  return {
    id,
    gen: Number(row[0]),
    hash: row[1],
    deleted: row[2],
    leaves: row[3],
    seq: BigInt(row[4]),
    text: row[5],
  }
}
