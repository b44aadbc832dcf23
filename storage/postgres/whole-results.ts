/**
 * Repairs the driver (postgres.js 3.4.9): it numbers the rows of a result as they come, and begins again only when a
 * statement succeeds. After one that failed between two rows (a time limit, a database server that died) the next
 * result on that connection begins with as many holes, so that its first row is `undefined`: "there is no such document".
 */
import type { Sql } from 'postgres'

type Settle = (result: unknown) => void

/** Makes every result whole before anybody sees it, those of transactions too. May be called again. */
export function repairResults(sql: Sql): void {
  // That of all queries of this driver; this one is never sent.
  const prototype: object = Object.getPrototypeOf(sql`SELECT 1`)
  if (Object.hasOwn(prototype, 'resolve')) return
  Object.defineProperty(prototype, 'resolve', {
    // The constructor of a query assigns it.
    set(this: object, settle: Settle) {
      const value: Settle = (result) => settle(whole(result))
      Object.defineProperty(this, 'resolve', { value, writable: true, configurable: true, enumerable: true })
    },
  })
}

/** Results are arrays; those of several statements sent as one text, which Hearth does when it migrates, have no rows. */
function whole(result: unknown): unknown {
  if (!Array.isArray(result) || result.length === 0 || 0 in result) return result
  const holes = result.findIndex((_, at) => at in result)
  result.splice(0, holes < 0 ? result.length : holes)
  return result
}
