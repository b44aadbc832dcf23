/** Deleting an instance with all its data. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import { editOf, writeDocument } from './own-documents.ts'
import { changedRecord, type InstanceRecord, instancesRef, recordOfDomain, releaseEdits } from './records.ts'

const attempts = 10

/**
 * Drops all databases of an instance, then the instance. `flagged` runs as soon as nobody may use it any more. Where
 * it fails the flag is taken back, so that it can be asked for again.
 * @throws Problem `not_found`; `internal_server_error` while another deletion is under way
 */
export async function removeInstance(
  store: DocumentStore,
  domain: string,
  flagged: () => Promise<void>,
): Promise<void> {
  const { instance } = await flag(store, domain)
  await flagged()
  try {
    await store.dropPrefix(instance.prefix)
    await eraseRecord(store, instance.domain)
  } catch (error) {
    await unflag(store, instance.domain).catch(() => undefined)
    throw error
  }
  // A write that was under way may have made a database again. Nobody can reach it any more, and the instance is gone:
  // failing here would only hide that.
  await store.dropPrefix(instance.prefix).catch(() => undefined)
}

async function flag(store: DocumentStore, domain: string): Promise<InstanceRecord> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const record = await recordOfDomain(store, domain)
    if (record.value['deleting'] === true) {
      throw new Problem('internal_server_error', 'The deletion has already been requested')
    }
    if ((await writeDocument(store, changedRecord(record, { deleting: true }))) === 'ok') return record
  }
  throw new Problem('conflict', 'Document update conflict.')
}

async function unflag(store: DocumentStore, domain: string): Promise<void> {
  const record = await recordOfDomain(store, domain)
  await writeDocument(store, changedRecord(record, { deleting: undefined }))
}

/** The instance and its names vanish together. */
async function eraseRecord(store: DocumentStore, domain: string): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const record = await recordOfDomain(store, domain)
    const { instance } = record
    const names = await releaseEdits(store, [instance.domain, ...instance.aliases], record.id)
    const edits = [{ ref: instancesRef, id: record.id, parent: record }, ...names]
    const outcomes = await store.write(edits.map(editOf), { atomic: true })
    if (outcomes.every((outcome) => outcome.kind === 'ok')) return
  }
  throw new Problem('conflict', 'Document update conflict.')
}
