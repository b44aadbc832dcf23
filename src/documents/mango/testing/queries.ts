/** Short ways to fill a database in memory and to query it. */
import type { JsonObject } from '../../../model/json/value.ts'
import { parseFindRequest } from '../find-request.ts'
import { planFind } from '../plan.ts'
import { type FindResult, runFind } from '../run.ts'
import { MemoryDatabase } from './memory-database.ts'

export function filled(
  documents: Readonly<Record<string, JsonObject>>,
  ...indexes: readonly (readonly string[])[]
): MemoryDatabase {
  const database = new MemoryDatabase()
  for (const [id, body] of Object.entries(documents)) database.put(id, JSON.stringify(body))
  for (const fields of indexes) database.createIndex({ index: { fields }, ddoc: fields.join('-') || 'none' })
  return database
}

export async function find(
  database: MemoryDatabase,
  body: JsonObject,
): Promise<FindResult & { readonly ids: readonly string[] }> {
  const request = parseFindRequest(body)
  const result = await runFind(planFind(request, database.views()), request, database)
  const ids = result.docs.map((doc) => (JSON.parse(doc) as { _id: string })._id)
  return { ...result, ids }
}

/** All pages, following bookmarks until a page is empty. */
export async function findAll(database: MemoryDatabase, body: JsonObject): Promise<readonly string[]> {
  const ids: string[] = []
  let bookmark: string | undefined
  for (let pages = 0; pages < 500; pages++) {
    const page = await find(database, bookmark === undefined ? body : { ...body, bookmark })
    if (page.ids.length === 0) return ids
    ids.push(...page.ids)
    bookmark = page.bookmark
  }
  throw new Error('pages never end')
}

export const numbered = (count: number, body: (i: number) => JsonObject) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`d${String(i).padStart(5, '0')}`, body(i)]))
