/** All of a tenant's documents as they were at one moment, however long it takes to read them. */
import type { StoredDocument, TenantSnapshot } from '../documents/contract.ts'
import type { Sql, Transaction } from './connection.ts'

const page = 500

interface Row {
  readonly id: string
  readonly seq: string
  readonly gen: string
  readonly hash: string
  readonly leaves: number
  readonly text: string
}

/** Runs `work` over a snapshot. It holds a connection, and keeps old rows from being vacuumed, until `work` ends. */
export async function readTenant<T>(
  sql: Sql,
  prefix: string,
  work: (snapshot: TenantSnapshot) => Promise<T>,
): Promise<T> {
  return (await sql.begin('ISOLATION LEVEL REPEATABLE READ READ ONLY', async (tx) => {
    // Between two pages the caller writes somewhere else, which may take its time.
    await tx`SET LOCAL idle_in_transaction_session_timeout = 0`
    const databases = await tx<{ db: string; name: string }[]>`
      SELECT db, name FROM databases WHERE prefix = ${prefix} ORDER BY name`
    const numbers = new Map(databases.map(({ db, name }) => [name, db]))
    return work({
      names: [...numbers.keys()],
      documents: (name) => documentsOf(tx, numbers.get(name)),
    })
  })) as T
}

async function* documentsOf(tx: Transaction, db: string | undefined): AsyncGenerator<StoredDocument> {
  let after = ''
  while (db !== undefined) {
    const rows = await tx<Row[]>`
      SELECT id, seq, gen, hash, leaves, coalesce(raw, body::text) AS text FROM docs
      WHERE db = ${db} AND id > ${after} AND NOT deleted ORDER BY id LIMIT ${page}`
    for (const { id, seq, gen, hash, leaves, text } of rows) {
      if (id.startsWith('_design/')) continue
      yield { id, seq: BigInt(seq), gen: Number(gen), hash, leaves, deleted: false, text }
    }
    after = rows.at(-1)?.id ?? ''
    if (rows.length < page) return
  }
}
