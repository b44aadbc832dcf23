import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { isNoDatabase } from '../model/no-database.ts'

/** Runs `work`, and once more after creating the database if it does not exist and `create` is set. */
export async function creating<Result>(
  store: Pick<DocumentStore, 'createDatabase'>,
  ref: DatabaseRef,
  create: boolean,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!create || !isNoDatabase(error)) throw error
  }
  await store.createDatabase(ref)
  return work()
}
