import { openPool } from './connection.ts'

/** What a server is, for `hearth doctor`. Nothing is changed on it. */
export interface ServerFacts {
  /** As the server says it: `15.10 (Debian ...)`. */
  readonly version: string
  readonly major: number
  readonly encoding: string
  /** Collations of the ICU provider exist. */
  readonly hasIcu: boolean
  readonly canCreate: boolean
  /** Version of Hearth's schema; 0 when it is not there yet. */
  readonly schemaVersion: number
  /** Schema version of the oldest program that may run on it. */
  readonly oldestProgram: number
}

/** Connects once and looks. Rejects with the driver's error when it cannot. */
export async function inspectServer(url: string): Promise<ServerFacts> {
  const sql = openPool({ target: url, maxConnections: 1 })
  try {
    const [row] = await sql<
      { version: string; num: number; encoding: string; icu: boolean; creating: boolean; known: boolean }[]
    >`SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS num,
        current_setting('server_encoding') AS encoding,
        EXISTS (SELECT 1 FROM pg_collation WHERE collprovider = 'i') AS icu,
        coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS creating,
        to_regclass('hearth_schema') IS NOT NULL AS known`
    if (!row) throw new Error('no answer')
    const [schema] = row.known
      ? await sql<{ version: number; oldest: number }[]>`
          SELECT coalesce(max(version), 0)::int AS version,
            coalesce(max(coalesce((to_jsonb(s) ->> 'oldest')::int, version)), 0)::int AS oldest
          FROM hearth_schema s`
      : []
    return {
      version: row.version,
      major: Math.floor(row.num / 10_000),
      encoding: row.encoding,
      hasIcu: row.icu,
      canCreate: row.creating,
      schemaVersion: schema?.version ?? 0,
      oldestProgram: schema?.oldest ?? 0,
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}
