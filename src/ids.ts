/** Where identifiers come from. */
import { randomBytes } from 'node:crypto'

let lastMicros = 0

/**
 * A new document id: 32 hex digits, 14 of time and 18 of chance, as CouchDB's `utc_random`. Ids made one after the other
 * sort one after the other, which keeps the primary key's pages hot.
 */
export function newDocumentId(): string {
  lastMicros = Math.max(lastMicros + 1, Date.now() * 1000)
  return lastMicros.toString(16).padStart(14, '0') + randomBytes(9).toString('hex')
}
