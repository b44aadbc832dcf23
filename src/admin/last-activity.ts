/** When the owner last used an instance: logins, sessions and the tokens of clients, but no automatic jobs. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { clientsDoctype } from '../auth/clients.ts'
import { loginsDoctype, sessionsDoctype } from '../auth/sessions.ts'
import { scanDocuments } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'

/** The value for an instance that was never used. */
const never = Date.UTC(2018, 0, 1)

/** The day in UTC, `2022-12-31`. */
export async function lastActivity(
  store: Pick<DocumentStore, 'scanIds'>,
  { prefix, document }: Instance,
): Promise<string> {
  let last = Math.max(never, timeOf(document['last_activity_from_deleted_oauth_clients']))
  const note = (value: unknown) => {
    last = Math.max(last, timeOf(value))
  }
  for await (const { value } of scanDocuments(store, { prefix, name: loginsDoctype })) note(value['created_at'])
  for await (const { value } of scanDocuments(store, { prefix, name: sessionsDoctype })) note(value['last_seen'])
  for await (const { value } of scanDocuments(store, { prefix, name: clientsDoctype })) {
    if (value['client_kind'] === 'sharing') continue
    note(value['last_refreshed_at'])
    note(value['synchronized_at'])
  }
  return new Date(last).toISOString().slice(0, 10)
}

function timeOf(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(time) ? never : time
}
