/** Accounts of konnectors that are no longer installed. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { scanDocuments, writeDocument } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'
import { isObject } from '../model/json/value.ts'

/**
 * Deletes accounts whose konnector is not installed, with the triggers that would run it. Accounts without a type belong
 * to an aggregator and stay. Resolves to how many accounts there were.
 */
export async function removeOrphanAccounts(store: DocumentStore, { prefix }: Instance): Promise<number> {
  const installed = new Set<string>()
  for await (const { id, value } of scanDocuments(store, { prefix, name: 'io.cozy.konnectors' })) {
    installed.add(typeof value['slug'] === 'string' ? value['slug'] : id.replace(/^io\.cozy\.konnectors\//, ''))
  }
  const accounts = { prefix, name: 'io.cozy.accounts' }
  const removed = new Set<string>()
  for await (const document of scanDocuments(store, accounts)) {
    const type = document.value['account_type']
    if (typeof type !== 'string' || type === '' || installed.has(type)) continue
    await writeDocument(store, { ref: accounts, id: document.id, parent: document })
    removed.add(document.id)
  }
  if (removed.size === 0) return 0
  const triggers = { prefix, name: 'io.cozy.triggers' }
  for await (const trigger of scanDocuments(store, triggers)) {
    const message = trigger.value['message']
    const account = isObject(message) ? message['account'] : undefined
    if (trigger.value['worker'] !== 'konnector' || typeof account !== 'string' || !removed.has(account)) continue
    await writeDocument(store, { ref: triggers, id: trigger.id, parent: trigger })
  }
  return removed.size
}
