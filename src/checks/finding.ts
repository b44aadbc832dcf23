/** What a check found. `type` says what is wrong; the other members belong to it. */
import type { JsonObject } from '../model/json/value.ts'
import { isNoDatabase } from '../model/no-database.ts'

export interface CheckFinding extends JsonObject {
  readonly type: string
}

/** The findings of `check`; a database that does not exist is one itself. */
export async function findingsOf(check: () => Promise<readonly CheckFinding[]>): Promise<readonly CheckFinding[]> {
  try {
    return await check()
  } catch (error) {
    if (!isNoDatabase(error)) throw error
    return [{ type: 'no_database', error: 'CouchDB(not_found): Database does not exist.' }]
  }
}
