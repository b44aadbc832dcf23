import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { isNoDatabase } from '../model/no-database.ts'

/** Does `work`, and once more after making its database where it does not exist and `create` is set. */
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
