/** One call of `hearth_write`: arrays of edits in, one outcome for each edit out. */
import type { Edit, EditOutcome } from '../documents/contract.ts'
import type { Sql, Transaction } from './connection.ts'
import type { KnownDatabase } from './database-cache.ts'
import { type EntryRow, entriesOf, keptIndexes } from './entries.ts'
import type { BatchOutcome, PlacedEdit } from './write-requests.ts'

export interface BatchOptions {
  /** All or nothing. */
  readonly atomic: boolean
  /** Sent before, answer lost: an edit that is already the winner counts as applied. */
  readonly repeated: boolean
}

/** The batch was atomic and at least one edit was refused: nothing was written. */
export class AtomicRefusal extends Error {
  override readonly name = 'AtomicRefusal'
  constructor(readonly outcomes: readonly BatchOutcome[]) {
    super('atomic batch refused')
  }
}

const acceptUnknownParent = 1
const mustBeLive = 2
const repetition = 4

type Row = [outcome: string, gen: string | null, hash: string | null, seq: string | null]

/** @throws AtomicRefusal, or the driver's error. */
export async function writeBatch(
  sql: Sql | Transaction,
  placed: readonly PlacedEdit[],
  { atomic, repeated }: BatchOptions,
): Promise<readonly BatchOutcome[]> {
  const outcomes: BatchOutcome[] = new Array(placed.length)
  const columns = newColumns()
  const sent: number[] = []
  for (const [at, item] of placed.entries()) {
    const unsendable = whyNotSent(item)
    if (unsendable) outcomes[at] = unsendable
    else if (item.database) {
      sent.push(at)
      addEdit(columns, item.edit, item.database, repeated)
    }
  }
  if (atomic && sent.length < placed.length) {
    throw new AtomicRefusal(Array.from(outcomes, (outcome) => outcome ?? { kind: 'conflict' }))
  }
  if (sent.length === 0) return outcomes
  const rows = await call(sql, columns, atomic)
  for (const [n, at] of sent.entries()) {
    const row = rows[n]
    outcomes[at] = row ? outcomeOf(row) : { kind: 'conflict' }
  }
  return outcomes
}

/** Design documents change the list of indexes, an index on `_rev` needs the hash before SQL makes it: both take the tree path. */
function whyNotSent({ edit, database }: PlacedEdit): BatchOutcome | undefined {
  if (!database) return { kind: 'no_database' }
  if (edit.id.startsWith('_design/')) return { kind: 'complex' }
  if (database.indexes.some((index) => index.definition.includes('"_rev"'))) return { kind: 'complex' }
  return undefined
}

interface Columns {
  readonly db: string[]
  readonly epoch: number[]
  readonly id: string[]
  readonly parentGen: (number | null)[]
  readonly parentHash: (string | null)[]
  readonly deleted: string[]
  readonly flags: number[]
  readonly digest: string[]
  readonly body: string[]
  readonly raw: string[]
  readonly kept: (string | null)[]
  readonly entries: EntryRow[]
  indexed: boolean
}

function newColumns(): Columns {
  return {
    db: [],
    epoch: [],
    id: [],
    parentGen: [],
    parentHash: [],
    deleted: [],
    flags: [],
    digest: [],
    body: [],
    raw: [],
    kept: [],
    entries: [],
    indexed: false,
  }
}

function addEdit(columns: Columns, edit: Edit, database: KnownDatabase, repeated: boolean): void {
  columns.db.push(database.db)
  columns.epoch.push(database.indexEpoch)
  columns.id.push(edit.id)
  columns.parentGen.push(edit.parent?.gen ?? null)
  columns.parentHash.push(edit.parent?.hash ?? null)
  columns.deleted.push(edit.deleted ? 't' : 'f')
  columns.flags.push(
    (edit.unknownParent === 'accept' ? acceptUnknownParent : 0) |
      (edit.mustExist ? mustBeLive : 0) |
      (repeated ? repetition : 0),
  )
  columns.digest.push(edit.body.digest)
  columns.body.push(edit.body.text)
  columns.raw.push(edit.body.raw ? 't' : 'f')
  if (database.indexes.length === 0) {
    columns.kept.push(null)
    return
  }
  const rows = edit.deleted ? [] : entriesOf(database.indexes, edit.id, '', edit.body)
  const number = columns.id.length
  for (const row of rows) columns.entries.push([number, ...row])
  columns.kept.push(keptIndexes(rows))
  columns.indexed = true
}

async function call(sql: Sql | Transaction, c: Columns, atomic: boolean): Promise<readonly Row[]> {
  // Text arrays cast twice: postgres.js cannot serialise boolean[].
  try {
    return (await sql`
      SELECT * FROM hearth_write(
        ${c.db}::text[]::bigint[], ${c.epoch}::text[]::int[], ${c.id}::text[], ${c.parentGen}::text[]::bigint[],
        ${c.parentHash}::text[], ${c.deleted}::text[]::boolean[], ${c.flags}::text[]::int[], ${c.digest}::text[],
        ${c.body}::text[], ${c.raw}::text[]::boolean[], ${c.indexed ? c.kept : null}::text[],
        ${c.indexed ? JSON.stringify(c.entries) : null}::text::jsonb, ${atomic})`.values()) as unknown as Row[]
  } catch (error) {
    const refused = refusedOutcomes(error)
    if (refused) throw new AtomicRefusal(refused)
    throw error
  }
}

function refusedOutcomes(error: unknown): readonly BatchOutcome[] | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error) || error.code !== 'HE001') return undefined
  const kinds: string[] = 'detail' in error ? JSON.parse(String(error.detail)) : []
  return kinds.map((kind) => outcomeOf([kind === 'ok' ? 'conflict' : kind, null, null, null]))
}

function outcomeOf([kind, gen, hash, seq]: Row): BatchOutcome {
  switch (kind) {
    case 'ok':
      return { kind, rev: { gen: Number(gen), hash: hash ?? '' }, seq: BigInt(seq ?? 0) }
    case 'missing':
    case 'deleted':
    case 'conflict':
    case 'no_database':
    case 'stale':
    case 'complex':
      return { kind } satisfies BatchOutcome | EditOutcome
    default:
      throw new Error(`hearth_write answered ${kind}`)
  }
}
