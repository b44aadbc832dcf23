/** What one transaction of the engine reads and writes. Rows travel as one JSON text for each table. */
import type { Changes, FileRow, FileState, ReplicaRow, StoredEntry, SyncTransaction } from '../../sync/contract.ts'
import type { Transaction } from '../connection.ts'
import { fileColumns, replicaColumns, statesOf, versionColumns, versionOf, weightOf } from './rows.ts'

export function newSyncTransaction(tx: Transaction): SyncTransaction {
  return {
    async files(fids) {
      if (fids.length === 0) return []
      const rows = await tx`
        SELECT ${fileColumns(tx)}, ${replicaColumns(tx)}, f.fid AS fid
        FROM sync_files f LEFT JOIN sync_replicas r ON r.fid = f.fid WHERE f.fid = ANY (${[...fids]}::uuid[])`
      return statesOf(rows)
    },
    async versionsOf(fids, hashes) {
      if (fids.length === 0 || hashes.length === 0) return []
      const rows = await tx`
        SELECT ${versionColumns(tx)} FROM sync_versions v
        WHERE v.fid = ANY (${[...fids]}::uuid[]) AND v.hash = ANY (${[...hashes]}::text[])`
      return rows.map(versionOf)
    },
    async foldersAmong(filenames) {
      if (filenames.length === 0) return new Set()
      // Behind the slash comes the zero in ASCII.
      const rows = await tx<{ name: string }[]>`
        SELECT t.name FROM unnest(${[...filenames]}::text[]) AS t (name) WHERE EXISTS (
          SELECT FROM sync_files f WHERE f.filename > t.name || '/' AND f.filename < t.name || '0' AND f.live)`
      return new Set(rows.map(({ name }) => name))
    },
    async newVersions(count) {
      if (count === 0) return []
      const [row] = await tx<{ last: string }[]>`
        UPDATE sync_state SET last_version = last_version + ${count} RETURNING last_version AS last`
      const last = Number(row?.last)
      return Array.from({ length: count }, (_, at) => last - count + 1 + at)
    },
    save: (changes) => save(tx, changes),
    async putEntry(entry: StoredEntry) {
      const { name, driver, options, desired, token, machine, held, trusted, scrubbed } = entry
      await tx`
        INSERT INTO sync_entries (name, driver, options, desired, token, machine, held, trusted, scrubbed)
        VALUES (${name}, ${driver}, ${options}, ${desired}, ${token}, ${machine}, ${held}, ${trusted}, ${scrubbed})
        ON CONFLICT (name) DO UPDATE SET driver = excluded.driver, options = excluded.options,
          desired = excluded.desired, token = excluded.token, machine = excluded.machine, held = excluded.held,
          trusted = excluded.trusted, scrubbed = excluded.scrubbed`
    },
    async removeEntry(name) {
      await tx`DELETE FROM sync_replicas WHERE entry = ${name}`
      await tx`DELETE FROM sync_intents WHERE entry = ${name}`
      await tx`DELETE FROM sync_issues WHERE entry = ${name}`
      await tx`DELETE FROM sync_trash WHERE entry = ${name}`
      await tx`DELETE FROM sync_entries WHERE name = ${name}`
    },
    async retry(blocked) {
      const rows = await tx<{ entry: string }[]>`
        WITH retried AS (
          UPDATE sync_replicas SET blocked = NULL, attempts = 0, retry_at = NULL
          WHERE dirty AND retry_at IS NOT NULL AND blocked = ${blocked} RETURNING entry)
        SELECT DISTINCT entry FROM retried`
      return rows.map(({ entry }) => entry)
    },
    async putRules(rules) {
      await tx`
        UPDATE sync_state SET rules_rev = coalesce(${rules.rev ?? null}::bigint, rules_rev),
          pending = coalesce(${rules.pending ?? null}::text, pending),
          applied = coalesce(${rules.applied ?? null}::text, applied)`
    },
    async setPlanned(planned) {
      await tx`UPDATE sync_state SET planned = ${planned}`
    },
    async filesAfter(after, limit) {
      const rows = await tx`
        SELECT ${fileColumns(tx)}, ${replicaColumns(tx)}, f.fid AS fid
        FROM (SELECT * FROM sync_files WHERE fid > ${after}::uuid ORDER BY fid LIMIT ${limit}) f
        LEFT JOIN sync_replicas r ON r.fid = f.fid ORDER BY f.fid`
      return statesOf(rows)
    },
  }
}

