/** Columns of the tables as the contract names them. Numbers of versions and sizes stay below 2^53. */
import type {
  FileRow,
  FileState,
  FileView,
  IntentRow,
  JournalEvent,
  ReplicaRow,
  StoredEntry,
  TrashedContent,
  VersionRow,
  Work,
} from '../../sync/contract.ts'
import type { Sql, Transaction } from '../connection.ts'

type Queryable = Sql | Transaction
type Row = Readonly<Record<string, unknown>>

const number = (value: unknown): number => Number(value)
const maybeNumber = (value: unknown): number | null => (value === null ? null : Number(value))
const maybeText = (value: unknown): string | null => (value === null ? null : String(value))

/** The columns of a file as `f`. */
export const fileColumns = (sql: Queryable) => sql`
  f.fid, f.filename, f.fold_key, f.head, f.live, f.size, f.hash, f.mtime_ms, f.executable, f.conflict_of, f.moved_to`

/** Those of a replica as `r`, apart from the ones that a file has too. */
export const replicaColumns = (sql: Queryable) => sql`
  r.fid, r.entry, r.native, r.owner, r.origin, r.base, r.hash AS held_hash, r.fingerprint, r.key, r.blocked, r.attempts, r.unwanted,
  extract(epoch FROM r.retry_at)::float8 * 1000 AS retry_ms`

export const versionColumns = (sql: Queryable) => sql`
  v.id, v.fid, v.parent, v.hash, v.size, v.chunks, v.mtime_ms, v.executable, v.entry`

export function fileOf(row: Row): FileRow {
  return {
    fid: String(row['fid']),
    filename: String(row['filename']),
    foldKey: String(row['fold_key']),
    head: number(row['head']),
    live: row['live'] === true,
    size: number(row['size']),
    hash: maybeText(row['hash']),
    mtimeMs: number(row['mtime_ms']),
    executable: row['executable'] === true,
    conflictOf: maybeText(row['conflict_of']),
    movedTo: maybeText(row['moved_to']),
  }
}

export function replicaOf(row: Row): ReplicaRow {
  return {
    fid: String(row['fid']),
    entry: String(row['entry']),
    native: String(row['native']),
    owner: row['owner'] === true,
    origin: row['origin'] === true,
    base: maybeNumber(row['base']),
    hash: maybeText(row['held_hash']),
    fingerprint: maybeText(row['fingerprint']),
    key: maybeText(row['key']),
    blocked: maybeText(row['blocked']),
    attempts: number(row['attempts']),
    retryAtMs: maybeNumber(row['retry_ms']),
    unwanted: row['unwanted'] === true,
  }
}

export function workOf(row: Row): Work {
  return { file: fileOf(row), replica: replicaOf(row) }
}

export function versionOf(row: Row): VersionRow {
  return {
    id: number(row['id']),
    fid: String(row['fid']),
    parent: maybeNumber(row['parent']),
    hash: maybeText(row['hash']),
    size: number(row['size']),
    chunks: String(row['chunks']),
    mtimeMs: number(row['mtime_ms']),
    executable: row['executable'] === true,
    entry: String(row['entry']),
  }
}

export function viewOf(row: Row): FileView {
  return {
    fid: String(row['fid']),
    filename: String(row['filename']),
    size: number(row['size']),
    owners: row['owners'] as string[],
    uptodate: row['uptodate'] as string[],
  }
}

export function eventOf(row: Row): JournalEvent {
  return {
    seq: number(row['seq']),
    atMs: number(row['at_ms']),
    entry: String(row['entry']),
    fid: maybeText(row['fid']),
    filename: String(row['filename']),
    op: String(row['op']),
    before: maybeNumber(row['before']),
    after: maybeNumber(row['after']),
    detail: String(row['detail']),
  }
}

export function trashOf(row: Row): TrashedContent {
  return {
    key: String(row['key']),
    entry: String(row['entry']),
    name: String(row['name']),
    fid: String(row['fid']),
    version: maybeNumber(row['version']),
    size: number(row['size']),
    reason: String(row['reason']),
    atMs: number(row['at_ms']),
  }
}

export function intentOf(row: Row): IntentRow {
  return {
    op: String(row['op']),
    entry: String(row['entry']),
    fid: String(row['fid']),
    version: number(row['version']),
    kind: row['kind'] as IntentRow['kind'],
    native: String(row['native']),
    before: maybeText(row['before']),
    size: number(row['size']),
  }
}

export function entryOf(row: Row): StoredEntry {
  return row as unknown as StoredEntry
}

/** Files with their replicas, from rows of both joined. */
export function statesOf(rows: readonly Row[]): FileState[] {
  const states = new Map<string, FileState>()
  for (const row of rows) {
    const file = fileOf(row)
    const state = states.get(file.fid) ?? { file, replicas: [] }
    states.set(file.fid, state)
    if (row['entry'] !== null) state.replicas.push(replicaOf(row))
  }
  return [...states.values()]
}

/** The order of the work on a replica. */
export function weightOf(file: FileRow): number {
  return file.live ? file.size : -1
}
