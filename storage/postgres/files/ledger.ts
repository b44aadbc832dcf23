/** Leases of objects and what is to be deleted: one row an object, one statement a call. */
import { tenantPrefix } from '../../../src/model/object-name.ts'
import { Coalescer } from '../../coalescer.ts'
import { type ObjectLedger, objectHold } from '../../files/contract.ts'
import { mayDelete } from '../backup.ts'
import { guarded, type Sql } from '../connection.ts'

/** Where the tenant begins in the name of an object, counted from 1. */
const tenantAt = tenantPrefix('').length

/** How long a process may take to delete the objects it claimed; then another one tries. */
const takenMs = 600_000

/** An export of the tenant still has to deliver what it listed. The objects of a removed tenant are deleted anyway. */
function isHeld(sql: Sql) {
  return sql`(right(name, 1) <> '/' AND EXISTS (
    SELECT 1 FROM secrets WHERE kind = ${objectHold} AND expires > now()
      AND secrets.prefix = substr(split_part(object_ledger.name, '/', 1), ${tenantAt}::int)))`
}

export function newObjectLedger(sql: Sql): ObjectLedger {
  const inMs = (ms: number) => sql`now() + ${ms} * interval '1 millisecond'`
  // Many uploads begin at the same time, and each waits for its lease to be on disk.
  const leases = new Coalescer<{ readonly objects: readonly string[]; readonly forMs: number }>(async (asked) => {
    const until = new Map(asked.flatMap(({ objects, forMs }) => objects.map((name) => [name, forMs] as const)))
    if (until.size === 0) return
    await sql`
      INSERT INTO object_ledger (name, due)
      SELECT name, now() + ms * interval '1 millisecond'
      FROM unnest(${[...until.keys()]}::text[], ${[...until.values()]}::float8[]) AS t (name, ms)
      ON CONFLICT (name) DO UPDATE SET due = excluded.due, taken = false`
  })
  return {
    lease: (objects, forMs) => guarded(() => leases.add({ objects, forMs })),
    renew: (objects, forMs) =>
      guarded(async () => {
        if (objects.length === 0) return
        await sql`UPDATE object_ledger SET due = ${inMs(forMs)} WHERE name = ANY (${[...objects]}::text[]) AND NOT taken`
      }),
    sweep: ({ limit, objects }, remove) =>
      guarded(async () => {
        const only = objects === undefined ? sql`` : sql`AND name = ANY (${[...objects]}::text[])`
        const rows = await sql<{ name: string }[]>`
          UPDATE object_ledger SET taken = true, due = ${inMs(takenMs)} WHERE name IN (
            SELECT name FROM object_ledger WHERE due <= now() ${only} AND ${mayDelete(sql)} AND NOT ${isHeld(sql)} ORDER BY due LIMIT ${limit} FOR UPDATE SKIP LOCKED)
          RETURNING name`
        const names = rows.map(({ name }) => name)
        if (names.length === 0) return 0
        try {
          await remove(names)
        } catch (error) {
          await sql`UPDATE object_ledger SET due = now() + interval '30 seconds' WHERE name = ANY (${names}::text[])`
          throw error
        }
        await sql`DELETE FROM object_ledger WHERE name = ANY (${names}::text[]) AND taken`
        return names.length
      }),
    entered: (objects) =>
      guarded(async () => {
        const rows = await sql<{ name: string }[]>`
          SELECT x.name FROM unnest(${[...objects]}::text[]) AS t (name)
          CROSS JOIN LATERAL (SELECT name FROM object_ledger WHERE name = t.name OFFSET 0) x`
        return new Set(rows.map(({ name }) => name))
      }),
  }
}
