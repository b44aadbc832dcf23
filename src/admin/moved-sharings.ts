/** Sharings that still name the domain that an instance had before. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { domainIn } from '../checks/sharing.ts'
import { scanDocuments, writeDocument } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'
import { isObject, type Json } from '../model/json/value.ts'

/** Writes the present domain into the members that are this instance. Resolves to how many sharings were changed. */
export async function renameInSharings(store: DocumentStore, instance: Instance): Promise<number> {
  const former = instance.document['old_domain']
  if (typeof former !== 'string' || former === '') return 0
  const ref = { prefix: instance.prefix, name: 'io.cozy.sharings' }
  let count = 0
  for await (const document of scanDocuments(store, ref)) {
    const members = document.value['members']
    if (!Array.isArray(members)) continue
    const renamed = members.map((member: Json) => {
      const url = isObject(member) ? member['instance'] : undefined
      if (!isObject(member) || typeof url !== 'string' || domainIn(url) !== former.toLowerCase()) return member
      return { ...member, instance: url.replace(/^(https?:\/\/)[^/?#]*/i, `$1${instance.domain}`) }
    })
    if (renamed.every((member, index) => member === members[index])) continue
    const value = { ...document.value, members: renamed }
    if ((await writeDocument(store, { ref, id: document.id, value, parent: document })) === 'ok') count += 1
  }
  return count
}
