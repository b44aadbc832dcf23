/** Imports as routes see them. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { doorOf } from '../instances/door.ts'
import { readDocument } from '../instances/own-documents.ts'
import { settingsDoctype, settingsId } from '../instances/records.ts'
import type { Instance } from '../instances/service.ts'
import type { Job, Jobs } from '../jobs/service.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'
import { changeOwnerSettings } from './owner-settings.ts'

export interface Imports {
  /** Queues an import. `secure`: how the owner reaches the instance. */
  order(instance: Instance, order: ImportSourceOrder & { readonly secure?: boolean }): Promise<Job>
  /** The job that reads an upload, while it has not ended. */
  jobOf(instance: Instance, upload: string): Promise<Job | undefined>
  /** Whether an import or a move is under way or about to begin. */
  isUnderWay(instance: Instance): Promise<boolean>
}

/** Where the archive comes from: the address of an export's description, or what was sent here before. */
export type ImportSourceOrder = { readonly manifestUrl: string } | { readonly upload: string }

export interface ImportsOptions {
  readonly store: Pick<DocumentStore, 'read' | 'write' | 'createDatabase'>
  readonly jobs: Pick<Jobs, 'push' | 'waiting'>
}

export function openImports({ store, jobs }: ImportsOptions): Imports {
  return {
    async order(instance, { secure, ...source }) {
      const from: JsonObject = 'upload' in source ? { upload: source.upload } : { manifest_url: source.manifestUrl }
      const message: JsonObject = { ...from, ...(secure === undefined ? {} : { secure }) }
      // Before the job, which takes it away again.
      await changeOwnerSettings(store, instance, { importing: true })
      try {
        return await jobs.push({ tenant: instance, worker: 'import', message })
      } catch (error) {
        await changeOwnerSettings(store, instance, { importing: undefined })
        throw error
      }
    },
    async jobOf({ prefix }, upload) {
      const waiting = await jobs.waiting(prefix, 'import', 100)
      return waiting.find(({ members: { message } }) => isObject(message) && message['upload'] === upload)
    },
    async isUnderWay(instance) {
      const door = doorOf(instance)
      if (door.kind === 'blocked' && door.reason === 'importing') return true
      // A move whose data is in place may have a job still, which tells the other server.
      const settings = await readDocument(store, { prefix: instance.prefix, name: settingsDoctype }, settingsId)
      if (settings?.value['importing'] !== true) return false
      return (await jobs.waiting(instance.prefix, 'import', 1)).length > 0
    },
  }
}
