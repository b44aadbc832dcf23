/** Requests to write: which of them travel together, and what is tried again of a batch that failed. */
import { databaseKey } from '../../src/model/database.ts'
import { Problem } from '../../src/model/errors.ts'
import type { Edit, EditOutcome } from '../documents/contract.ts'
import { isConnectionLost, translate } from './connection.ts'
import type { KnownDatabase } from './database-cache.ts'

const maxEdits = 256
const maxDatabases = 64
const maxBytes = 4_000_000
/** Larger bodies are compressed by PostgreSQL while the database row is locked: not in a batch with strangers. */
const largeBody = 32_000

/** An edit with what this process knows of its database; `undefined`: no such database when it was placed. */
export interface PlacedEdit {
  readonly edit: Edit
  readonly database: KnownDatabase | undefined
}

export type BatchOutcome = EditOutcome | { readonly kind: 'stale' } | { readonly kind: 'complex' }
export type BatchOutcomes = readonly BatchOutcome[]

/** Edits that are written together or, when `atomic`, not at all. */
export interface WriteRequest {
  readonly edits: readonly PlacedEdit[]
  readonly atomic: boolean
  readonly bytes: number
  readonly large: boolean
  resolve(outcomes: BatchOutcomes): void
  reject(error: unknown): void
}

/** A request with what batches are made by. */
export function writeRequest(
  edits: readonly PlacedEdit[],
  atomic: boolean,
  callbacks: Pick<WriteRequest, 'resolve' | 'reject'>,
): WriteRequest {
  let bytes = 0
  let large = false
  for (const { edit } of edits) {
    bytes += edit.body.text.length
    large ||= edit.body.text.length > largeBody
  }
  return { edits, atomic, bytes, large, ...callbacks }
}

/**
 * The next batch. A database that is being written to waits: its row is locked, so a second batch would only hold a
 * connection meanwhile, and by then more edits can travel with it.
 */
export function nextBatch(
  waiting: readonly WriteRequest[],
  busy: ReadonlySet<string>,
): { readonly batch: readonly WriteRequest[]; readonly rest: WriteRequest[] } {
  const batch: WriteRequest[] = []
  const rest: WriteRequest[] = []
  const databases = new Set<string>()
  const documents = new Set<string>()
  let edits = 0
  let bytes = 0
  for (const request of waiting) {
    const alone = request.atomic || request.large
    const isFree = request.edits.every(({ database }) => !busy.has(database?.db ?? ''))
    const fits =
      isFree &&
      (batch.length === 0 ||
        (!alone &&
          edits + request.edits.length <= maxEdits &&
          bytes + request.bytes <= maxBytes &&
          databases.size + 1 <= maxDatabases &&
          request.edits.every((placed) => !documents.has(placedKey(placed)))))
    if (!fits) {
      rest.push(request)
      continue
    }
    batch.push(request)
    edits += request.edits.length
    bytes += request.bytes
    for (const placed of request.edits) {
      databases.add(placed.database?.db ?? '')
      documents.add(placedKey(placed))
    }
    if (alone) {
      rest.push(...waiting.slice(waiting.indexOf(request) + 1))
      break
    }
  }
  return { batch, rest }
}

/**
 * What is to be sent again of a batch that failed, so that only the culprit's request fails: first each
 * database apart, since one may wait for a lock that is no matter of the others, then each request. The requests for which
 * nothing is left to try are rejected.
 */
export function partsAfter(error: unknown, batch: readonly WriteRequest[]): readonly (readonly WriteRequest[])[] {
  const byDatabase = new Map<string, WriteRequest[]>()
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

function placedKey({ edit, database }: PlacedEdit): string {
  return `${database?.db ?? databaseKey(edit.ref)}\n${edit.id}`
}

/** The document of an edit, among all of this store. */
export function documentKey({ ref, id }: Edit): string {
  return `${databaseKey(ref)}\n${id}`
}

/** Whether a document is named twice. */
export function hasRepeatedIds(edits: readonly Edit[]): boolean {
  const seen = new Set<string>()
  for (const edit of edits) {
    const key = documentKey(edit)
    if (seen.has(key)) return true
    seen.add(key)
  }
  return false
}
