/** Reads of what the engine knows, for the API and for the engine itself. */
import { type SyncStore, smallFileBytes } from '../../sync/contract.ts'
import { guarded, type Sql } from '../connection.ts'
import {
  entryOf,
  eventOf,
  fileColumns,
  intentOf,
  replicaColumns,
  replicaOf,
  statesOf,
  trashOf,
  versionColumns,
  versionOf,
  viewOf,
  workOf,
} from './rows.ts'

type Reads = Omit<
  SyncStore,
  | 'tryLead'
  | 'hasLeader'
  | 'isUnseeded'
  | 'setSeeded'
  | 'send'
  | 'takeCommands'
  | 'watchCommands'
  | 'answer'
  | 'change'
  | 'close'
>

export function newSyncReads(sql: Sql): Reads {
  const view = () => sql`
    f.fid, f.filename, f.size,
    ARRAY(SELECT r.entry FROM sync_replicas r WHERE r.fid = f.fid AND r.owner ORDER BY r.entry) AS owners,
    ARRAY(SELECT r.entry FROM sync_replicas r WHERE r.fid = f.fid AND r.owner AND r.base = f.head ORDER BY r.entry) AS uptodate`
  const workFrom = () => sql`
    SELECT ${fileColumns(sql)}, ${replicaColumns(sql)}, f.fid AS fid
    FROM sync_replicas r JOIN sync_files f ON f.fid = r.fid`
  // No pause is as long as a day: the clock was set back since. Only what was cancelled waits for ever.
  const isBeyond = () => sql`(r.retry_at > now() + interval '1 day' AND r.blocked IS DISTINCT FROM 'cancelled')`
  const trashColumns = () => sql`*, extract(epoch FROM at)::float8 * 1000 AS at_ms`

  return {
    listFiles: ({ offset, limit }) =>
      guarded(async () => {
        const rows = await sql`
          SELECT ${view()} FROM sync_files f WHERE f.live ORDER BY f.fid OFFSET ${offset} LIMIT ${limit}`
        const [count] = await sql`SELECT count(*) AS total FROM sync_files WHERE live`
        return { files: rows.map(viewOf), total: Number(count?.['total'] ?? 0) }
      }),
    file: (fid) =>
      guarded(async () => {
        const [row] = await sql`SELECT ${view()} FROM sync_files f WHERE f.fid = ${fid}::uuid AND f.live`
        return row && viewOf(row)
      }),
    detail: (fid) =>
      guarded(async () => {
        const [state] = statesOf(
          await sql`
            SELECT ${fileColumns(sql)}, ${replicaColumns(sql)}, f.fid AS fid FROM sync_files f
            LEFT JOIN sync_replicas r ON r.fid = f.fid WHERE f.fid = ${fid}::uuid`,
        )
        if (state === undefined) return undefined
        const [row] = await sql`SELECT ${versionColumns(sql)} FROM sync_versions v WHERE v.id = ${state.file.head}`
        return row && { state, version: versionOf(row) }
      }),
    entries: () => guarded(async () => (await sql`SELECT * FROM sync_entries ORDER BY name`).map(entryOf)),
    entry: (name) =>
      guarded(async () => {
        if (name.includes('\0')) return undefined
        const [row] = await sql`SELECT * FROM sync_entries WHERE name = ${name}`
        return row && entryOf(row)
      }),
    rules: () =>
      guarded(async () => {
        const [row] = await sql`SELECT rules_rev, pending, applied, planned FROM sync_state`
        const none = '{"rules":[]}'
        return {
          rev: Number(row?.['rules_rev'] ?? 0),
          pending: String(row?.['pending'] ?? none),
          applied: String(row?.['applied'] ?? none),
          planned: row?.['planned'] !== false,
        }
      }),
    journal: (after, limit) =>
      guarded(async () => {
        const rows = await sql`
          SELECT *, extract(epoch FROM at)::float8 * 1000 AS at_ms FROM sync_journal
          WHERE seq > ${after} ORDER BY seq LIMIT ${limit}`
        return rows.map(eventOf)
      }),
    lastSeq: () =>
      guarded(async () => {
        const [row] = await sql`SELECT seq FROM sync_journal ORDER BY seq DESC LIMIT 1`
        return Number(row?.['seq'] ?? 0)
      }),
    trash: ({ entry, after, limit }) =>
      guarded(async () => {
        const rows = await sql`
          SELECT ${trashColumns()} FROM sync_trash
          WHERE key > ${after}::uuid AND (${entry ?? null}::text IS NULL OR entry = ${entry ?? null}::text)
          ORDER BY key LIMIT ${limit}`
        return rows.map(trashOf)
      }),
    trashed: (key) =>
      guarded(async () => {
        const [row] = await sql`SELECT ${trashColumns()} FROM sync_trash WHERE key = ${key}::uuid`
        return row && trashOf(row)
      }),
    trashDue: (entry, keptMs, limit) =>
      guarded(async () => {
        const rows = await sql`
          SELECT ${trashColumns()} FROM sync_trash
          WHERE entry = ${entry} AND lived_ms <= (SELECT lived_ms FROM sync_state) - ${keptMs}::bigint
          ORDER BY lived_ms LIMIT ${limit}`
        return rows.map(trashOf)
      }),
    conflicts: ({ after, limit }) =>
      guarded(async () => {
        const rows = await sql`
          SELECT ${view()}, f.conflict_of FROM sync_files f
          WHERE f.live AND f.conflict_of IS NOT NULL AND f.fid > ${after}::uuid ORDER BY f.fid LIMIT ${limit}`
        return rows.map((row) => ({ ...viewOf(row), conflictOf: String(row['conflict_of']) }))
      }),
    issues: (entry) =>
      guarded(async () => {
        const rows = await sql<{ entry: string; native: string; reason: string; atMs: number }[]>`
          SELECT entry, native, reason, extract(epoch FROM at)::float8 * 1000 AS "atMs" FROM sync_issues
          WHERE ${entry ?? null}::text IS NULL OR entry = ${entry ?? null}::text ORDER BY entry, native LIMIT 10000`
        return [...rows]
      }),
    work: ({ entry, after, limit }) =>
      guarded(async () => {
        const rows = await sql`
          ${workFrom()} WHERE r.dirty AND (r.fid::text || ' ' || r.entry) > ${after}
            AND (${entry ?? null}::text IS NULL OR r.entry = ${entry ?? null}::text)
          ORDER BY (r.fid::text || ' ' || r.entry) COLLATE "C" LIMIT ${limit}`
        return rows.map(workOf)
      }),
    counts: () =>
      guarded(async () => {
        const rows = await sql`
          SELECT e.name AS entry,
            (SELECT count(*) FROM sync_replicas r WHERE r.entry = e.name AND r.fingerprint IS NOT NULL) AS held,
            (SELECT count(*) FROM sync_replicas r WHERE r.entry = e.name AND r.dirty) AS waiting,
            (SELECT count(*) FROM sync_replicas r WHERE r.entry = e.name AND r.dirty AND r.blocked IS NOT NULL) AS blocked
          FROM sync_entries e ORDER BY e.name`
        return rows.map((row) => ({
          entry: String(row['entry']),
          held: Number(row['held']),
          waiting: Number(row['waiting']),
          blocked: Number(row['blocked']),
        }))
      }),

    dueWork: (entry, { limit, without, lane }) =>
      guarded(async () => {
        const size =
          lane === 'small' ? sql`r.weight <= ${smallFileBytes}::bigint` : sql`r.weight > ${smallFileBytes}::bigint`
        const rows = await sql`
          ${workFrom()} WHERE r.entry = ${entry} AND r.dirty AND ${size}
            AND (r.retry_at IS NULL OR r.retry_at <= now() OR ${isBeyond()}) AND NOT (r.fid = ANY (${[...without]}::uuid[]))
          ORDER BY r.weight, r.fid LIMIT ${limit}`
        return rows.map(workOf)
      }),
    nextDueMs: (entry) =>
      guarded(async () => {
        const [row] = await sql`
          SELECT extract(epoch FROM r.retry_at)::float8 * 1000 AS at FROM sync_replicas r
          WHERE r.entry = ${entry} AND r.dirty AND r.retry_at IS NOT NULL ORDER BY r.retry_at LIMIT 1`
        return row === undefined ? undefined : Number(row['at'])
      }),
    versions: (ids) =>
      guarded(async () => {
        const rows =
          await sql`SELECT ${versionColumns(sql)} FROM sync_versions v WHERE v.id = ANY (${[...ids]}::bigint[])`
        return rows.map(versionOf)
      }),
    sources: (hashes) =>
      guarded(async () => {
        const rows = await sql<{ entry: string; native: string; fingerprint: string; hash: string }[]>`
          SELECT entry, native, fingerprint, hash FROM sync_replicas
          WHERE hash = ANY (${[...hashes]}::text[]) AND fingerprint IS NOT NULL`
        return [...rows]
      }),
    known: (entry, after, limit) =>
      guarded(async () => [
        ...(await sql<{ native: string; fingerprint: string }[]>`
          SELECT native, fingerprint FROM sync_replicas
          WHERE entry = ${entry} AND native > ${after} AND fingerprint IS NOT NULL ORDER BY native LIMIT ${limit}`),
      ]),
    knownBelow: (entry, folder) =>
      guarded(async () => [
        ...(await sql<{ native: string; fingerprint: string }[]>`
          SELECT native, fingerprint FROM sync_replicas
          WHERE entry = ${entry} AND native > ${`${folder}/`} AND native < ${`${folder}0`} AND fingerprint IS NOT NULL
          ORDER BY native`),
      ]),
    replicas: (entry, natives) =>
      guarded(async () => {
        if (natives.length === 0) return []
        const rows = await sql`
          ${workFrom()} WHERE r.entry = ${entry} AND r.native = ANY (${[...natives]}::text[])`
        return rows.map(workOf)
      }),
    isElsewhere: (fid, entry) =>
      guarded(async () => {
        const rows = await sql`
          SELECT 1 FROM sync_replicas r JOIN sync_files f ON f.fid = r.fid
          WHERE r.fid = ${fid}::uuid AND r.entry <> ${entry} AND r.owner AND r.base = f.head
            AND r.fingerprint IS NOT NULL LIMIT 1`
        return rows.length > 0
      }),
    withKeys: (entry, keys) =>
      guarded(async () => {
        if (keys.length === 0) return []
        const rows = await sql`
          SELECT ${replicaColumns(sql)} FROM sync_replicas r
          WHERE r.entry = ${entry} AND r.key = ANY (${[...keys]}::text[]) AND r.fingerprint IS NOT NULL`
        return rows.map(replicaOf)
      }),
    wanting: (entry, hashes) =>
      guarded(async () => {
        if (hashes.length === 0) return []
        const rows = await sql`
          SELECT ${fileColumns(sql)}, ${replicaColumns(sql)}, f.fid AS fid
          FROM sync_files f JOIN sync_replicas r ON r.fid = f.fid AND r.entry = ${entry}
          WHERE f.hash = ANY (${[...hashes]}::text[]) AND f.live AND r.dirty AND r.fingerprint IS NULL`
        return rows.map(workOf)
      }),
    unsafe: (hashes) =>
      guarded(async () => {
        if (hashes.length === 0) return new Set<string>()
        const rows = await sql<{ hash: string }[]>`
          SELECT DISTINCT f.hash FROM sync_files f WHERE f.hash = ANY (${[...hashes]}::text[]) AND f.live
            AND NOT EXISTS (SELECT FROM sync_replicas r
              WHERE r.fid = f.fid AND r.base = f.head AND r.fingerprint IS NOT NULL)`
        return new Set(rows.map(({ hash }) => hash))
      }),
    foldTwin: (entry, foldKey, fid) =>
      guarded(async () => {
        const [row] = await sql<{ filename: string }[]>`
          SELECT f.filename FROM sync_files f JOIN sync_replicas r ON r.fid = f.fid AND r.entry = ${entry}
          WHERE f.fold_key = ${foldKey} AND f.live AND f.fid <> ${fid}::uuid AND r.fingerprint IS NOT NULL LIMIT 1`
        return row?.filename
      }),
    countHeld: (entry) =>
      guarded(async () => {
        const [row] = await sql`
          SELECT count(*) AS held FROM sync_replicas WHERE entry = ${entry} AND fingerprint IS NOT NULL`
        return Number(row?.['held'] ?? 0)
      }),
    intents: () => guarded(async () => (await sql`SELECT * FROM sync_intents`).map(intentOf)),
  }
}
