/** Imports as routes see them. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { doorOf } from '../instances/door.ts'
import { readDocument } from '../instances/own-documents.ts'
import { settingsDoctype, settingsId } from '../instances/records.ts'
import type { Instance } from '../instances/service.ts'
import type { Job, Jobs } from '../jobs/service.ts'
import type { JsonObject } from '../model/json/value.ts'
import { changeOwnerSettings } from './owner-settings.ts'

export interface Imports {
  /** Queues an import. `secure`: how the owner reaches the instance. */
  order(instance: Instance, order: { readonly manifestUrl: string; readonly secure?: boolean }): Promise<Job>
  /** Whether an import or a move is under way or about to begin. */
  isUnderWay(instance: Instance): Promise<boolean>
}

export interface ImportsOptions {
  readonly store: Pick<DocumentStore, 'read' | 'write' | 'createDatabase'>
  readonly jobs: Pick<Jobs, 'push' | 'waiting'>
}

export function openImports({ store, jobs }: ImportsOptions): Imports {
  return {
    async order(instance, { manifestUrl, secure }) {
      const message: JsonObject = { manifest_url: manifestUrl, ...(secure === undefined ? {} : { secure }) }
      // Before the job, which takes it away again.
      await changeOwnerSettings(store, instance, { importing: true })
      try {
        return await jobs.push({ tenant: instance, worker: 'import', message })
      } catch (error) {
        await changeOwnerSettings(store, instance, { importing: undefined })
        throw error
      }
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