async function save(tx: Transaction, changes: Changes): Promise<void> {
  const { files = [], versions = [], journal = [], trash = [], untrash = [] } = changes
  const { intents = [], intentsDone = [], issues = [], issuesGone = [] } = changes
  if (versions.length > 0) {
    await tx`
      INSERT INTO sync_versions (id, fid, parent, hash, size, chunks, mtime_ms, executable, entry)
      SELECT id, fid, parent, hash, size, chunks, "mtimeMs", executable, entry
      FROM jsonb_to_recordset(${JSON.stringify(versions)}::text::jsonb) AS t (id bigint, fid uuid, parent bigint,
        hash text, size bigint, chunks text, "mtimeMs" float8, executable boolean, entry text)`
  }
  if (files.length > 0) await saveFiles(tx, files)
  if (trash.length > 0) {
    await tx`
      INSERT INTO sync_trash (key, entry, name, fid, version, size, reason, lived_ms)
      SELECT t.*, (SELECT lived_ms FROM sync_state) FROM jsonb_to_recordset(${JSON.stringify(trash)}::text::jsonb) AS t (key uuid, entry text, name text,
        fid uuid, version bigint, size bigint, reason text) ON CONFLICT (key) DO NOTHING`
  }
  if (untrash.length > 0) await tx`DELETE FROM sync_trash WHERE key = ANY (${[...untrash]}::uuid[])`
  if (intents.length > 0) {
    await tx`
      INSERT INTO sync_intents (op, entry, fid, version, kind, native, before, size)
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(intents)}::text::jsonb) AS t (op uuid, entry text, fid uuid,
        version bigint, kind text, native text, before text, size bigint)`
  }
  if (intentsDone.length > 0) await tx`DELETE FROM sync_intents WHERE op = ANY (${[...intentsDone]}::uuid[])`
  if (issues.length > 0) {
    await tx`
      INSERT INTO sync_issues (entry, native, reason)
      SELECT DISTINCT ON (entry, native) * FROM jsonb_to_recordset(${JSON.stringify(issues)}::text::jsonb)
        AS t (entry text, native text, reason text)
      ON CONFLICT (entry, native) DO UPDATE SET reason = excluded.reason`
  }
  if (issuesGone.length > 0) {
    await tx`
      DELETE FROM sync_issues i USING jsonb_to_recordset(${JSON.stringify(issuesGone)}::text::jsonb)
        AS t (entry text, native text) WHERE i.entry = t.entry AND i.native = t.native`
  }
  if (journal.length > 0) {
    const numbered = journal.map((row, at) => ({ ...row, at: at + 1 }))
    await tx`
      WITH last AS (UPDATE sync_state SET last_seq = last_seq + ${journal.length} RETURNING last_seq)
      INSERT INTO sync_journal (seq, entry, fid, filename, op, before, after, detail)
      SELECT last_seq - ${journal.length} + at, entry, fid, filename, op, before, after, coalesce(detail, '')
      FROM last, jsonb_to_recordset(${JSON.stringify(numbered)}::text::jsonb) AS t (at bigint, entry text, fid uuid,
        filename text, op text, before bigint, after bigint, detail text)`
  }
}

/** Whether something is left to be done in an entry. */
function isDue({ head }: FileRow, { owner, base, unwanted, fingerprint }: ReplicaRow): boolean {
  return owner ? base !== head : unwanted && fingerprint !== null
}

async function saveFiles(tx: Transaction, states: readonly FileState[]): Promise<void> {
  const files = states.map(({ file }) => file)
  await tx`
    INSERT INTO sync_files AS f (fid, filename, fold_key, head, live, size, hash, mtime_ms, executable, conflict_of, moved_to)
    SELECT fid, filename, "foldKey", head, live, size, hash, "mtimeMs", executable, "conflictOf", "movedTo"
    FROM jsonb_to_recordset(${JSON.stringify(files)}::text::jsonb) AS t (fid uuid, filename text, "foldKey" text,
      head bigint, live boolean, size bigint, hash text, "mtimeMs" float8, executable boolean, "conflictOf" uuid,
      "movedTo" uuid)
    ON CONFLICT (fid) DO UPDATE SET head = excluded.head, live = excluded.live, size = excluded.size,
      hash = excluded.hash, mtime_ms = excluded.mtime_ms, executable = excluded.executable,
      conflict_of = excluded.conflict_of, moved_to = excluded.moved_to`
  const replicas = states.flatMap(({ file, replicas }) =>
    replicas.map((replica) => ({
      ...replica,
      dirty: isDue(file, replica),
      weight: weightOf(file),
    })),
  )
  if (replicas.length === 0) return
  await tx`
    INSERT INTO sync_replicas (fid, entry, native, owner, origin, base, hash, fingerprint, key, dirty, weight, blocked,
      attempts, unwanted, retry_at)
    SELECT fid, entry, native, owner, origin, base, hash, fingerprint, key, dirty, weight, blocked, attempts, unwanted,
      to_timestamp("retryAtMs" / 1000)
    FROM jsonb_to_recordset(${JSON.stringify(replicas)}::text::jsonb) AS t (fid uuid, entry text, native text,
      owner boolean, origin boolean, base bigint, hash text, fingerprint text, key text, dirty boolean, weight bigint,
      blocked text, attempts int, unwanted boolean, "retryAtMs" float8)
    ON CONFLICT (fid, entry) DO UPDATE SET native = excluded.native, owner = excluded.owner, origin = excluded.origin,
      base = excluded.base, hash = excluded.hash, fingerprint = excluded.fingerprint, key = excluded.key,
      dirty = excluded.dirty, weight = excluded.weight, blocked = excluded.blocked, attempts = excluded.attempts,
      unwanted = excluded.unwanted, retry_at = excluded.retry_at`
}
