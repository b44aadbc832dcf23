/** Each attempt is counted by one upsert, so that concurrent processes and requests cannot miss each other. */
import type { AttemptCount, AttemptStore } from '../attempts/contract.ts'
import { guarded, type Sql } from './connection.ts'

interface Row {
  readonly count: number
  readonly ends_in: number
}

export function newAttemptStore(sql: Sql): AttemptStore {
  return {
    count: (key, { max, perMs }) =>
      guarded(async () => {
        const [row] = await sql<Row[]>`
          INSERT INTO attempts AS a (key, count, ends) VALUES (${key}, 1, now() + ${perMs} * interval '1 millisecond')
          ON CONFLICT (key) DO UPDATE SET
            count = CASE WHEN a.ends <= now() THEN 1 ELSE least(a.count + 1, 1000000) END,
            ends = CASE WHEN a.ends <= now() THEN excluded.ends ELSE a.ends END
          RETURNING count, extract(epoch FROM ends - now())::float8 * 1000 AS ends_in`
        return countOf(row, max)
      }),
    look: (key, { max }) =>
      guarded(async () => {
        const [row] = await sql<Row[]>`
          SELECT count + 1 AS count, extract(epoch FROM ends - now())::float8 * 1000 AS ends_in
          FROM attempts WHERE key = ${key} AND ends > now()`
        return countOf(row, max)
      }),
    undo: (key) =>
      guarded(async () => {
        await sql`UPDATE attempts SET count = greatest(count - 1, 0) WHERE key = ${key} AND ends > now()`
      }),
  }
}

/** Forgets the windows that have ended. */
export async function sweepAttempts(sql: Sql): Promise<void> {
  await sql`DELETE FROM attempts WHERE ends < now()`
}

function countOf(row: Row | undefined, max: number): AttemptCount {
  if (row === undefined) return { allowed: true, endsInMs: 0 }
  return { allowed: row.count <= max, endsInMs: Math.max(0, Math.ceil(row.ends_in)) }
}
