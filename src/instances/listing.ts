/** Instances by id, page by page. */
import type { DocumentStore, IdRange } from '../../storage/documents/contract.ts'
import { orWithoutDatabase } from '../model/no-database.ts'
import { scanPage } from '../model/page-limits.ts'
import { membersOf } from './own-documents.ts'
import { instancesRef, recordOf } from './records.ts'
import type { Instance, InstanceList, InstancePage } from './service.ts'

type Reader = Pick<DocumentStore, 'scanIds' | 'countIds'>

/** A page of instances; without a limit all of them. Empty when none was ever created. */
export async function listInstances(store: Reader, { limit, cursor, skip = 0 }: InstanceList): Promise<InstancePage> {
  const wanted = limit === undefined ? Number.POSITIVE_INFINITY : limit + 1
  const instances: Instance[] = []
  let start = cursor === undefined ? undefined : { id: cursor, inclusive: true }
  while (instances.length < wanted) {
    const range: IdRange = {
      start,
      descending: false,
      skip: instances.length === 0 ? skip : 0,
      limit: Math.min(scanPage, wanted - instances.length),
      designs: 'none',
      bodies: true,
    }
    const page = await orWithoutDatabase(store.scanIds(instancesRef, range), [])
    for (const row of page) instances.push(recordOf({ ...row, value: membersOf(row.text) }).instance)
    const last = page.at(-1)
    if (last === undefined || page.length < scanPage) break
    start = { id: last.id, inclusive: false }
  }
  const more = limit === undefined ? undefined : instances[limit]
  return { instances: more === undefined ? instances : instances.slice(0, limit), next: more?.id }
}

/** How many instances there are; design documents do not count. */
export function countInstances(store: Reader): Promise<number> {
  return orWithoutDatabase(store.countIds(instancesRef, { designs: 'none' }), 0)
}
